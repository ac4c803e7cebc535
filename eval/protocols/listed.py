"""Any list of labelled pairs: `path1 path2 0|1` a line, ten contiguous folds (formats.md 2.6).

It is what InsightFace's maker of .bin files takes. Sets that are about as .bin only are judged
with this protocol too.
"""

import os

from eval.protocols.pair_protocol import PairProtocol
from eval.protocols.pairs import Pair, PairList, folder_of, in_folds, read_lines

FOLDS = 10


def parse(path: str | os.PathLike[str]) -> PairList:
    """Reads `path1 path2 0|1` (1: the same person), separated by spaces or tabs.

    Raises:
        ValueError: a line that is no pair, or folds without as many genuine as impostor pairs;
            file and line are named.
    """
    pairs = []
    for number, line in enumerate(read_lines(path), start=1):
        fields = line.split()
        if len(fields) != 3 or fields[2] not in ("0", "1"):
            raise ValueError(f'{path}, line {number}: expected "path1 path2 0|1", found {line!r}')
        if fields[0] == fields[1]:
            raise ValueError(f"{path}, line {number}: a pair of an image with itself, {line!r}")
        pairs.append(Pair(fields[0], fields[1], fields[2] == "1", number))
    return in_folds(pairs, FOLDS, path)


PROTOCOL = PairProtocol(
    title="Pairs",
    about="any list of `path1 path2 0|1` lines, or .bin, in ten contiguous folds",
    parse_list=parse,
    person=folder_of,
    official_pairs=None,
    official_sha256=None,
    list_help="lines of `path1 path2 0|1`",
    notes=("A list of the user's own; figures compare with figures on the same list only.",),
)
