"""Which faces are to be cut out of which photographs, by the words of lists and detectors."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeVar

import numpy as np

from data_prep.align_settings import AlignSettings
from data_prep.faces.boxes import read_boxes
from data_prep.faces.landmarks import read_faces
from data_prep.images import is_image

Value = TypeVar("Value")


@dataclass(frozen=True)
class Faces:
    """What is known of the faces of photographs; paths are relative to their folder.

    Attributes:
        points: path -> float64 [5, 2], (x, y) pixels.
        aligned: photographs that are crops already, and are taken as they are.
        layout: of the list that it is from, or nothing.
    """

    points: Mapping[str, np.ndarray]
    aligned: frozenset[str] = frozenset()
    layout: str = ""

    def __contains__(self, name: str) -> bool:
        return name in self.points or name in self.aligned


def listed_faces(images: Path, found: list[str], path: Path, layout: str) -> Faces:
    """The faces of a landmark file.

    Args:
        images: folder of the photographs.
        found: paths of the photographs in it.
        path: the file; its paths are relative to `images`, or under it.
        layout: of the file, one of LAYOUTS.

    Raises:
        ValueError: the file cannot be read as a list, or none of its paths is a photograph's.
        OSError: the file cannot be read.
    """
    read = read_faces(path, layout)
    points = _by_photograph(images, found, read.points, path)
    aligned = _by_photograph(images, found, dict.fromkeys(sorted(read.aligned), True), path)
    _refuse_strangers(images, found, [*points, *aligned], path)
    return Faces(points, frozenset(aligned), read.layout)


def labelled_boxes(images: Path, found: list[str], path: Path) -> dict[str, np.ndarray]:
    """The labelled box [4] of each photograph that has one; see faces/boxes.py.

    Raises:
        ValueError: the file cannot be read as a list, or none of its paths is a photograph's.
        OSError: the file cannot be read.
    """
    boxes = _by_photograph(images, found, read_boxes(path), path)
    _refuse_strangers(images, found, list(boxes), path)
    return boxes


def refuse_missing(
    images: Path, names: list[str], faces: Faces, settings: AlignSettings, reason: str
) -> None:
    """Stops at photographs without landmarks where that is asked for.

    Raises:
        ValueError: there is one, and settings.missing is "fail".
    """
    without = [name for name in names if name not in faces]
    if without and settings.missing == "fail":
        raise ValueError(
            f"{images / without[0]}: {reason}, and {len(without)} of {len(names)} images are "
            "without landmarks; --missing skip leaves them out, --missing centre takes their middle"
        )


def targets_of(names: list[str], suffix: str) -> list[str]:
    """The crops' paths: the photographs' with the format's ending.

    Raises:
        ValueError: two photographs would share one.
    """
    targets = [PurePosixPath(name).with_suffix(f".{suffix}").as_posix() for name in names]
    target, times = Counter(targets).most_common(1)[0] if targets else ("", 0)
    if times > 1:
        clash = [name for name, other in zip(names, targets) if other == target]
        raise ValueError(f"{clash[0]} and {clash[1]} would both become {target}; rename one")
    return targets


def source_hash(images: Path, names: list[str]) -> str:
    """SHA-256 over names and lengths of the photographs: enough to notice another source."""
    lines = (f"{name}\t{(images / name).stat().st_size}\n" for name in names)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _without_endings(found: list[str]) -> dict[str, list[str]]:
    """The photographs of each path without its ending, and of each such file name."""
    fits: dict[str, list[str]] = defaultdict(list)
    for name in found:
        path = PurePosixPath(name).with_suffix("")
        for key in {path.as_posix(), path.name}:
            fits[key].append(name)
    return fits


def _by_photograph(
    images: Path, found: list[str], values: Mapping[str, Value], path: Path
) -> dict[str, Value]:
    """What a list says, under its photographs' paths relative to `images`.

    Names without an image's ending stand for the photograph of that path, or of that file name,
    with any ending (MegaFace's lists name files so).

    Raises:
        ValueError: a path is outside of `images`, or a name fits several photographs.
    """
    relative = {}
    endless: dict[str, list[str]] | None = None
    for name, value in values.items():
        place = PurePosixPath(name.replace("\\", "/"))
        if place.is_absolute() and place.is_relative_to(images.absolute().as_posix()):
            place = place.relative_to(images.absolute().as_posix())
        if place.is_absolute() or ".." in place.parts:
            raise ValueError(f"{path}: expected paths under {images}, found {name!r}")
        known = place.as_posix()
        if not is_image(Path(known)):
            endless = _without_endings(found) if endless is None else endless
            fits = endless.get(known, [known])
            if len(fits) > 1:
                raise ValueError(
                    f"{path}: {name!r} may be {fits[0]!r} or {fits[1]!r}; write the path out"
                )
            known = fits[0]
        if known in relative:
            raise ValueError(f"{path}: two names stand for {known!r}; keep one face an image")
        relative[known] = value
    return relative


def _refuse_strangers(images: Path, found: list[str], names: list[str], path: Path) -> None:
    if not set(names) & set(found):
        raise ValueError(
            f"{path}: none of its {len(names)} paths is an image under {images}, for example "
            f"{names[0]!r} against {found[0]!r}; make the paths relative to --images"
        )
