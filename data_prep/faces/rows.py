"""Text lists of faces, line by line: paths, numbers, and InsightFace's rows with tabs."""

import json
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm


@dataclass(frozen=True)
class Rows:
    """The lines of a list, in the file's order.

    Attributes:
        names: paths, each once.
        places: line numbers, from 1.
        numbers: float64 [n, k], finite.
    """

    names: list[str]
    places: list[int]
    numbers: np.ndarray


@dataclass(frozen=True)
class TabRows:
    """The rows of a list for InsightFace's face2rec2 (formats.md 2.5), in the file's order.

    Attributes:
        aligned: paths of pictures that are crops already.
        boxes: path -> float64 [4], x1 y1 x2 y2, pixels.
        landmarks: path -> float64 [10], x1 .. x5 y1 .. y5, pixels; of pictures to be aligned.
    """

    aligned: list[str]
    boxes: dict[str, np.ndarray]
    landmarks: dict[str, np.ndarray]


def text_of(path: Path) -> str:
    """The text of a file.

    Raises:
        ValueError: it is not UTF-8.
        OSError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: expected UTF-8 text, byte {error.start} is not") from None


def first_line(text: str) -> tuple[int, str]:
    """The first line that is not blank, with its number from 1; else 1 and nothing."""
    return next(_lines(text), (1, ""))


def numbers_at_the_end(line: str) -> int:
    """How many numbers end a line; its first word is a path, whatever it looks like."""
    words = line.split()[1:]
    count = 0
    while count < len(words) and _finite(words[-1 - count]) is not None:
        count += 1
    return count


def read_rows(text: str, path: Path, count: int, expected: str, *, exact: bool) -> Rows:
    """Lines of a path, which may hold spaces, and some numbers, parted by spaces or tabs.

    Args:
        text: the file's.
        path: the file, for messages.
        count: numbers on a line.
        expected: what a line should be, for messages.
        exact: refuse a path that ends in one more number.

    Raises:
        ValueError: a line is something else, a path comes twice, or there is no line.
    """
    names, places, numbers = [], [], []
    for place, line in tqdm(_lines(text), desc=path.name, unit="line", delay=2):
        fields = line.rsplit(maxsplit=count)
        row = [_finite(field) for field in fields[1:]]
        more = exact and numbers_at_the_end(fields[0]) > 0
        if len(row) != count or None in row or more:
            raise ValueError(
                f"{path}, line {place}: expected {expected}, all numbers finite; found "
                f"{line.strip()[:80]!r}"
            )
        names.append(fields[0].strip())
        places.append(place)
        numbers.append(row)
    if not names:
        raise ValueError(f"{path}: expected lines of {expected}, found none")
    _refuse_repeats(names, places, path)
    return Rows(names, places, np.array(numbers, np.float64))


def is_tab_row(line: str) -> bool:
    """Whether a line has the form of face2rec2's: 3, 7 or 17 fields, the first 0 or 1."""
    fields = line.split("\t")
    return len(fields) in (3, 7, 17) and fields[0].strip() in ("0", "1")


def read_tab_rows(text: str, path: Path) -> TabRows:
    """Lines `aligned, path, label, [x1 y1 x2 y2, [x1 .. x5 y1 .. y5]]` with tabs between.

    Raises:
        ValueError: a line is something else, a path comes twice, or there is no line.
    """
    rows = TabRows([], {}, {})
    names, places = [], []
    for place, line in tqdm(_lines(text), desc=path.name, unit="line", delay=2):
        fields = line.split("\t")
        numbers = [_finite(field) for field in fields[2:]]
        if not is_tab_row(line) or None in numbers:
            raise ValueError(
                f"{path}, line {place}: expected 0 or 1, a path, a label, then nothing or a box of "
                f"4 numbers or also 10 of landmarks, parted by tabs; found {line.strip()[:80]!r}"
            )
        name = fields[1].strip()
        names.append(name)
        places.append(place)
        if fields[0].strip() == "1":
            rows.aligned.append(name)
        if len(fields) > 3:
            rows.boxes[name] = np.array(numbers[1:5], np.float64)
        if len(fields) == 17 and name not in rows.aligned[-1:]:
            rows.landmarks[name] = np.array(numbers[5:], np.float64)
    if not names:
        raise ValueError(f"{path}: expected lines of face2rec2, found none")
    _refuse_repeats(names, places, path)
    return rows


def read_json_rows(text: str, path: Path) -> dict[str, np.ndarray]:
    """A JSON object of name -> ten numbers; the values are float64 [10].

    Raises:
        ValueError: it is something else, or a name comes twice.
    """
    try:
        pairs = json.loads(text, object_pairs_hook=list)
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}, line {error.lineno}: not JSON ({error.msg})") from None
    rows: dict[str, np.ndarray] = {}
    if not isinstance(pairs, list) or not pairs or not isinstance(pairs[0], tuple):
        raise ValueError(f"{path}: expected a JSON object of names and ten numbers each")
    for name, value in pairs:
        row = value if isinstance(value, list) else []
        if len(row) != 10 or not all(type(x) in (int, float) and math.isfinite(x) for x in row):
            raise ValueError(
                f"{path}, {name!r}: expected ten finite numbers, found {str(value)[:80]}"
            )
        if name in rows:
            raise ValueError(f"{path}: {name!r} comes twice; keep one face an image")
        rows[name] = np.array(row, np.float64)
    return rows


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines that are not blank, and their numbers."""
    return ((place, line) for place, line in enumerate(text.split("\n"), 1) if line.strip())


def _finite(word: str) -> float | None:
    try:
        value = float(word)
    except ValueError:
        return None
    # Python takes 1_000 for a number; in a list it is part of a path.
    return value if math.isfinite(value) and "_" not in word else None


def _refuse_repeats(names: list[str], places: list[int], path: Path) -> None:
    name, times = Counter(names).most_common(1)[0]
    if times > 1:
        first, second = [place for place, other in zip(places, names) if other == name][:2]
        raise ValueError(
            f"{path}, line {second}: {name!r} was already on line {first}; keep one face an image"
        )
