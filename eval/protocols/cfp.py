"""Celebrities in Frontal-Profile (Sengupta et al., 2016): frontal-frontal and frontal-profile.

Layout (formats.md 2.8): the folder `Protocol`. `Pair_list_F.txt` and `Pair_list_P.txt` number the
frontal and the profile images from 1 (`1 ../Data/Images/001/frontal/01.jpg`);
`Split/FP/01/same.txt` .. `Split/FP/10/diff.txt` hold the pairs of ten folds, `i,j`: FF numbers two
frontal images, FP a frontal and a profile one. An image is called by what follows `Images/`.
"""

import os
import re
from functools import partial
from pathlib import Path

from eval.protocols.pair_protocol import PairProtocol
from eval.protocols.pairs import Pair, PairList, in_folds, read_lines

FOLDS = 10


def parse(folder: str | os.PathLike[str], part: str) -> PairList:
    """Reads the folder `Protocol`; each fold's genuine pairs first.

    Line numbers count within the file of a fold.

    Args:
        folder: holds `Pair_list_F.txt`, `Pair_list_P.txt` and `Split`.
        part: `FP` or `FF`.

    Raises:
        ValueError: a bad line, or a number without image; file and line are named.
        OSError: a file is missing.
    """
    root = Path(folder)
    if not root.is_dir():
        raise ValueError(
            f"{folder}: expected the folder Protocol (Pair_list_F.txt, Split, ...) or a .bin"
        )
    sides = [_images(root / f"Pair_list_{kind}.txt") for kind in part]
    pairs = []
    for fold in range(1, FOLDS + 1):
        for file, same in (("same.txt", True), ("diff.txt", False)):
            path = root / "Split" / part / f"{fold:02d}" / file
            for number, line in enumerate(read_lines(path), start=1):
                pairs.append(_pair(line, sides, same, f"{path}, line {number}", number))
    return in_folds(pairs, FOLDS, folder)


def person(name: str) -> str:
    """The first folder, the person's number."""
    return name.partition("/")[0]


def _images(path: Path) -> dict[int, str]:
    images: dict[int, str] = {}
    for number, line in enumerate(read_lines(path), start=1):
        digits, _, image = line.partition(" ")
        index = _number(digits)
        if index is None or not image.strip():
            raise ValueError(f'{path}, line {number}: expected "number path", found {line!r}')
        if index in images:
            raise ValueError(f"{path}, line {number}: the number {index} comes twice")
        images[index] = image.strip().replace("\\", "/").rpartition("Images/")[2]
    return images


def _pair(line: str, sides: list[dict[int, str]], same: bool, where: str, number: int) -> Pair:
    fields = [_number(field.strip()) for field in line.split(",")]
    if len(fields) != 2 or None in fields:
        raise ValueError(f'{where}: expected "i,j", found {line!r}')
    names = []
    for index, images in zip(fields, sides):
        if index not in images:
            raise ValueError(f"{where}: no image has the number {index} (1 to {len(images)})")
        names.append(images[index])
    if names[0] == names[1]:
        raise ValueError(f"{where}: a pair of an image with itself, {line!r}")
    return Pair(names[0], names[1], same, number)


def _number(digits: str) -> int | None:
    return int(digits) if re.fullmatch("[0-9]{1,9}", digits) else None


def _protocol(part: str, words: str) -> PairProtocol:
    return PairProtocol(
        title=f"CFP-{part}",
        about=f"Celebrities {words}: 10 x 700 pairs",
        parse_list=partial(parse, part=part),
        person=person,
        official_pairs=7_000,
        official_sha256=None,
        list_help="the folder Protocol",
        example="--pairs cfp-dataset/Protocol --embeddings out/cfp",
        notes=(
            f"CFP-{part}: {words} pairs; LFW's procedure. The folds of a published .bin are taken "
            "to be contiguous, as its readers do; whether they are CFP's own is not known to this "
            "version.",
        ),
    )


FP = _protocol("FP", "frontal against profile")
FF = _protocol("FF", "frontal against frontal")
