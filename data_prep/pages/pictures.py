"""Small pictures for a page: of crops, of photographs, of the face that was taken in one."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from data_prep.dataset import ImageSource
from data_prep.images import decode, encode
from data_prep.pages.crops import Taken
from data_prep.pages.reasons import Miss
from pages.pictures import Picture, data_uri
from pages.text import breakable

THUMBNAIL = 96
"""Longer side of a picture on a page, pixels."""

_QUALITY = 75
_ORANGE = (255, 120, 0)


def small(pixels: np.ndarray, box: Sequence[float] | None = None) -> str:
    """A small JPEG of a picture as a data URI.

    Args:
        pixels: RGB, uint8 [H, W, 3].
        box: x1 y1 x2 y2 of what is to be framed, pixels; None for nothing.
    """
    import cv2

    scale = min(THUMBNAIL / max(pixels.shape[:2]), 1.0)
    if scale < 1:
        height, width = (max(1, round(side * scale)) for side in pixels.shape[:2])
        pixels = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    if box is not None:
        x1, y1, x2, y2 = (round(value * scale) for value in box)
        pixels = cv2.rectangle(pixels.copy(), (x1, y1), (x2, y2), _ORANGE, 2)
    return data_uri(encode(pixels, ".jpg", _QUALITY))


def of_file(path: Path, box: Sequence[float] | None = None) -> str | None:
    """A small picture of a file; None where it cannot be read or decoded."""
    try:
        return small(decode(path.read_bytes(), path.name), box)
    except (OSError, ValueError):
        return None


def samples(source: ImageSource, most: int, seed: int) -> list[Picture]:
    """Images drawn by `seed`, in the order of the source, with their people."""
    draw = np.random.default_rng(seed)
    places = np.sort(draw.choice(len(source), min(most, len(source)), replace=False))
    bar = tqdm(places.tolist(), desc="samples", unit="image", delay=2, leave=False)
    return [_of_source(source, place) for place in bar]


def missed(misses: Iterable[Miss], photos: Path | None) -> list[Picture]:
    """Photographs that gave no crop, as far as they are still there."""
    bar = tqdm(misses, desc="misses", unit="image", delay=2, leave=False)
    return [
        Picture(
            of_file(photos / miss.image) if photos else None,
            miss.image,
            f"{breakable(miss.image)}<br>{breakable(miss.kind)}",
        )
        for miss in bar
    ]


def taken(several: Sequence[Taken], photos: Path) -> list[Picture]:
    """Photographs of several faces, the one that was taken framed."""
    bar = tqdm(several, desc="faces", unit="image", delay=2, leave=False)
    return [
        Picture(
            of_file(photos / one.image, one.box),
            f"{one.image}: {one.faces} faces, the one taken framed",
            f"{breakable(one.image)}<br>{one.faces} faces",
        )
        for one in bar
    ]


def _of_source(source: ImageSource, place: int) -> Picture:
    name = source.names[place]
    try:
        data = small(decode(source.encoded(place), source.where(place)))
    except (OSError, ValueError):
        data = None
    return Picture(data, name, breakable(name.rpartition("/")[0] or name))
