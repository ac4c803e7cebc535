"""SCRFD (Guo et al. 2021) through insightface, with a network file that the user gives.

InsightFace's own networks are for non-commercial research; none comes with the package.
"""

from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnxruntime
from insightface.model_zoo.scrfd import SCRFD

from data_prep.faces.detect import Detector, Face

INPUTS = ((256, 256), (640, 640))
"""Squares that a picture is scaled into, pixels, unless the file fixes one. Small faces need the
large one, faces that fill the picture the small one: in it alone they would be too large."""

SCORE = 0.5
"""Faces below are left out; insightface's own default."""

_WITH_LANDMARKS = (9, 15)
"""Outputs of an SCRFD file: scores, boxes and landmarks at three or five strides."""


class SCRFDDetector(Detector):
    """SCRFD, one picture at a time."""

    version = f"insightface {version('insightface')}"
    device = "cpu"

    def __init__(self, session: onnxruntime.InferenceSession):
        """Wraps a loaded network."""
        self._network = SCRFD(session=session)
        fixed = self._network.static_input_size is not None
        sizes = None if fixed else list(INPUTS)
        self._network.prepare(-1, input_size=sizes, det_thresh=SCORE)

    def detect_batch(self, images: np.ndarray) -> list[list[Face]]:
        """See Detector."""
        return [self._one(image) for image in images]

    def _one(self, image: np.ndarray) -> list[Face]:
        if max(image.shape[:2]) > INPUTS[0][0] * min(image.shape[:2]):  # less than a row is left
            return []
        boxes, points = self._network.detect(np.ascontiguousarray(image[..., ::-1]))
        rows = zip(boxes.astype(np.float64), points.astype(np.float64))
        return [Face(row[:4], float(row[4]), landmarks) for row, landmarks in rows]


def build(model_file: Path | None, device: str) -> SCRFDDetector:
    """SCRFD from an ONNX file, on the CPU.

    Raises:
        ValueError: no file is given, it is no SCRFD network with landmarks, or a GPU is asked for.
        FileNotFoundError: the file is not there.
    """
    if model_file is None:
        raise ValueError(
            "--detector-model: scrfd needs a network file such as scrfd_2.5g_bnkps.onnx; give one, "
            "or say --detector mtcnn, which brings its own"
        )
    if device == "cuda":
        raise ValueError("--device: scrfd runs on the CPU only here; say --device cpu")
    if not model_file.is_file():
        raise FileNotFoundError(f"{model_file}: expected the ONNX file of an SCRFD network")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # threads of align are the parallelism
    try:
        session = onnxruntime.InferenceSession(
            str(model_file), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime's own classes share no base but this
        raise ValueError(f"{model_file}: no ONNX network that can be run ({error})") from None
    count = len(session.get_outputs())
    if count not in _WITH_LANDMARKS:
        raise ValueError(
            f"{model_file}: expected an SCRFD network with landmarks (9 or 15 outputs), found "
            f"{count} outputs; its name usually ends in _bnkps.onnx"
        )
    return SCRFDDetector(session)
