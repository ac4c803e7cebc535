"""Photographs and their landmarks to a tree of aligned crops."""

import hashlib
from collections import Counter
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from tqdm import tqdm

from data_prep.faces.align import align, template
from data_prep.faces.landmarks import read_landmarks
from data_prep.files import read_json, sha256_file, write_json, written_aside
from data_prep.images import decode, encode
from data_prep.parallel import ordered_map
from data_prep.sources.folders import read_images

SUMMARY = "align.json"
"""What was done, beside the crops."""


@dataclass(frozen=True, kw_only=True)
class AlignSettings:
    """What decides every byte of the crops.

    Attributes:
        size: (height, width) of a crop, pixels.
        format: "jpg" or "png".
        quality: of JPEG, 1 to 100.
        layout: of the landmark file, see faces/landmarks.py.
    """

    size: tuple[int, int] = (112, 112)
    format: str = "jpg"
    quality: int = 95
    layout: str = "auto"

    def __post_init__(self) -> None:
        template(self.size)
        if self.format not in ("jpg", "png"):
            raise ValueError(f"--format: expected jpg or png, found {self.format!r}")
        if not 1 <= self.quality <= 100:
            raise ValueError(f"--quality: expected 1 to 100, found {self.quality}")


def align_folder(
    images: Path,
    out: Path,
    landmarks: Path,
    settings: AlignSettings,
    *,
    workers: int = 1,
    resume: bool = False,
) -> dict[str, Any]:
    """Aligns every image that has landmarks; paths below `out` are those below `images`.

    Crops do not depend on `workers`. Each is written whole or not at all, so a run that was killed
    goes on with `resume`: crops that are there are kept.

    Args:
        images: folder of photographs, of any depth.
        out: folder of the crops, and of `align.json`; empty or new unless `resume`.
        landmarks: file with paths relative to `images`.
        settings: size, format and so on.
        workers: threads.
        resume: go on with an earlier run of the same settings and source.

    Returns:
        What is written to `align.json`: settings, counts, names that were left out and why.

    Raises:
        ValueError: bad input, no crop at all, or `out` holds something else.
        OSError: a file cannot be read or written.
    """
    found = read_images(images)
    points = _relative_to(images, read_landmarks(landmarks, settings.layout), landmarks)
    present = set(found)
    todo = [name for name in found if name in points]
    if not todo:
        raise ValueError(
            f"{landmarks}: none of its {len(points)} paths is an image under {images}, for example "
            f"{next(iter(points))!r} against {found[0]!r}; make the paths relative to --images"
        )
    targets = _targets(todo, settings.format)
    summary: dict[str, Any] = {
        "complete": False,
        "template": "arcface",
        "settings": asdict(settings) | {"size": list(settings.size)},
        "landmarks_sha256": sha256_file(landmarks),
        "source_sha256": _source_hash(images, todo),
    }
    _begin(out, summary, resume)
    one = partial(_align_one, images, out, points, settings)
    results = ordered_map(one, zip(todo, targets), workers)
    bar = tqdm(results, total=len(todo), desc="align", unit="image", delay=2)
    failed = [{"image": name, "reason": reason} for name, reason in zip(todo, bar) if reason]
    if len(failed) == len(todo):
        raise ValueError(f"{images}: no image could be aligned; the first: {failed[0]['reason']}")
    without = [name for name in found if name not in points]
    missing = [name for name in points if name not in present]
    summary |= {
        "complete": True,
        "counts": {
            "crops": len(todo) - len(failed),
            "failed": len(failed),
            "without_landmarks": len(without),
            "missing_images": len(missing),
        },
        "failed": failed,
        "without_landmarks": without,
        "missing_images": missing,
    }
    write_json(out / SUMMARY, summary)
    return summary


def _align_one(
    images: Path,
    out: Path,
    points: dict[str, np.ndarray],
    settings: AlignSettings,
    task: tuple[str, str],
) -> str:
    """Writes one crop unless it is there; returns why it could not, or nothing."""
    name, target = task
    if (out / target).exists():
        return ""
    encoded = (images / name).read_bytes()
    try:
        crop = align(decode(encoded, name), points[name], settings.size)
    except ValueError as error:
        return str(error)
    data = encode(crop, f".{settings.format}", settings.quality)
    with written_aside(out / target) as aside:
        aside.write_bytes(data)
    return ""


def _begin(out: Path, summary: dict[str, Any], resume: bool) -> None:
    """Leaves a note of the settings in `out`, or compares with the one that is there."""
    note = out / SUMMARY
    if out.exists() and any(out.iterdir()):
        if not resume:
            raise ValueError(
                f"{out}: expected an empty or new folder; --resume goes on with a run in it"
            )
        if not note.exists():
            raise ValueError(
                f"{out}: expected {SUMMARY} of the run to go on with; choose a new folder"
            )
        earlier = read_json(note)
        for field, value in summary.items():
            if field != "complete" and earlier.get(field) != value:
                raise ValueError(
                    f"{note}: {field} was {earlier.get(field)}, now it is {value}; "
                    "resume with the same, or choose a new folder"
                )
    write_json(note, summary)


def _relative_to(
    images: Path, points: dict[str, np.ndarray], landmarks: Path
) -> dict[str, np.ndarray]:
    """Landmarks under their image's path relative to `images`."""
    relative = {}
    for name, value in points.items():
        path = PurePosixPath(name.replace("\\", "/"))
        if path.is_absolute() and path.is_relative_to(images.absolute().as_posix()):
            path = path.relative_to(images.absolute().as_posix())
        if path.is_absolute() or ".." in path.parts:
            raise ValueError(f"{landmarks}: expected paths under {images}, found {name!r}")
        relative[path.as_posix()] = value
    return relative


def _targets(names: list[str], suffix: str) -> list[str]:
    """The crops' paths: the images' with the format's ending."""
    targets = [PurePosixPath(name).with_suffix(f".{suffix}").as_posix() for name in names]
    target, times = Counter(targets).most_common(1)[0]
    if times > 1:
        clash = [name for name, other in zip(names, targets) if other == target]
        raise ValueError(f"{clash[0]} and {clash[1]} would both become {target}; rename one")
    return targets


def _source_hash(images: Path, names: list[str]) -> str:
    """SHA-256 over names and lengths of the photographs: enough to notice another source."""
    lines = (f"{name}\t{(images / name).stat().st_size}\n" for name in names)
    return hashlib.sha256("".join(lines).encode()).hexdigest()
