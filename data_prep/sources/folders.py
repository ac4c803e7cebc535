"""Trees with one folder a person, and trees of images of any shape."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from data_prep.images import is_image
from data_prep.sources.people import Person

_SHOWN = 5
"""How many names a message lists."""


def read_people(root: Path) -> list[Person]:
    """The people of a tree ROOT/person/image, sorted by name: their order is the class order.

    Files directly under ROOT, and names that begin with a dot, are passed over.

    Raises:
        ValueError: there is no person, or people have no image, or a person's folder has folders,
            or a name is not UTF-8.
        OSError: the folder cannot be read.
    """
    folders = sorted(path for path in root.iterdir() if path.is_dir() and path.name[0] != ".")
    if not folders:
        raise ValueError(f"{root}: expected one folder of images a person, found no folder")
    people = [Person(folder.name, _images_of(folder)) for folder in folders]
    empty = [person.name for person in people if not person.images]
    if empty:
        raise ValueError(
            f"{root}: expected images in every person's folder, found none in {listed(empty)}; "
            "remove these folders"
        )
    _require_text(root, (name for person in people for name in person.images))
    return people


def read_images(root: Path) -> list[str]:
    """All images under `root`, at any depth: sorted relative POSIX paths.

    Names that begin with a dot are passed over. Links to folders are followed, except back up.

    Raises:
        ValueError: there is none, or a name is not UTF-8.
        OSError: the folder cannot be read.
    """
    if not root.is_dir():
        instead = "a file" if root.exists() else "nothing there"
        raise NotADirectoryError(
            f"{root}: expected a folder of images, found {instead}; give the folder of "
            "the photographs"
        )
    found = sorted(name for name in _files(root) if is_image(Path(name)))
    if not found:
        raise ValueError(f"{root}: expected images, found none at any depth")
    _require_text(root, found)
    return found


def read_names(path: Path) -> list[str]:
    """Names of people to leave out, one a line; `#` begins a comment.

    Raises:
        ValueError: the file is not UTF-8 text.
        OSError: the file cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: expected UTF-8 text, byte {error.start} is not") from None
    names = (line.split("#")[0].strip() for line in text.splitlines())
    return [name for name in names if name]


def leave_out(people: Sequence[Person], names: list[str]) -> tuple[list[Person], list[str]]:
    """The people who are not named, and the names that fit nobody.

    Names compare with underscores as spaces and without regard to case, since lists and folders
    write the same person in different ways; one person too many left out does no harm.

    Args:
        people: as `read_people` gives them.
        names: as `read_names` gives them.
    """
    wanted = {_plain(name) for name in names}
    present = {_plain(person.name) for person in people}
    kept = [person for person in people if _plain(person.name) not in wanted]
    return kept, [name for name in names if _plain(name) not in present]


def listed(names: list[str]) -> str:
    """A few of the names for a message, and how many more there are."""
    shown = ", ".join(repr(name) for name in names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"


def _files(root: Path) -> Iterator[str]:
    """Relative paths of the files at any depth."""
    waiting: list[tuple[str, frozenset[tuple[int, int]]]] = [("", frozenset())]
    while waiting:
        inside, above = waiting.pop()
        folder = os.path.join(root, inside)  # noqa: PTH118  (a third of the time of a Path)
        state = os.stat(folder)  # noqa: PTH116
        here = (state.st_dev, state.st_ino)
        if here in above:  # a link back up, which would have no end
            continue
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                # To a Path a link to itself is no folder, to an entry it is an error.
                if (Path(entry) if entry.is_symlink() else entry).is_dir():
                    waiting.append((f"{inside}{entry.name}/", above | {here}))
                else:
                    yield inside + entry.name


def _require_text(root: Path, names: Iterable[str]) -> None:
    """Refuses names that no list could hold: Linux has any bytes in names of files."""
    for name in names:
        try:
            name.encode()
        except UnicodeEncodeError:
            raise ValueError(
                f"{root}: expected names of files in UTF-8, found {name!r}; rename it"
            ) from None


def _plain(name: str) -> str:
    return " ".join(name.replace("_", " ").casefold().split())


def _images_of(folder: Path) -> tuple[str, ...]:
    entries = sorted(entry for entry in folder.iterdir() if entry.name[0] != ".")
    nested = [entry.name for entry in entries if entry.is_dir()]
    if nested:
        raise ValueError(
            f"{folder}: expected images directly in a person's folder, found the folder "
            f"{nested[0]!r}; point --images one level deeper, or flatten the tree"
        )
    return tuple(f"{folder.name}/{entry.name}" for entry in entries if is_image(entry))
