"""Similar-Looking LFW (Deng et al., 2017): LFW's genuine pairs, impostors that look alike.

Layout (formats.md 2.8): no first line; two consecutive lines, one image each
(`Name/Name_0001.jpg`), are one pair, genuine where the folder names are equal; ten contiguous
folds. The published list has 12,000 lines.
"""

import os

from eval.protocols.pair_protocol import PairProtocol
from eval.protocols.pairs import Pair, PairList, folder_of, in_folds, read_lines

FOLDS = 10


def parse(path: str | os.PathLike[str]) -> PairList:
    """Reads `pair_SLLFW.txt`.

    Raises:
        ValueError: a line that is no image in a folder, an odd number of lines, or unequal folds;
            file and line are named.
    """
    lines = read_lines(path)
    for number, line in enumerate(lines, start=1):
        folder, _, file = line.rpartition("/")
        if not folder or not file:
            raise ValueError(
                f'{path}, line {number}: expected "Name/Name_0001.jpg", found {line!r}'
            )
    if len(lines) % 2:
        raise ValueError(
            f"{path}, line {len(lines)}: the last image has no partner; two lines make a pair and "
            f"there are {len(lines):,}"
        )
    pairs = [
        _pair(lines[first], lines[first + 1], first + 1, path) for first in range(0, len(lines), 2)
    ]
    return in_folds(pairs, FOLDS, path)


def _pair(a: str, b: str, number: int, path: str | os.PathLike[str]) -> Pair:
    if a == b:
        raise ValueError(f"{path}, lines {number} and {number + 1}: a pair of an image with itself")
    return Pair(a, b, a.rpartition("/")[0] == b.rpartition("/")[0], number)


PROTOCOL = PairProtocol(
    title="SLLFW",
    about="LFW with impostors that look alike",
    parse_list=parse,
    person=folder_of,
    official_pairs=6_000,
    official_sha256=None,
    notes=(
        "SLLFW keeps LFW's genuine pairs, folds and procedure and replaces the random impostors by "
        "pairs that people found similar, so it is harder than LFW by design.",
        "The published list's checksum is not known to this version: the figures compare with "
        "published SLLFW figures only if the list named under “data” is the published one. Mined "
        "look-alike lists in the same layout are a different test.",
    ),
)
