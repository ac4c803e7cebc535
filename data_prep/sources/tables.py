"""Text in columns with tabs between: the lists that the field's tools write."""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from tqdm import tqdm

_LABEL = re.compile(r"(\d{1,10})(\.0*)?")
_LABEL_LIMIT = 1 << 31


def rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The lines of a list as (line number from 1, fields), with a progress bar.

    Raises:
        ValueError: a line is not UTF-8, or there is none; names the file and line.
        OSError: the file cannot be read.
    """
    found = False
    with (
        path.open("rb") as file,
        tqdm(total=path.stat().st_size, desc=path.name, unit="B", unit_scale=True, delay=2) as bar,
    ):
        for number, line in enumerate(file, start=1):
            bar.update(len(line))
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
            except UnicodeDecodeError as error:
                raise ValueError(
                    f"{path}, line {number}: expected UTF-8 text, byte {error.start} of the line "
                    "is not; convert the list"
                ) from None
            if text:
                found = True
                yield number, text.split("\t")
    if not found:
        raise ValueError(f"{path}: expected a line an image, found an empty file")


def class_number(text: str, where: str) -> int:
    """A label: a whole number from 0, written `7` or, by older tools, `7.000000`.

    Raises:
        ValueError: it is none; the message begins with `where`.
    """
    found = _LABEL.fullmatch(text.strip())
    if not found or int(found[1]) >= _LABEL_LIMIT:
        raise ValueError(
            f"{where}: expected a class number from 0 as label, found {text[:40]!r}; correct it"
        )
    return int(found[1])


def relative_path(text: str, root: Path, where: str) -> str:
    """A path of a list, relative to the images' folder.

    Args:
        text: the path, with slashes of either kind; an absolute one must lie in the folder.
        root: the folder.
        where: list and line, for the message.

    Raises:
        ValueError: it leads elsewhere.
    """
    path = PurePosixPath(text.replace("\\", "/"))
    if path.is_absolute() and path.is_relative_to(root.absolute().as_posix()):
        path = path.relative_to(root.absolute().as_posix())
    if not text or path.is_absolute() or ".." in path.parts:
        raise ValueError(
            f"{where}: expected a path under {root}, found {text[:200]!r}; give another --images"
        )
    return path.as_posix()
