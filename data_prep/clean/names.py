"""Names of people in lists of test sets, each in its own layout."""

import re
import unicodedata
from pathlib import Path

from data_prep.images import SUFFIXES

_SUFFIX = "(?:" + "|".join(map(re.escape, sorted(SUFFIXES))) + ")"

_FILE = re.compile(rf"^(.*?)(?:_\d+)?{_SUFFIX}(?:\s.*)?$", re.I)
"""`Name_0001.jpg`, and a pair's token or a landmark after it."""

_PATH = re.compile(
    r"(?:[-+]?\d+(?:\.\d*)?[\t,]|[-+]?[01](?:\.0*)? +)*"  # before it: numbers, a label
    rf"([^\s,][^\t]*?{_SUFFIX})(?=[\s,]|$)",
    re.I,
)
"""An image's path, perhaps with spaces in it."""

_TOKEN = re.compile(r"\d+\.\w+")
"""`1.png`, which after a path with a folder names nobody."""


def comparable(name: str) -> str:
    """A name without case, accents, underscores and punctuation: what is left to compare.

    `Beyoncé_Knowles` and `beyonce knowles`, `Robert Downey Jr.` and `robert_downey_jr`, `Al-Sharif`
    and `Al_Sharif` are the same.
    """
    bare = "".join(
        letter
        for letter in unicodedata.normalize("NFKD", name.casefold())
        if not unicodedata.combining(letter) and letter not in "'.\u2019"
    )
    return " ".join("".join(c if c.isalnum() else " " for c in bare).split())


def read_test_people(path: Path) -> dict[str, tuple[str, int]]:
    """The people a list names: comparable name -> (as written, line).

    Reads plain names, one a line; LFW's lists of people (`name TAB images`) and pairs (`name i j`,
    `name1 i name2 j`); lists of images, whose person is the folder (`Name/Name_0001.jpg`) or, where
    there is none, the file's name without its number (`Name_0001.jpg 1`, as CPLFW and FaceScrub's
    noise list have it); pairs of images (`path1 path2 0|1`), with any label, before or after, or
    none. Pairs may have tabs, spaces or, of images, commas between. `#` begins a comment.

    Raises:
        ValueError: the file is not UTF-8 text, or names nobody.
        OSError: the file cannot be read.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: expected UTF-8 text, byte {error.start} is not") from None
    lines = [line.split("#")[0].strip() for line in lines]
    in_columns = any("\t" in line for line in lines)
    found: dict[str, tuple[str, int]] = {}
    for number, line in enumerate(lines, start=1):
        for written in _names(line, in_columns):
            name = _person(written)
            if key := comparable(name):
                found.setdefault(key, (name, number))
    if not found:
        raise ValueError(f"{path}: expected names of people, found none")
    return found


def _names(line: str, in_columns: bool) -> list[str]:
    """The names of a line; counts, as of folds, are none.

    Args:
        line: without comment.
        in_columns: the list has tabs; in others a number that stands alone is a name.
    """
    if _PATH.match(line):
        first, *others = _PATH.findall(line)
        return [first, *(path for path in others if "/" not in first or not _TOKEN.fullmatch(path))]
    fields = line.split("\t") if "\t" in line else line.split()
    if all(field.strip().isdecimal() for field in fields) and (in_columns or len(fields) > 1):
        return []
    numbers = [field.isdecimal() for field in fields]
    if numbers == [False, True, True]:
        return fields[:1]
    if numbers == [False, True, False, True]:
        return fields[::2]
    if numbers == [False, False, True] and all("/" in field for field in fields[:2]):
        return fields[:2]
    return [line.partition("\t")[0]]


def _person(written: str) -> str:
    folder, _, file = written.replace("\\", "/").rpartition("/")
    if folder:
        return folder.rpartition("/")[2]
    named = _FILE.match(file)
    return named[1] if named else file
