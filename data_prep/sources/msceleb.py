"""MS-Celeb-1M as it was handed out: text, an image a line, in base64 (formats.md, What pack reads).

Columns with tabs between. The person (a Freebase MID) is the first one, the image the last:

    cropped and aligned faces (7): MID, search rank, image URL, page URL, face id, rectangle, image
    whole thumbnails (6): MID, query, search rank, image URL, page URL, image
"""

import binascii
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from data_prep.sources.people import People, Places, grouped

_ENDINGS = {b"/9j/": ".jpg", b"iVBO": ".png"}
"""How JPEG and PNG begin in base64."""


class TextImages(People):
    """Images in base64 in text files. People and images are sorted by name, as in a folder tree.

    Images are called `MID/rank-faceid.jpg`, as the tools and clean lists of this set have it; in
    tables of other columns `person/number of the line`. A name that comes again gets `_2`, `_3`.
    """

    def __init__(self, paths: Sequence[Path]):
        """Looks through the files once, to learn where each image lies.

        Args:
            paths: the files, parts of one set.

        Raises:
            ValueError: a line is no image of a person; names file and line.
            OSError: a file cannot be read.
        """
        self.title = ", ".join(map(str, paths[:2])) + ", .." * (len(paths) > 2)
        self._paths = paths
        self._files = [_mapped(path) for path in paths]
        self._starts, self._lengths = array("q"), array("q")
        self._first_places = [0]
        people: dict[str, int] = {}
        labels = array("q")
        names: list[str] = []
        for path in paths:
            for person, name, start, length in _lines(path):
                labels.append(people.setdefault(person, len(people)))
                names.append(name)
                self._starts.append(start)
                self._lengths.append(length)
            self._first_places.append(len(names))
        self._places = Places(names)
        if self._places.repeat():
            _rename_repeats(names)
            self._places = Places(names)
        by_person = grouped(names, np.array(labels, np.int64), list(people))
        self.people = tuple(
            type(person)(person.name, tuple(sorted(person.images)))
            for person in sorted(by_person, key=lambda person: person.name)
        )

    def encoded(self, name: str) -> bytes:
        """The image, out of base64."""
        place = self._places[name]
        file, _ = self._find(place)
        start = self._starts[place]
        try:
            text = self._files[file][start : start + self._lengths[place]]
            return binascii.a2b_base64(text, strict_mode=True)
        except binascii.Error as error:
            raise ValueError(
                f"{self.where(name)}: expected an image in base64 as last column, found other "
                f"text ({error}); get the file again"
            ) from None

    def length(self, name: str) -> int:
        """The characters that the image takes."""
        return self._lengths[self._places[name]]

    def where(self, name: str) -> str:
        """The file, the line, and the image's name."""
        file, line = self._find(self._places[name])
        return f"{self._paths[file]}, line {line} ({name})"

    def about(self) -> dict[str, Any]:
        """The files' names."""
        files = [path.name for path in self._paths]
        return {"images": files[0], "kind": "MS-Celeb-1M table", "files": files}

    def _find(self, place: int) -> tuple[int, int]:
        """The file, and the line in it from 1: there is an image in each line."""
        file = bisect_right(self._first_places, place) - 1
        return file, place - self._first_places[file] + 1


def _lines(path: Path) -> Iterator[tuple[str, str, int, int]]:
    """Person, image's name, and where the image's base64 begins and how long it is, for each line.

    Raises:
        ValueError: a line has other columns than the first one, or one that is needed is empty.
    """
    columns = at = 0
    size = path.stat().st_size
    with (
        path.open("rb") as file,
        tqdm(total=size, desc=path.name, unit="B", unit_scale=True, delay=2) as bar,
    ):
        for number, line in enumerate(file, start=1):
            where = f"{path}, line {number}"
            start = line.rfind(b"\t") + 1
            image = line[start:].rstrip(b"\r\n")
            fields = line[:start].split(b"\t")
            columns = columns or len(fields)
            if len(fields) != columns or columns < 2 or not image:
                raise ValueError(
                    f"{where}: expected {f'{columns} columns' if columns > 1 else 'columns'} with "
                    "tabs between, the person first and an image in base64 last (MS-Celeb-1M), "
                    f"found {len(fields)} columns, {line[:40]!r} ..; the file is cut, or another "
                    "kind"
                )
            if number == 1 and image[:4] not in _ENDINGS:
                raise ValueError(
                    f"{where}: expected a JPEG or PNG in base64 as last column, found "
                    f"{image[:40]!r}; a list of images goes to --list"
                )
            person, stem = _names(fields, number, where)
            yield person, f"{person}/{stem}{_ENDINGS.get(image[:4], '')}", at + start, len(image)
            at += len(line)
            bar.update(len(line))
    if not columns:
        raise ValueError(f"{path}: expected a line an image, found an empty file")


def _names(fields: list[bytes], number: int, where: str) -> tuple[str, str]:
    """The person of a line, and what to call the image; `fields` ends in an empty one."""
    parts = {7: (fields[1], fields[4]), 6: (fields[2],)} if len(fields) > 5 else {}
    try:
        person = fields[0].decode().strip("/").replace("/", ".")
        stem = "-".join(part.decode() for part in parts.get(len(fields), ()))
    except UnicodeDecodeError:
        person = stem = ""
    if person in ("", ".", ".."):
        raise ValueError(
            f"{where}: expected the name of a person as first column, found {fields[0][:40]!r}; "
            "correct or remove the line"
        )
    return person, stem.replace("/", ".") or f"{number:08d}"


def _rename_repeats(names: list[str]) -> None:
    """Makes names unique that come more than once: `a/1.jpg`, `a/1_2.jpg`, `a/1_3.jpg`."""
    seen: set[str] = set()
    for place, name in enumerate(names):
        stem, dot, ending = name.rpartition(".")
        number = 1
        while names[place] in seen:
            number += 1
            names[place] = f"{stem}_{number}{dot}{ending}" if dot else f"{name}_{number}"
        seen.add(names[place])


def _mapped(path: Path) -> mmap:
    with path.open("rb") as file:
        if not path.stat().st_size:
            raise ValueError(f"{path}: expected a line an image, found an empty file")
        return mmap(file.fileno(), 0, access=ACCESS_READ)
