"""AgeDB-30 (Moschoglou et al., 2017): genuine pairs thirty years apart.

Layout (formats.md 2.8): `04_FINAL_protocol_30_years.mat`, a cell `splits` of ten; each a struct of
a cell 2 x 600 of structs (image name without suffix, age) and 600 labels, 1 same, -1 different. A
list of `path1 path2 0|1` lines is read as well. An image is called `name.jpg`; the person is what
stands before the first underscore, as InsightFace's maker of agedb_30.bin takes it.
"""

import os
from pathlib import Path
from typing import Any

from eval.protocols import listed
from eval.protocols.mat import read_mat
from eval.protocols.pair_protocol import PairProtocol
from eval.protocols.pairs import Pair, PairList, in_folds


def parse(path: str | os.PathLike[str]) -> PairList:
    """Reads the .mat, or a list of `path1 path2 0|1` lines.

    Line numbers of a .mat count pairs over all folds.

    Raises:
        ValueError: it is neither, or folds are uneven.
        OSError: it cannot be read.
    """
    if Path(path).suffix != ".mat":
        return listed.parse(path)
    content = read_mat(path)
    try:
        splits = content["splits"].ravel()
        if not len(splits):
            raise ValueError("no splits")
        pairs = [pair for split in splits for pair in _fold(split[0, 0])]
    except (KeyError, IndexError, AttributeError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path}: expected AgeDB's `splits` of image names and labels "
            f"({type(error).__name__}: {error})"
        ) from None
    numbered = [Pair(a, b, same, number) for number, (a, b, same) in enumerate(pairs, start=1)]
    return in_folds(numbered, len(splits), path)


def person(name: str) -> str:
    """What stands before the first underscore of the file's name."""
    return name.rpartition("/")[2].partition("_")[0]


def _fold(split: dict[str, Any]) -> list[tuple[str, str, bool]]:
    """The pairs of a fold, in its order; fields are taken by place, as their names vary."""
    cells, labels = list(split.values())[:2]
    labels = labels.ravel()
    if cells.shape != (2, len(labels)) or not {*labels.tolist()} <= {1, -1}:
        raise ValueError(f"found cells {cells.shape} and labels {labels.shape}")
    names = [[_name(cell) for cell in side] for side in cells]
    return [(a, b, bool(label == 1)) for a, b, label in zip(*names, labels)]


def _name(cell: Any) -> str:
    name = list(cell[0, 0].values())[0]  # noqa: RUF015 - an IndexError where there is none
    if not isinstance(name, str) or not name.strip() or "\n" in name:
        raise ValueError(f"expected an image name, found {name!r}")
    return f"{name}.jpg"


PROTOCOL = PairProtocol(
    title="AgeDB-30",
    about="AgeDB: 10 x 600 pairs, genuine ones 30 years apart",
    parse_list=parse,
    person=person,
    official_pairs=6_000,
    official_sha256=None,
    example="--pairs agedb_30.bin --embeddings out/agedb",
    list_help="04_FINAL_protocol_30_years.mat, lines of `path1 path2 0|1`",
    notes=("AgeDB-30: genuine pairs with thirty years between them; LFW's procedure.",),
)
