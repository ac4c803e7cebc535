"""Cross-Age LFW (Zheng et al., 2017), and the layout it shares with CPLFW.

Layout (formats.md 2.8): two lines a pair, `file.jpg token`; all genuine pairs first (token not 0),
then as many impostors (token 0). Folds are not contiguous in the file: fold f of ten has the f-th
tenth of the genuine and the f-th tenth of the impostor pairs. So cut, CPLFW's folds hold the same
people as LFW's, and no person is in two.
"""

import os
import re

from eval.protocols.pair_protocol import PairProtocol
from eval.protocols.pairs import Pair, PairList, in_folds, read_lines

FOLDS = 10


def parse(path: str | os.PathLike[str]) -> PairList:
    """Reads `pairs_CALFW.txt` or `pairs_CPLFW.txt`; pairs come fold by fold, genuine ones first.

    Raises:
        ValueError: a line that is none, a genuine pair after the first impostor, or numbers of
            pairs that do not make ten folds; file and line are named.
    """
    lines = read_lines(path)
    if len(lines) % 2:
        raise ValueError(
            f"{path}, line {len(lines)}: the last image has no partner; two lines make a pair and "
            f"there are {len(lines):,}"
        )
    images = [_image(line, number, path) for number, line in enumerate(lines, start=1)]
    pairs = [
        _pair(images[first], images[first + 1], first + 1, path)
        for first in range(0, len(images), 2)
    ]
    genuine = [pair for pair in pairs if pair.same]
    impostor = [pair for pair in pairs if not pair.same]
    if impostor and genuine and genuine[-1].line > impostor[0].line:
        raise ValueError(
            f"{path}, line {genuine[-1].line}: a genuine pair after the first impostor (line "
            f"{impostor[0].line}); expected all genuine pairs first"
        )
    if len(genuine) != len(impostor) or len(genuine) % FOLDS:
        raise ValueError(
            f"{path}: {len(genuine):,} genuine and {len(impostor):,} impostor pairs do not make "
            f"{FOLDS} folds with equally many of each; a line is missing or too many"
        )
    each = len(genuine) // FOLDS
    in_order = [
        pair
        for start in range(0, len(genuine), each)
        for kind in (genuine, impostor)
        for pair in kind[start : start + each]
    ]
    return in_folds(in_order, FOLDS, path)


def person(name: str) -> str:
    """`Name` of `Name_0001.jpg` (CALFW) or `Name_1.jpg` (CPLFW)."""
    return re.sub(r"_\d+\.\w+$", "", name)


def _image(line: str, number: int, path: str | os.PathLike[str]) -> tuple[str, str]:
    name, _, token = line.rpartition(" ")
    if not name.strip() or not (token.isascii() and token.isdecimal()):
        raise ValueError(f'{path}, line {number}: expected "file.jpg number", found {line!r}')
    return name.strip(), token.lstrip("0") or "0"


def _pair(
    a: tuple[str, str], b: tuple[str, str], number: int, path: str | os.PathLike[str]
) -> Pair:
    where = f"{path}, lines {number} and {number + 1}"
    if a[1] != b[1]:
        raise ValueError(f"{where}: the two images of a pair have the numbers {a[1]} and {b[1]}")
    if a[0] == b[0]:
        raise ValueError(f"{where}: a pair of an image with itself")
    return Pair(a[0], b[0], a[1] != "0", number)


PROTOCOL = PairProtocol(
    title="CALFW",
    about="Cross-Age LFW: 10 x 600 pairs, genuine ones years apart",
    parse_list=parse,
    person=person,
    official_pairs=6_000,
    official_sha256=None,
    notes=(
        "CALFW: genuine pairs with a gap of age, impostors of the same gender and race; LFW's "
        "procedure.",
    ),
)
