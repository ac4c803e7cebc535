"""What a folder of aligned crops tells: `align.json`, `detected.jsonl` and the crops themselves."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from data_prep.align_images import SUMMARY
from data_prep.align_parts import Part
from data_prep.cli import one_line
from data_prep.files import read_json
from data_prep.pages.reasons import Miss, misses_of
from data_prep.sources.folders import read_images

_FIELDS = {
    "counts": dict,
    "settings": dict,
    "detector": dict,
    "detection": dict,
    "failed": list,
    "without_landmarks": list,
}
"""What of align.json is looked into; a field of another kind is passed over."""


@dataclass(frozen=True)
class Taken:
    """The face that was taken in a photograph of several.

    Attributes:
        image: the photograph.
        faces: found in it.
        box: x1 y1 x2 y2 of the one taken, pixels of the photograph.
    """

    image: str
    faces: int
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class Crops:
    """What is known of a folder of crops.

    Attributes:
        folder: where it lies.
        note: align.json; empty for crops of another program.
        people: images a person; the person is the folder.
        images: crops by path, sorted.
        misses: photographs that gave no crop.
        faces: photographs by the number of faces found in them; empty without a detector.
        sides: shorter side of the boxes that were taken, pixels; empty without a detector.
        several: photographs in which one of several faces was taken.
        missing: what could not be read, and so is not shown; a sentence each.
    """

    folder: Path
    note: dict[str, Any]
    people: Counter[str]
    images: list[str]
    misses: list[Miss]
    faces: Counter[int]
    sides: list[float]
    several: list[Taken]
    missing: list[str]

    @property
    def found(self) -> int:
        """Photographs that were looked at."""
        counts = counts_of(self.note)
        left = counts.get("without_landmarks", 0) - counts.get("centred", 0)
        return counts.get("crops", len(self.images)) + counts.get("failed", 0) + left


def counts_of(note: Mapping[str, Any]) -> dict[str, int]:
    """The counts of align.json; what is no number is passed over."""
    counts = note.get("counts")
    if not isinstance(counts, dict):
        return {}
    return {name: count for name, count in counts.items() if type(count) is int}


def gather_crops(folder: Path) -> Crops:
    """Reads a folder of crops.

    Raises:
        ValueError: it has no image.
        OSError: it cannot be read.
    """
    missing: list[str] = []
    images = read_images(folder)
    note = _note(folder, missing)
    faces: Counter[int] = Counter()
    sides: list[float] = []
    several: list[Taken] = []
    for entry in _detected(folder / Part().detected, missing, expected="detector" in note):
        faces[entry["faces"]] += 1
        if "box" in entry:
            x1, y1, x2, y2 = entry["box"]
            sides.append(min(x2 - x1, y2 - y1))
            if entry["faces"] > 1:
                several.append(Taken(entry["image"], entry["faces"], (x1, y1, x2, y2)))
    people = Counter(name.rpartition("/")[0] for name in images)
    return Crops(folder, note, people, images, misses_of(note), faces, sides, several, missing)


def _note(folder: Path, missing: list[str]) -> dict[str, Any]:
    """align.json as far as it can be read."""
    path = folder / SUMMARY
    try:
        note = read_json(path)
    except FileNotFoundError:
        missing.append(
            f"{path} is not there: these crops were not made by `data_prep align`, so how many "
            "photographs there were, and which were missed, is unknown."
        )
        return {}
    except (OSError, ValueError) as error:
        missing.append(f"{one_line(error)}.")
        return {}
    if not isinstance(note, dict):
        missing.append(f"{path}: expected an object of JSON.")
        return {}
    if not note.get("complete"):
        missing.append(f"{path}: the alignment is not complete; go on with align --resume.")
    return {
        name: value
        for name, value in note.items()
        if name not in _FIELDS or isinstance(value, _FIELDS[name])
    }


def _detected(path: Path, missing: list[str], *, expected: bool) -> Iterator[dict[str, Any]]:
    """What the detector found, photograph by photograph; damaged lines are passed over."""
    if not path.exists():
        if expected:
            missing.append(f"{path} is not there: which face was taken is unknown.")
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in tqdm(file, desc="detected", unit="image", delay=2, leave=False):
            try:
                entry = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if _is_finding(entry):
                yield entry


def _is_finding(entry: Any) -> bool:
    """Whether a line has what is looked into."""
    if not isinstance(entry, dict) or type(entry.get("faces")) is not int:
        return False
    box = entry.get("box", [0.0] * 4)
    numbers = isinstance(box, list) and [type(side) in (int, float) for side in box] == [True] * 4
    return numbers and isinstance(entry.get("image"), str)
