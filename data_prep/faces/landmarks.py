"""Files of five landmarks an image, in the layouts that lists come in."""

from collections import Counter
from pathlib import Path

import numpy as np

LAYOUTS = ("auto", "pairs", "planar")
"""`pairs`: x1 y1 .. x5 y5; `planar`: x1 .. x5 y1 .. y5; `auto`: told from the points."""

_PLAUSIBLE, _AHEAD = 0.5, 2.0
"""A layout is taken if more than this share of lines looks like faces, and this many times more
than in the other layout."""


def read_landmarks(path: Path, layout: str = "auto") -> dict[str, np.ndarray]:
    """The landmarks of each image, in the file's order.

    Lines are `path` and ten numbers, parted by spaces or tabs (paths may hold spaces), or
    `path label` and ten numbers as in the Trillion Pairs lists (formats.md 2.10). Blank lines are
    passed over.

    Args:
        path: the file.
        layout: one of LAYOUTS, for the file as a whole.

    Returns:
        Relative POSIX path -> float64 [5, 2], (x, y) pixels: left eye, right eye, nose, left and
        right mouth corner as seen in the picture.

    Raises:
        ValueError: a line has other fields, a path comes twice, or the layout cannot be told;
            names file and line.
        OSError: the file cannot be read.
    """
    names, numbers = _read_lines(path)
    if layout == "auto":
        layout = _told_layout(numbers, path)
    points = numbers.reshape(-1, 5, 2) if layout == "pairs" else _planar(numbers)
    return dict(zip(names, points))


def looks_like_a_face(points: np.ndarray) -> np.ndarray:
    """Whether eyes are above the mouth, left is left of right, the nose between: bool [n].

    Args:
        points: [n, 5, 2], (x, y) pixels.
    """
    x, y = points[..., 0], points[..., 1]
    eyes, mouth = y[:, :2], y[:, 3:]
    upright = eyes.max(1) < mouth.min(1)
    ordered = (x[:, 0] < x[:, 1]) & (x[:, 3] < x[:, 4])
    between = (eyes.mean(1) < y[:, 2]) & (y[:, 2] < mouth.mean(1))
    return upright & ordered & between


def _planar(numbers: np.ndarray) -> np.ndarray:
    return numbers.reshape(-1, 2, 5).transpose(0, 2, 1)


def _told_layout(numbers: np.ndarray, path: Path) -> str:
    pairs = float(looks_like_a_face(numbers.reshape(-1, 5, 2)).mean())
    planar = float(looks_like_a_face(_planar(numbers)).mean())
    if pairs > _PLAUSIBLE and pairs > _AHEAD * planar:
        return "pairs"
    if planar > _PLAUSIBLE and planar > _AHEAD * pairs:
        return "planar"
    raise ValueError(
        f"{path}: cannot tell the layout: {pairs:.0%} of the lines look like faces as "
        f"x1 y1 .. x5 y5, {planar:.0%} as x1 .. x5 y1 .. y5; say --layout pairs or --layout planar"
    )


def _read_lines(path: Path) -> tuple[list[str], np.ndarray]:
    """Paths and numbers [n, 10] of a landmark file."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: expected UTF-8 text, byte {error.start} is not") from None
    names, numbers, places = [], [], []
    for place, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        fields = line.rsplit(maxsplit=10)
        row = _numbers(fields[1:])
        if row is None:
            raise ValueError(
                f"{path}, line {place}: expected a path and ten finite numbers, found "
                f"{line.strip()[:80]!r}"
            )
        names.append(fields[0].strip())
        numbers.append(row)
        places.append(place)
    if not names:
        raise ValueError(f"{path}: expected lines of a path and ten numbers, found none")
    names = _without_labels(names, places, path)
    _refuse_repeats(names, places, path)
    return names, np.array(numbers, np.float64)


def _numbers(fields: list[str]) -> list[float] | None:
    """Ten finite numbers, or None."""
    try:
        row = [float(field) for field in fields]
    except ValueError:
        return None
    return row if len(row) == 10 and np.isfinite(row).all() else None


def _without_labels(names: list[str], places: list[int], path: Path) -> list[str]:
    """Paths without the class number that Trillion Pairs lists have behind each of them."""
    parts = [name.rsplit(maxsplit=1) for name in names]
    extra = [len(part) == 2 and _is_number(part[1]) for part in parts]
    if not any(extra):
        return names
    for part, has, place in zip(parts, extra, places):
        if not has or not part[-1].isdecimal():
            raise ValueError(
                f"{path}, line {place}: expected a path, a class number on every line or on none, "
                f"and ten numbers; found {' '.join(part)[:80]!r} before the ten"
            )
    return [part[0] for part in parts]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _refuse_repeats(names: list[str], places: list[int], path: Path) -> None:
    name, times = Counter(names).most_common(1)[0]
    if times > 1:
        first, second = [place for place, other in zip(places, names) if other == name][:2]
        raise ValueError(
            f"{path}, line {second}: {name!r} was already on line {first}; keep one face an image"
        )
