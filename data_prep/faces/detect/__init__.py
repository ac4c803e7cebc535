"""Faces in photographs: boxes and five landmarks, by a detector of choice. Nothing is downloaded.

A detector is a module of this folder with `build(model_file, device) -> Detector`, and a row in
DETECTORS. This module stays light, so that `--help` need not wait for a network's library.
"""

import difflib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

DETECTORS = {
    "mtcnn": "data_prep.faces.detect.mtcnn",
    "scrfd": "data_prep.faces.detect.scrfd",
}
"""Module of each detector."""

DEVICES = ("auto", "cpu", "cuda")

CHOICES = ("largest", "central", "labelled")
"""Which face of several is taken: the largest box, the box nearest to the picture's centre, or the
one that overlaps a given box most; see choice.py."""


@dataclass(frozen=True)
class Face:
    """One face of a picture.

    Attributes:
        box: float64 [4], x1 y1 x2 y2, pixels; may reach out of the picture.
        score: of the detector, up to 1.
        landmarks: float64 [5, 2], (x, y) pixels, in the order of faces/landmarks.py.
    """

    box: "np.ndarray"
    score: float
    landmarks: "np.ndarray"


class Detector(ABC):
    """Finds faces. May be called from several threads at once.

    Attributes:
        version: the package and its version, for the record.
        device: "cpu" or "cuda".
        model_sha256: of the network's file, unless the package brings it.
    """

    version: str
    device: str
    model_sha256: str | None = None

    @abstractmethod
    def detect_batch(self, images: "np.ndarray") -> list[list[Face]]:
        """The faces of each picture of one size, uint8 RGB [n, H, W, 3]; in no promised order."""

    def detect(self, image: "np.ndarray") -> list[Face]:
        """The faces of one picture, uint8 RGB [H, W, 3]."""
        return self.detect_batch(image[None])[0]


@dataclass(frozen=True, kw_only=True)
class DetectSettings:
    """Which detector, and which face of several.

    Attributes:
        detector: one of DETECTORS.
        model_file: the network, for detectors that do not bring it.
        device: one of DEVICES; `auto` is the GPU if there is one.
        face: one of CHOICES.
        boxes: file of the labelled boxes, for that choice alone; see faces/boxes.py.
    """

    detector: str = "mtcnn"
    model_file: Path | None = None
    device: str = "auto"
    face: str = "largest"
    boxes: Path | None = None

    def __post_init__(self) -> None:
        for option, value, known in (
            ("--detector", self.detector, DETECTORS),
            ("--device", self.device, DEVICES),
            ("--face", self.face, CHOICES),
        ):
            if value not in known:
                near = difflib.get_close_matches(value, known, n=1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                raise ValueError(
                    f"{option}: expected one of {', '.join(known)}, found {value!r}{hint}"
                )
        if (self.face == "labelled") != (self.boxes is not None):
            found = f"--boxes {self.boxes}" if self.boxes else "no --boxes"
            raise ValueError(
                "--face labelled and --boxes FILE go together; found "
                f"--face {self.face} and {found}"
            )


def build(settings: DetectSettings) -> Detector:
    """The detector, ready to use.

    Raises:
        ValueError: a model file is missing, superfluous or of another kind, or the device is not
            there.
        OSError: the model file cannot be read.
    """
    module = import_module(DETECTORS[settings.detector])
    detector: Detector = module.build(settings.model_file, settings.device)
    return detector
