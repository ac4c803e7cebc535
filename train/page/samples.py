"""What the loader feeds: the first images of a run as the network gets them, on one sheet."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from data_prep.files import written_aside
from data_prep.images import encode
from data_prep.transforms import Transform
from train.page.gather import SAMPLES
from train.step import Prepare

COLUMNS, ROWS = 12, 4

_QUALITY = 85
_CELL = 112
"""Longest side of an image on the sheet, pixels."""


def write_samples(
    folder: Path, loader: Any, prepare: Prepare, transform: Transform, step: int
) -> None:
    """Writes the sheet of this rank's batch after `step`; an image that is damaged stays black.

    Args:
        folder: the run's.
        loader: with `dataset` and `batch_sampler`, as the loop's.
        prepare: pixels to the network's input, augmented.
        transform: what normalised them, to be undone.
        step: that the run starts from.

    Raises:
        OSError: the file cannot be written.
    """
    places: list[int] = next(iter(loader.batch_sampler), [])[: COLUMNS * ROWS]
    if not places:
        return
    pixels = np.zeros((len(places), transform.height, transform.width, 3), np.uint8)
    for i, place in enumerate(places):
        try:
            pixels[i] = loader.dataset[place][0]
        except ValueError:  # what becomes of it is the loader's business
            continue
    inputs = prepare(torch.from_numpy(pixels), step, 0).float().cpu().numpy()
    sheet = encode(contact_sheet(shown(inputs, transform)), ".jpg", _QUALITY)
    with written_aside(folder / SAMPLES) as aside:
        aside.write_bytes(sheet)


def shown(inputs: np.ndarray, transform: Transform) -> np.ndarray:
    """The network's input, float [n, 3, H, W], as pixels again, uint8 [n, H, W, 3]."""
    levels = inputs * transform.scale + transform.mean
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8).transpose(0, 2, 3, 1)


def contact_sheet(images: np.ndarray) -> np.ndarray:
    """Images side by side, row by row, the last row filled up grey.

    Args:
        images: uint8 [n, H, W, 3], n at least 1; larger ones are made smaller.

    Returns:
        uint8 [rows x H, columns x W, 3].
    """
    import cv2

    shrink = _CELL / max(images.shape[1:3])
    if shrink < 1:
        height, width = (max(1, round(side * shrink)) for side in images.shape[1:3])
        size = (width, height)
        images = np.stack([cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in images])
    n, height, width, _ = images.shape
    columns = min(COLUMNS, n)
    rows = -(-n // columns)
    cells = np.full((rows * columns, height, width, 3), 128, np.uint8)
    cells[:n] = images
    grid = cells.reshape(rows, columns, height, width, 3).transpose(0, 2, 1, 3, 4)
    return grid.reshape(rows * height, columns * width, 3)
