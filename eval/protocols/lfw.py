"""Labeled Faces in the Wild, View 2 (Huang et al., 2007), and lists in its layout such as RFW.

Layout (formats.md 2.8): first line `folds TAB n`; then per fold n lines `name i j` (genuine) and n
lines `name1 i name2 j` (impostor). Image i of a person is `name/name_%04d.jpg`. RFW's lists have
no first line and ten folds.
"""

import os

from eval.protocols.pair_protocol import PairProtocol
from eval.protocols.pairs import Pair, PairList, folder_of, in_folds, read_lines

HEADERLESS_FOLDS = 10


def parse(path: str | os.PathLike[str]) -> PairList:
    """Reads `pairs.txt`.

    Raises:
        ValueError: a line that is no pair, or counts other than the first line says; file and line
            are named.
    """
    lines = read_lines(path)
    header = lines[0].split()
    if len(header) > 2:
        pairs = [_pair(line, number, path) for number, line in enumerate(lines, start=1)]
        return in_folds(pairs, HEADERLESS_FOLDS, path)
    folds, each = _header(header, path)
    if len(lines) - 1 != 2 * folds * each:
        raise ValueError(
            f"{path}, line 1: promises {folds} folds of {each} + {each} pairs, that is "
            f"{2 * folds * each:,} lines, but {len(lines) - 1:,} follow; fetch the list again"
        )
    pairs = [_pair(line, number, path) for number, line in enumerate(lines[1:], start=2)]
    return in_folds(pairs, folds, path)


def _header(fields: list[str], path: str | os.PathLike[str]) -> tuple[int, int]:
    if not all(field.isdecimal() for field in fields) or "0" in fields:
        raise ValueError(
            f'{path}, line 1: expected "folds pairs" such as "10 300", or a pair; '
            f'found "{" ".join(fields)}"'
        )
    if len(fields) == 1 or int(fields[0]) < 2:
        raise ValueError(
            f"{path}, line 1: a list of one fold (LFW View 1) leaves none to choose a threshold "
            "on; use View 2, pairs.txt"
        )
    return int(fields[0]), int(fields[1])


def _pair(line: str, number: int, path: str | os.PathLike[str]) -> Pair:
    fields = line.split()
    if len(fields) == 3:
        fields = [fields[0], fields[1], fields[0], fields[2]]
        same = True
    else:
        same = False
    if len(fields) != 4 or not (_is_number(fields[1]) and _is_number(fields[3])):
        raise ValueError(
            f'{path}, line {number}: expected "name i j" or "name1 i name2 j", found {line!r}'
        )
    if not same and fields[0] == fields[2]:
        raise ValueError(
            f"{path}, line {number}: {fields[0]!r} is on both sides of an impostor pair; a genuine "
            'pair is written "name i j"'
        )
    if same and int(fields[1]) == int(fields[3]):
        raise ValueError(f"{path}, line {number}: a pair of an image with itself, {line!r}")
    return Pair(_image(*fields[:2]), _image(*fields[2:]), same, number)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def _image(name: str, number: str) -> str:
    return f"{name}/{name}_{int(number):04d}.jpg"


PROTOCOL = PairProtocol(
    title="LFW",
    about="Labeled Faces in the Wild, View 2: 10 x 600 pairs",
    parse_list=parse,
    person=folder_of,
    official_pairs=6_000,
    official_sha256="ea42330c62c92989f9d7c03237ed5d591365e89b3e649747777b70e692dc1592",
    notes=(
        "LFW View 2 in the setting “unrestricted, labelled outside data”.",
        "LFW has ten known label errors, six of them pairs wrongly marked as one person, so about "
        "0.9990 is the most a perfect model can reach; differences between models above 0.995 are "
        "mostly within the error bars.",
        "Not comparable with figures measured on all 6,000 pairs at once (COCO's published one "
        "is), nor with models whose training set holds people of LFW.",
    ),
)
