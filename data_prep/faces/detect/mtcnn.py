"""MTCNN (Zhang et al. 2016) through facenet-pytorch, whose wheel brings the weights; both MIT."""

from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from facenet_pytorch import MTCNN

from data_prep.faces.detect import Detector, Face

MIN_FACE = 40
"""Side of the smallest face that is looked for, pixels. At 20 it takes 1.7 times as long, finds
false faces, and its landmarks move more under blur and noise."""


class MTCNNDetector(Detector):
    """MTCNN with all its faces. Pictures of one size go through the first network together."""

    version = f"facenet-pytorch {version('facenet-pytorch')}"

    def __init__(self, device: str):
        """Loads the three networks onto "cpu" or "cuda"."""
        self.device = device
        # Threads of align are the parallelism; more below them would only wait for each other, and
        # sums would depend on their number.
        torch.set_num_threads(1)
        self._network = MTCNN(keep_all=True, min_face_size=MIN_FACE, device=device).eval()

    def detect_batch(self, images: np.ndarray) -> list[list[Face]]:
        """See Detector."""
        if min(images.shape[1:3]) < MIN_FACE:  # no scale is left to search: the package would fail
            return [[] for _ in images]
        found = zip(*self._network.detect(images, landmarks=True))
        return [_faces(boxes, scores, points) for boxes, scores, points in found]


def _faces(boxes: np.ndarray | None, scores: np.ndarray, points: np.ndarray | None) -> list[Face]:
    """The package's arrays of one picture, which are None where there is no face."""
    if boxes is None or points is None:
        return []
    rows = zip(boxes.astype(np.float64), scores, points.astype(np.float64))
    return [Face(box, float(score), landmarks) for box, score, landmarks in rows]


def build(model_file: Path | None, device: str) -> MTCNNDetector:
    """MTCNN on a device.

    Raises:
        ValueError: a model file is given, or there is no GPU where one is asked for.
    """
    if model_file is not None:
        raise ValueError(
            f"--detector-model: mtcnn brings its own weights, found {model_file}; leave it out, "
            "or say --detector scrfd"
        )
    there = torch.cuda.is_available()
    if device == "cuda" and not there:
        raise ValueError("--device: expected a GPU for cuda, PyTorch finds none; say --device cpu")
    return MTCNNDetector("cuda" if there and device != "cpu" else "cpu")
