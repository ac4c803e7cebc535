"""Which face of several is taken."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from data_prep.faces.detect import Face

if TYPE_CHECKING:
    import numpy as np

LEAST_OVERLAP = 0.3
"""Intersection over union with the labelled box, below which a face is somebody else's. Boxes of
lists and of detectors differ in how much hair and chin they hold: the same face rarely reaches
less, a neighbour's rarely as much."""


def _area(face: Face, shape: tuple[int, int]) -> float:
    x1, y1, x2, y2 = face.box.tolist()
    return (x2 - x1) * (y2 - y1)


def _nearness(face: Face, shape: tuple[int, int]) -> float:
    x1, y1, x2, y2 = face.box.tolist()
    height, width = shape
    return -float(((x1 + x2 - width) / 2) ** 2 + ((y1 + y2 - height) / 2) ** 2)


_RANKED: dict[str, Callable[[Face, tuple[int, int]], float]] = {
    "largest": _area,
    "central": _nearness,
}
"""The largest box, or the box whose centre is nearest to the picture's."""


def choose(
    faces: list[Face], choice: str, shape: tuple[int, int], box: "np.ndarray | None" = None
) -> Face | str:
    """The face that is taken, or why there is none; equals go to the higher score.

    Args:
        faces: of one picture, at least one.
        choice: one of CHOICES.
        shape: (height, width) of the picture, pixels.
        box: for `labelled` the picture's box [4], x1 y1 x2 y2, pixels; None if it has none.
    """
    if choice != "labelled":
        return max(faces, key=lambda face: (_RANKED[choice](face, shape), face.score))
    if box is None:
        return "no labelled box"
    from data_prep.faces.boxes import overlap

    shares = [(overlap(face.box, box), face.score) for face in faces]
    greatest = max(shares)
    if greatest[0] < LEAST_OVERLAP:
        return (
            f"no face overlaps the labelled box by {LEAST_OVERLAP}, the greatest of "
            f"{len(faces)} is {greatest[0]:.2f}"
        )
    return faces[shares.index(greatest)]
