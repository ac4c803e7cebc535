"""SCRFD (Guo et al. 2021) through insightface, with a network file that the user gives.

InsightFace's own networks are for non-commercial research; none comes with the package.
"""

import hashlib
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnxruntime
from insightface.model_zoo.scrfd import SCRFD

from data_prep.faces.detect import Detector, Face
from data_prep.faces.detect.packs import networks

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

    def __init__(self, session: onnxruntime.InferenceSession, model_sha256: str):
        """Wraps a loaded network; `model_sha256` is its file's."""
        self.model_sha256 = model_sha256
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
    """SCRFD from an ONNX file, or from an InsightFace model pack, on the CPU.

    Raises:
        ValueError: no file is given, there is no SCRFD network with landmarks in it, or more than
            one, or a GPU is asked for.
        FileNotFoundError: the file is not there.
    """
    if model_file is None:
        raise ValueError(
            "--detector-model: scrfd needs a network such as scrfd_2.5g_bnkps.onnx, or a model "
            "pack such as buffalo_l; give one, or say --detector mtcnn, which brings its own"
        )
    if device == "cuda":
        raise ValueError("--device: scrfd runs on the CPU only here; say --device cpu")
    name, network = _detection_network(model_file)
    return SCRFDDetector(_session(name, network), hashlib.sha256(network).hexdigest())


def _detection_network(source: Path) -> tuple[str, bytes]:
    """Name and bytes of the one SCRFD network in a file or pack, told by its outputs."""
    suited, others = [], []
    for name, network in networks(source):
        count = len(_session(name, network, read_only=True).get_outputs())
        if count in _WITH_LANDMARKS:
            suited.append((name, network))
        else:
            others.append(f"{name} has {count}")
    if len(suited) > 1:
        raise ValueError(
            f"{source}: expected one SCRFD network, found {', '.join(name for name, _ in suited)}; "
            "give one of the files"
        )
    if not suited:
        raise ValueError(
            f"{source}: expected an SCRFD network with landmarks (9 or 15 outputs; its name often "
            f"ends in _bnkps.onnx or is det_10g.onnx), found other kinds: {', '.join(others)} "
            "(recognition networks have 1)"
        )
    return suited[0]


def _session(name: str, network: bytes, read_only: bool = False) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # threads of align are the parallelism
    if read_only:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        return onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own classes share no base but this
        raise ValueError(f"{name}: no ONNX network that can be run ({error})") from None
