"""Lists of images and people to leave out, with the reason for each (docs/cleaning.md).

A cleaner writes such a list, a person looks at it, packing applies what is left of it. UTF-8, one
entry a line, three fields with tabs between; `#` begins a comment line:

    image<TAB>Name/0001.jpg<TAB>same photograph as Name/0000.jpg (correlation 0.99)
    person<TAB>Name<TAB>in the test list lfw_people.txt as Some_Name

A reviewer keeps an entry's image by putting `#` before its line.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from data_prep.files import write_text

KINDS = ("image", "person")
"""What an entry can name: one image, or a person with all images."""

_HEAD = """\
A list of what to leave out of a training set. Look at the pictures: {page}
To KEEP something of this list, put a # before its line and save.
To apply: python -m data_prep pack --images ... --out ... --drop {name}
One entry a line, tabs between: image or person, its name as packing names it, the reason.
"""


@dataclass(frozen=True)
class Entry:
    """One line of a list.

    Attributes:
        kind: `image` or `person`.
        name: the image's name as packing names it (relative path; `label/key` for a record set
            without names), or the person's (its folder; the zero-padded label).
        reason: why it should go, one line.
    """

    kind: str
    name: str
    reason: str


@dataclass(frozen=True)
class Drops:
    """What a list leaves out, as name -> reason.

    Attributes:
        images: images, by the name packing gives them.
        people: people, by folder or by zero-padded label.
    """

    images: dict[str, str]
    people: dict[str, str]


def read_drops(path: str | os.PathLike[str]) -> Drops:
    """Reads a list; a name that comes twice is one entry with both reasons.

    Lists may therefore be joined with `cat`.

    Raises:
        ValueError: a line is not an entry; names file and line.
        OSError: the file cannot be read.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: expected UTF-8 text, byte {error.start} is not") from None
    found: dict[str, dict[str, str]] = {kind: {} for kind in KINDS}
    for number, line in enumerate(text.split("\n"), start=1):
        if line.startswith("#") or not line.strip():
            continue
        entry = _parsed(line, f"{path}, line {number}")
        reasons = found[entry.kind]
        before = reasons.get(entry.name)
        if before is None:
            reasons[entry.name] = entry.reason
        elif entry.reason not in before.split("; "):
            reasons[entry.name] = f"{before}; {entry.reason}"
    return Drops(images=found["image"], people=found["person"])


def write_drops(path: str | os.PathLike[str], entries: Iterable[Entry], about: str) -> int:
    """Writes a list, whole or not at all; its head says what it is and how to use it.

    Args:
        path: the list; the page with its pictures has the same name with `.html`.
        entries: in the order in which a reviewer should see them.
        about: what made the list, from what, by what rule; lines.

    Returns:
        The line of the first entry, from 1; the others follow it.

    Raises:
        ValueError: a name has a tab or a line break, or is not text in UTF-8.
        OSError: the file cannot be written.
    """
    path = Path(path)
    head = _HEAD.format(page=path.with_suffix(".html").name, name=path.name)
    comments = [f"# {line}".rstrip() for line in (head + "\n" + about.strip()).split("\n")]
    lines = [_line(entry, path) for entry in entries]
    write_text(path, "\n".join([*comments, "#", *lines]) + "\n")
    return len(comments) + 2


def _parsed(line: str, where: str) -> Entry:
    fields = line.split("\t")
    if len(fields) == 1:
        raise ValueError(
            f"{where}: expected `image` or `person`, a name and a reason with tabs between, found "
            f"{line[:60]!r} without a tab; a plain list of people is for --exclude"
        )
    if fields[0] not in KINDS or len(fields) != 3 or not fields[1]:
        raise ValueError(
            f"{where}: expected `image` or `person`, a name and a reason with one tab between, "
            f"found {len(fields)} fields, {line[:60]!r}"
        )
    return Entry(*fields)


def _line(entry: Entry, path: Path) -> str:
    assert entry.kind in KINDS
    if any(mark in entry.name for mark in "\t\n\r") or not entry.name:
        raise ValueError(f"{path}: the name {entry.name!r} cannot stand in a list; rename it")
    try:
        entry.name.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError(f"{path}: the name {entry.name!r} is not UTF-8; rename it") from None
    return f"{entry.kind}\t{entry.name}\t{' '.join(entry.reason.split())}"
