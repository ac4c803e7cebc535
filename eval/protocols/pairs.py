"""Lists of image pairs in folds: what every verification protocol is made of."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class PairList:
    """n pairs of images, in the order of the list.

    Attributes:
        a: first image of each pair, `folder/file`.
        b: second image of each pair.
        same: bool [n], whether both show one person.
        fold: int64 [n], 0 to folds - 1.
        lines: line of the list on which each pair begins, from 1.
    """

    a: list[str]
    b: list[str]
    same: NDArray[np.bool_]
    fold: NDArray[np.int64]
    lines: list[int]


@dataclass(frozen=True)
class PairProtocol:
    """A verification protocol: a list in a known layout, judged by cross-validated accuracy.

    Attributes:
        title: as it is written in a report.
        parse: reads the pair list.
        official_pairs: pairs of the published list.
        official_sha256: hash of the published list, None where it is not known to this version.
        notes: sentences for the report: what the figures mean and what they compare with.
    """

    title: str
    parse: Callable[[str | os.PathLike[str]], PairList]
    official_pairs: int
    official_sha256: str | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Pair:
    """One pair as it was read, before folds are known."""

    a: str
    b: str
    same: bool
    line: int


def read_lines(path: str | os.PathLike[str]) -> list[str]:
    """The lines of a UTF-8 list without line ends; blank lines at the end are dropped.

    Raises:
        ValueError: not UTF-8, nothing in it, or a blank line between others.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").rstrip().split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: expected a list in UTF-8, byte {error.start} is not") from None
    lines = [line.rstrip() for line in lines]
    if lines == [""]:
        raise ValueError(f"{path}: empty, expected a list of pairs")
    if "" in lines:
        raise ValueError(f"{path}, line {lines.index('') + 1}: blank; remove it")
    return lines


def in_folds(pairs: list[Pair], folds: int, path: str | os.PathLike[str]) -> PairList:
    """Cuts a list into contiguous folds of equal length.

    Raises:
        ValueError: the pairs do not divide evenly, or a fold has not as many genuine as impostor
            pairs.
    """
    if len(pairs) % (2 * folds):
        raise ValueError(
            f"{path}: {len(pairs):,} pairs do not make {folds} equal folds, half of each genuine; "
            "a line is missing or too many"
        )
    size = len(pairs) // folds
    same = np.array([pair.same for pair in pairs])
    for fold, genuine in enumerate(same.reshape(folds, size).sum(axis=1)):
        if genuine * 2 != size:
            first, last = pairs[fold * size], pairs[fold * size + size - 1]
            raise ValueError(
                f"{path}, lines {first.line} to {last.line}: fold {fold + 1} of {folds} has "
                f"{genuine} genuine and {size - genuine} impostor pairs, expected {size // 2} of "
                "each; lines are missing or out of order"
            )
    return PairList(
        a=[pair.a for pair in pairs],
        b=[pair.b for pair in pairs],
        same=same,
        fold=np.repeat(np.arange(folds), size),
        lines=[pair.line for pair in pairs],
    )
