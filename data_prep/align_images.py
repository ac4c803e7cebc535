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
from data_prep.faces.detect import DetectSettings, build
from data_prep.faces.detect.folder import (
    check_listable,
    described,
    detect_folder,
    points_of,
    summed_up,
    write_landmarks,
)
from data_prep.faces.landmarks import read_landmarks
from data_prep.files import read_json, sha256_file, write_json, written_aside
from data_prep.images import decode, encode
from data_prep.leftovers import remove_leftovers
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
        missing: what becomes of images without landmarks: "skip" leaves them out, "centre" takes
            the largest centred part of the picture in the crop's shape, "fail" stops.
    """

    size: tuple[int, int] = (112, 112)
    format: str = "jpg"
    quality: int = 95
    layout: str = "auto"
    missing: str = "skip"

    def __post_init__(self) -> None:
        template(self.size)
        if self.format not in ("jpg", "png"):
            raise ValueError(f"--format: expected jpg or png, found {self.format!r}")
        if not 1 <= self.quality <= 100:
            raise ValueError(f"--quality: expected 1 to 100, found {self.quality}")
        if self.missing not in ("skip", "centre", "fail"):
            raise ValueError(f"--missing: expected skip, centre or fail, found {self.missing!r}")

    def recorded(self) -> dict[str, Any]:
        """For align.json. "fail" makes the crops that "skip" makes, so a run may go on with it."""
        missing = "centre" if self.missing == "centre" else "skip"
        return asdict(self) | {"size": list(self.size), "missing": missing}


def align_folder(
    images: Path,
    out: Path,
    landmarks: Path | DetectSettings,
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
        out: folder of the crops, and of `align.json`; empty or new unless `resume`. With a
            detector also of `detected.jsonl` and of `landmarks.txt`, which gives the same crops
            without the detector.
        landmarks: file with paths relative to `images`, or how to find faces.
        settings: size, format and so on.
        workers: threads.
        resume: go on with an earlier run of the same settings and source.

    Returns:
        What is written to `align.json`: settings, counts, names that were left out and why.

    Raises:
        ValueError: bad input, no crop at all, an image without landmarks where settings.missing
            is "fail", or `out` holds something else.
        OSError: a file cannot be read or written.
    """
    found = read_images(images)
    detector = None if isinstance(landmarks, Path) else build(landmarks)
    points: dict[str, np.ndarray] = {}
    if isinstance(landmarks, Path):
        points = _relative_to(images, read_landmarks(landmarks, settings.layout), landmarks)
        _check_names(images, found, points, landmarks)
        _refuse_missing(images, found, points, settings, f"no line in {landmarks}")
        sources: dict[str, Any] = {"landmarks_sha256": sha256_file(landmarks)}
    else:
        assert detector is not None
        check_listable(images, found)
        sources = {"detector": described(landmarks, detector)}
    known = found if detector or settings.missing == "centre" else [n for n in found if n in points]
    _targets(known, settings.format)
    summary: dict[str, Any] = {
        "complete": False,
        "template": "arcface",
        "settings": settings.recorded(),
        **sources,
        "source_sha256": _source_hash(images, known),
    }
    _begin(out, summary, resume)
    if not isinstance(landmarks, Path):
        assert detector is not None
        entries = detect_folder(images, found, out, detector, landmarks.face, workers=workers)
        points = points_of(entries)
        summary["detection"] = account = summed_up(entries)
        if account["not_found"]:
            reason = account["not_found"][0]["reason"]
            _refuse_missing(images, found, points, settings, reason)
        summary["landmarks_sha256"] = write_landmarks(out, points)
    summary |= {"complete": True} | _align_all(images, out, found, points, settings, workers)
    write_json(out / SUMMARY, summary)
    return summary


def _align_all(
    images: Path,
    out: Path,
    found: list[str],
    points: dict[str, np.ndarray],
    settings: AlignSettings,
    workers: int,
) -> dict[str, Any]:
    """Writes the crops; returns counts, and names that were left out."""
    present = set(found)
    without = [name for name in found if name not in points]
    missing = [name for name in points if name not in present]
    centred = settings.missing == "centre"
    todo = found if centred else [name for name in found if name in points]
    if not todo:
        raise ValueError(f"{images}: no usable face was found in any of {len(found)} images")
    one = partial(_align_one, images, out, points, settings)
    results = ordered_map(one, zip(todo, _targets(todo, settings.format)), workers)
    bar = tqdm(results, total=len(todo), desc="align", unit="image", delay=2)
    failed = [{"image": name, "reason": reason} for name, reason in zip(todo, bar) if reason]
    if len(failed) == len(todo):
        raise ValueError(f"{images}: no image could be aligned; the first: {failed[0]['reason']}")
    bad = {entry["image"] for entry in failed}
    return {
        "counts": {
            "crops": len(todo) - len(failed),
            "centred": sum(name not in bad for name in without) if centred else 0,
            "failed": len(failed),
            "without_landmarks": len(without),
            "missing_images": len(missing),
        },
        "failed": failed,
        "without_landmarks": without,
        "missing_images": missing,
    }


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
        pixels = decode(encoded, name)
        landmarks = points.get(name)
        if landmarks is None:
            landmarks = centre_points(pixels.shape[:2], settings.size)
        crop = align(pixels, landmarks, settings.size)
    except ValueError as error:
        return str(error)
    data = encode(crop, f".{settings.format}", settings.quality)
    with written_aside(out / target) as aside:
        aside.write_bytes(data)
    return ""


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


def _check_names(
    images: Path, found: list[str], points: dict[str, np.ndarray], landmarks: Path
) -> None:
    if not any(name in points for name in found):
        raise ValueError(
            f"{landmarks}: none of its {len(points)} paths is an image under {images}, for example "
            f"{next(iter(points))!r} against {found[0]!r}; make the paths relative to --images"
        )


def _refuse_missing(
    images: Path,
    found: list[str],
    points: dict[str, np.ndarray],
    settings: AlignSettings,
    reason: str,
) -> None:
    """Stops at images without landmarks where that is asked for."""
    without = [name for name in found if name not in points]
    if without and settings.missing == "fail":
        raise ValueError(
            f"{images / without[0]}: {reason}, and {len(without)} of {len(found)} images are "
            "without landmarks; --missing skip leaves them out, --missing centre takes their middle"
        )


def _begin(out: Path, summary: dict[str, Any], resume: bool) -> None:
    """Leaves a note of the settings in `out`, or compares with the one that is there."""
    note = out / SUMMARY
    if resume and out.is_dir():
        remove_leftovers(out.iterdir(), {SUMMARY})
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
        remove_leftovers(out.rglob(".*.tmp"))
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
