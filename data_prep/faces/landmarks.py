"""Files of five landmarks an image, in the layouts that lists come in (formats.md 2.5 to 2.11)."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from data_prep.faces.rows import (
    Rows,
    first_line,
    is_tab_row,
    numbers_at_the_end,
    read_json_rows,
    read_rows,
    read_tab_rows,
    text_of,
)

LAYOUTS = {
    "auto": "told from the form of the lines, and from whether the points look like faces",
    "pairs": "path x1 y1 .. x5 y5",
    "planar": "path x1 .. x5 y1 .. y5",
    "label-pairs": "path label x1 y1 .. x5 y5 (Trillion Pairs)",
    "pairs-score": "path x1 y1 .. x5 y5 score (IJB)",
    "face2rec2": "aligned path label [x1 y1 x2 y2 [x1 .. x5 y1 .. y5]], tabs (InsightFace)",
    "json": '{"name": [x1 .. x5 y1 .. y5]} (MegaFace)',
}
"""What `--layout` takes."""

_PLAUSIBLE, _AHEAD = 0.5, 2.0
"""A reading is taken if more than this share of its points looks like faces, and this many times
more than of any other reading."""


@dataclass(frozen=True)
class FaceList:
    """What a file says of the faces of images.

    Attributes:
        layout: one of LAYOUTS, never `auto`.
        points: path -> float64 [5, 2], (x, y) pixels: left eye, right eye, nose, left and right
            mouth corner as seen in the picture; in the file's order.
        aligned: images that are crops already (face2rec2's flag 1).
    """

    layout: str
    points: dict[str, np.ndarray]
    aligned: frozenset[str] = field(default_factory=frozenset)


def read_faces(path: Path, layout: str = "auto") -> FaceList:
    """Landmarks, and which images need none.

    Paths are relative, with / between, or file names without their ending (as in JSON lists). In
    lists of lines they may hold spaces. Labels and scores are passed over, and so are blank lines.

    Args:
        path: the file.
        layout: one of LAYOUTS, for the file as a whole.

    Raises:
        ValueError: a line has other fields, a path comes twice, or the layout cannot be told;
            names file and line.
        OSError: the file cannot be read.
    """
    if layout not in LAYOUTS:
        raise ValueError(f"--layout: expected one of {', '.join(LAYOUTS)}, found {layout!r}")
    text, told = text_of(path), layout == "auto"
    form = _form(text, path) if told else layout
    if form == "json":
        return _as_planar("json", read_json_rows(text, path), frozenset(), path, told)
    if form == "face2rec2":
        rows = read_tab_rows(text, path)
        return _as_planar("face2rec2", rows.landmarks, frozenset(rows.aligned), path, told)
    return _of_lines(text, path, form, told)


def read_landmarks(path: Path, layout: str = "auto") -> dict[str, np.ndarray]:
    """The landmarks of `read_faces` alone."""
    return read_faces(path, layout).points


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


def _form(text: str, path: Path) -> str:
    """`json`, `face2rec2`, or how many numbers the first line ends in: `10` or `11`."""
    place, line = first_line(text)
    if line.lstrip().startswith("{"):
        return "json"
    if is_tab_row(line):
        return "face2rec2"
    count = numbers_at_the_end(line)
    if line and count not in (10, 11):
        raise ValueError(
            f"{path}, line {place}: expected a path and ten finite numbers, perhaps with a label "
            f"or a score, or a list of face2rec2, or JSON; found {line.strip()[:80]!r}"
        )
    return str(count or 10)


def _of_lines(text: str, path: Path, form: str, told: bool) -> FaceList:
    """The layouts of a path and ten or eleven numbers a line."""
    count = 10 if form in ("10", "pairs", "planar") else 11
    expected = {
        "10": "a path and ten numbers",
        "11": "a path and eleven numbers (a label and ten, or ten and a score)",
    }.get(form, f"`{LAYOUTS.get(form)}`")
    rows = read_rows(text, path, count, expected, exact=told)
    readings = _readings(rows, path, form)
    layout = _told(readings, path) if told else form
    return FaceList(layout, dict(zip(rows.names, readings[layout])))


def _readings(rows: Rows, path: Path, form: str) -> dict[str, np.ndarray]:
    """The points [n, 5, 2] of every layout that the numbers allow."""
    numbers = rows.numbers
    if numbers.shape[1] == 10:
        return {"pairs": numbers.reshape(-1, 5, 2), "planar": _planar(numbers)}
    label = (numbers[:, 0] >= 0) & (numbers[:, 0] % 1 == 0)
    score = (numbers[:, 10] >= 0) & (numbers[:, 10] <= 1)
    fits = {"label-pairs": label, "pairs-score": score}
    readings = {"label-pairs": numbers[:, 1:], "pairs-score": numbers[:, :10]}
    wanted = [form] if form in fits else [name for name, fit in fits.items() if fit.all()]
    if not wanted or not fits[wanted[0]].all():
        bad = int(np.argmin(fits[form] if form in fits else label & score))
        raise ValueError(
            f"{path}, line {rows.places[bad]}: expected a class number on every line before the "
            "ten numbers, or a score from 0 to 1 on every line behind them; found "
            f"{numbers[bad, 0]:g} and {numbers[bad, 10]:g}"
        )
    return {name: readings[name].reshape(-1, 5, 2) for name in wanted}


def _told(readings: dict[str, np.ndarray], path: Path) -> str:
    """The one reading whose points look like faces."""
    shares = {name: float(looks_like_a_face(points).mean()) for name, points in readings.items()}
    best = max(shares, key=lambda name: shares[name])
    others = [share for name, share in shares.items() if name != best]
    if shares[best] > _PLAUSIBLE and all(shares[best] > _AHEAD * share for share in others):
        return best
    seen = ", ".join(f"{share:.0%} of it as {name}" for name, share in shares.items())
    asked = "; ".join(f"is a line `{LAYOUTS[name]}`? Say --layout {name}" for name in shares)
    raise ValueError(f"{path}: cannot tell the layout, {seen} looks like faces: {asked}")


def _as_planar(
    layout: str, rows: dict[str, np.ndarray], aligned: frozenset[str], path: Path, told: bool
) -> FaceList:
    """A layout whose ten numbers are x1 .. x5 y1 .. y5 by its definition, which is looked at."""
    numbers = np.array(list(rows.values())).reshape(-1, 10)
    points = _planar(numbers)
    if told and len(numbers):
        share = looks_like_a_face(points).mean()
        other = looks_like_a_face(numbers.reshape(-1, 5, 2)).mean()
        if share <= _PLAUSIBLE or share <= _AHEAD * other:
            raise ValueError(
                f"{path}: looks like `{LAYOUTS[layout]}`, but {share:.0%} of its points look like "
                f"faces so and {other:.0%} as x1 y1 .. x5 y5: do the x of all five points come "
                f"first? Say --layout {layout}; otherwise write `{LAYOUTS['pairs']}` lines"
            )
    return FaceList(layout, dict(zip(rows, points)), aligned)


def _planar(numbers: np.ndarray) -> np.ndarray:
    return numbers.reshape(-1, 2, 5).transpose(0, 2, 1)
