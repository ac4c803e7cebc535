"""Files of one labelled box an image, and how much two boxes have in common."""

from pathlib import Path

import numpy as np

from data_prep.faces.rows import first_line, is_tab_row, read_rows, read_tab_rows, text_of


def read_boxes(path: Path) -> dict[str, np.ndarray]:
    """The box of each image: lines `path x1 y1 x2 y2`, or a list of face2rec2 (formats.md 2.5).

    Returns:
        Path -> float64 [4], x1 y1 x2 y2, pixels; in the file's order.

    Raises:
        ValueError: a line has other fields, a path comes twice, a box is empty, or there is none;
            names the file.
        OSError: the file cannot be read.
    """
    text = text_of(path)
    if is_tab_row(first_line(text)[1]):
        boxes = read_tab_rows(text, path).boxes
        if not boxes:
            raise ValueError(f"{path}: expected boxes, found rows without any")
    else:
        rows = read_rows(text, path, 4, "`path x1 y1 x2 y2`", exact=True)
        boxes = dict(zip(rows.names, rows.numbers))
    for name, (x1, y1, x2, y2) in boxes.items():
        if not (x1 < x2 and y1 < y2):
            raise ValueError(
                f"{path}, {name!r}: expected a box x1 y1 x2 y2 with x1 < x2 and y1 < y2, found "
                f"{x1:g} {y1:g} {x2:g} {y2:g}; are the last two its width and height?"
            )
    return boxes


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of two boxes [4], x1 y1 x2 y2: 0 to 1."""
    sides = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    common = float(np.prod(np.maximum(sides, 0)))
    union = float(np.prod(one[2:] - one[:2]) + np.prod(other[2:] - other[:2])) - common
    return common / union if union > 0 else 0.0
