"""Folders of images with a list that says who is who (formats.md 2.5, 2.12)."""

from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.sources.people import People, Places, folder_titles, grouped
from data_prep.sources.tables import class_number, relative_path, rows

FORMS = (
    "index<TAB>label<TAB>path (im2rec), aligned<TAB>path<TAB>label (face2rec2), path<TAB>label, or "
    "name<TAB>shard<TAB>offset<TAB>label (TFace)"
)
"""The lines that are understood, for messages."""

_FACE2REC2_COLUMNS = (3, 7, 17)
_Parser = Callable[[list[str], str], tuple[str, str]]


class ListPeople(People):
    """Images in a folder, their people in a list of im2rec, face2rec2 or arcface_paddle.

    Names are the paths of the list. Classes are in the order of labels, a class's images in the
    order of the list, wherever they stand in it. People are called like their folders where these
    tell them apart, otherwise by the label.
    """

    def __init__(self, root: Path, list_file: Path):
        """Reads the list; the images are not looked at.

        Args:
            root: what the paths are relative to.
            list_file: the list; which kind it is, its first line tells.

        Raises:
            ValueError: a line is of no known form, or an image comes twice; names the line.
            OSError: the list cannot be read.
        """
        self.title, self._root, self._list = str(root), root, list_file
        names: list[str] = []
        labels, lines = array("q"), array("q")
        form, parse = "", _PARSERS["path-label"]
        for number, fields in rows(list_file):
            where = f"{list_file}, line {number}"
            if not form:
                form = form_of(fields, where)
                parse = _PARSERS[form]
            path, label = parse(fields, where)
            names.append(relative_path(path, root, where))
            labels.append(class_number(label, where))
            lines.append(number)
        self._form, self._names, self._lines = form, names, lines
        self._places = Places(names)
        if twice := self._places.repeat():
            raise ValueError(
                f"{list_file}, line {lines[twice[1]]}: {names[twice[1]]!r} stands in line "
                f"{lines[twice[0]]} already; remove one"
            )
        classes = np.array(labels, np.int64)
        self.people = grouped(names, classes, folder_titles(names, classes))

    def encoded(self, name: str) -> bytes:
        """The file's bytes."""
        try:
            return (self._root / name).read_bytes()
        except FileNotFoundError:
            raise self._missing(name) from None

    def length(self, name: str) -> int:
        """The file's length."""
        try:
            return (self._root / name).stat().st_size
        except FileNotFoundError:
            raise self._missing(name) from None

    def where(self, name: str) -> str:
        """The file's path."""
        return str(self._root / name)

    def about(self) -> dict[str, Any]:
        """The folder's and the list's name, and the list's kind."""
        return {"images": self._root.name, "list": self._list.name, "kind": f"{self._form} list"}

    def _missing(self, name: str) -> FileNotFoundError:
        line = self._lines[self._places[name]]
        return FileNotFoundError(
            f"{self._list}, line {line}: expected the image {self._root / name}, found no file; "
            "give the folder that the paths are relative to as --images, or mend the list"
        )


def form_of(fields: list[str], where: str) -> str:
    """Which program wrote a list, from the fields of its first line: `im2rec`, `tface` ...

    Raises:
        ValueError: none that is known.
    """
    numeric = [_is_number(field) for field in fields]
    if len(fields) == 4 and all(numeric[1:]):
        return "tface"
    if len(fields) >= 3 and numeric[0] and numeric[1] and not numeric[-1]:
        return "im2rec"
    if len(fields) in _FACE2REC2_COLUMNS and numeric[0] and not numeric[1] and numeric[2]:
        return "face2rec2"
    pair = _pair(fields)
    if len(pair) == 2 and _is_number(pair[1]):
        return "path-label"
    raise ValueError(f"{where}: expected {FORMS}; found {chr(9).join(fields)[:80]!r}")


def _im2rec(fields: list[str], where: str) -> tuple[str, str]:
    if len(fields) < 3:
        raise _other_columns(where, "index, label, path", fields)
    return fields[-1], fields[1]


def _face2rec2(fields: list[str], where: str) -> tuple[str, str]:
    if len(fields) not in _FACE2REC2_COLUMNS:
        raise _other_columns(where, "aligned, path, label, and perhaps a box and points", fields)
    if fields[0] != "1":
        raise ValueError(
            f"{where}: expected an aligned image (first column 1), found {fields[0][:20]!r}; align "
            "first (python -m data_prep align) and pack the crops"
        )
    return fields[1], fields[2]


def _path_label(fields: list[str], where: str) -> tuple[str, str]:
    pair = _pair(fields)
    if len(pair) != 2:
        raise _other_columns(where, "path, label", fields)
    return pair[0], pair[1]


def _pair(fields: list[str]) -> list[str]:
    """Path and label, also where a space is between them."""
    return fields if len(fields) > 1 else fields[0].rsplit(maxsplit=1)


_PARSERS: dict[str, _Parser] = {
    "im2rec": _im2rec,
    "face2rec2": _face2rec2,
    "path-label": _path_label,
}


def _other_columns(where: str, expected: str, fields: list[str]) -> ValueError:
    return ValueError(
        f"{where}: expected {expected} with tabs between as in the first line, found "
        f"{len(fields)} columns, {fields[0][:40]!r} ..; correct the line"
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
