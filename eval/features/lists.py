"""Lists of images: the devkit's JSON `{"path": [..], "id": [..]}`, or one path a line."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_prep.files import read_json


@dataclass(frozen=True)
class ImageList:
    """n images in the order of a list.

    Attributes:
        path: of the list.
        names: image paths, no two alike.
        people: the JSON's `id` of each, None where the list has none.
        lines: line of each, from 1; in JSON the place in `path`, from 1.
    """

    path: str
    names: list[str]
    people: list[str] | None
    lines: list[int]


def read_list(path: str | os.PathLike[str]) -> ImageList:
    """Reads either kind, told apart by a first `{`; lines that begin with # are comments.

    Raises:
        ValueError: not a list, or an image comes twice; the line or entry is named.
        OSError: it cannot be read.
    """
    where = os.fspath(path)
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{where}: expected a list in UTF-8, byte {error.start} is not") from None
    if text.lstrip().startswith("{"):
        names, people = _from_json(read_json(path), where)
        lines = list(range(1, len(names) + 1))
    else:
        kept = [
            (number, line.strip())
            for number, line in enumerate(text.split("\n"), start=1)
            if line.strip() and not line.startswith("#")
        ]
        names, people = [line for _, line in kept], None
        lines = [number for number, _ in kept]
    if not names:
        raise ValueError(f"{where}: names no image, expected a path a line or the devkit's JSON")
    first: dict[str, int] = {}
    for name, line in zip(names, lines):
        if name in first:
            raise ValueError(f"{where}, line {line}: {name!r} is on line {first[name]} already")
        first[name] = line
    return ImageList(where, names, people, lines)


def _from_json(data: Any, where: str) -> tuple[list[str], list[str] | None]:
    names, people = data.get("path"), data.get("id")
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise ValueError(f'{where}: expected "path", a list of image paths, as the devkit has it')
    if people is None:
        return names, None
    if not isinstance(people, list) or len(people) != len(names):
        found = len(people) if isinstance(people, list) else type(people).__name__
        raise ValueError(f'{where}: expected {len(names)} entries in "id", found {found}')
    return names, [str(person) for person in people]
