"""Crops cut out of photographs and written, each whole or not at all."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from data_prep.align_settings import AlignSettings
from data_prep.align_sources import Faces
from data_prep.faces.align import similarity, template, warp
from data_prep.files import written_aside
from data_prep.images import decode, encode
from data_prep.parallel import ordered_map

Fit = np.ndarray | str | None
"""A transform float64 [2, 3], or why there is none, or None for a picture without landmarks."""

_TOGETHER = 1024
"""Faces that are fitted at once: one by one, the fit would take a third of the time."""

_FIRST_BYTES = {"jpg": b"\xff\xd8", "png": b"\x89PNG"}


def write_crops(
    images: Path,
    out: Path,
    crops: list[tuple[str, str]],
    faces: Faces,
    settings: AlignSettings,
    workers: int = 1,
) -> dict[str, str]:
    """Writes those of the crops that are not there yet.

    Args:
        images: folder of the photographs.
        out: folder of the crops.
        crops: path of the photograph, and of its crop.
        faces: their landmarks; a photograph without any shows its middle.
        settings: size, format and so on.
        workers: threads.

    Returns:
        Photographs of which no crop could be made, and why.

    Raises:
        OSError: a file cannot be read or written.
    """
    fits = fitted([name for name, _ in crops], faces, settings.size)
    one = partial(_write_one, images, out, faces.aligned, settings)
    results = ordered_map(one, zip(crops, fits), workers)
    bar = tqdm(results, total=len(crops), desc="align", unit="image", delay=2)
    return {name: reason for (name, _), reason in zip(crops, bar) if reason}


def fitted(names: list[str], faces: Faces, size: tuple[int, int]) -> Iterator[Fit]:
    """How each photograph's face gets onto the template."""
    target = template(size)
    for start in range(0, len(names), _TOGETHER):
        part = names[start : start + _TOGETHER]
        points = [faces.points[name] for name in part if name in faces.points]
        fits = iter(_fits(points, target))
        yield from (next(fits) if name in faces.points else None for name in part)


def crop_bytes(pixels: np.ndarray, matrix: np.ndarray, settings: AlignSettings) -> bytes:
    """The encoded crop of a picture, uint8 RGB [H, W, 3], by a transform [2, 3]."""
    return encode(warp(pixels, matrix, settings.size), f".{settings.format}", settings.quality)


def centre_points(shape: tuple[int, ...], size: tuple[int, int]) -> np.ndarray:
    """The landmarks with which a crop shows the largest centred part of a picture, whole.

    Args:
        shape: (height, width) of the picture, pixels.
        size: (height, width) of the crop, pixels; its shape is that of the part.

    Returns:
        float64 [5, 2], (x, y) pixels.
    """
    scale = min(shape[0] / size[0], shape[1] / size[1])
    middle = np.array([size[1] - 1, size[0] - 1]) / 2
    return (template(size) - middle) * scale + np.array([shape[1] - 1, shape[0] - 1]) / 2


def _fits(points: list[np.ndarray], target: np.ndarray) -> list[Fit]:
    """Transforms of faces: all at once, unless one of them has none."""
    if not points:
        return []
    try:
        return list(similarity(np.stack(points), target))
    except ValueError:
        return [_fit(one, target) for one in points]


def _fit(points: np.ndarray, target: np.ndarray) -> Fit:
    try:
        return similarity(points, target)
    except ValueError as error:
        return str(error)


def _write_one(
    images: Path,
    out: Path,
    aligned: frozenset[str],
    settings: AlignSettings,
    task: tuple[tuple[str, str], Fit],
) -> str:
    """Writes one crop unless it is there; returns why it could not, or nothing."""
    (name, target), fit = task
    if (out / target).exists():
        return ""
    encoded = (images / name).read_bytes()
    try:
        pixels = decode(encoded, name)
        if name in aligned:
            data = _as_it_is(encoded, pixels, settings)
        else:
            if fit is None:
                points = centre_points(pixels.shape[:2], settings.size)
                fit = similarity(points, template(settings.size))
            elif isinstance(fit, str):
                return f"{name}: {fit}; correct its landmarks"
            data = crop_bytes(pixels, fit, settings)
    except ValueError as error:
        return str(error)
    with written_aside(out / target) as aside:
        aside.write_bytes(data)
    return ""


def _as_it_is(encoded: bytes, pixels: np.ndarray, settings: AlignSettings) -> bytes:
    """A crop that somebody else aligned: its bytes if they are in the format asked for."""
    height, width = settings.size
    if pixels.shape[:2] != settings.size:
        raise ValueError(
            f"its list calls it aligned: expected {height}x{width} pixels, found "
            f"{pixels.shape[0]}x{pixels.shape[1]}"
        )
    if encoded.startswith(_FIRST_BYTES[settings.format]):
        return encoded
    return encode(pixels, f".{settings.format}", settings.quality)
