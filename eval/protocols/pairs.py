"""Lists of image pairs in folds: what every verification protocol is made of."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_prep.embeddings import Embeddings
from data_prep.files import sha256_file
from data_prep.sources.verification_bin import read_bin

BIN_FOLDS = 10


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
class Pair:
    """One pair as it was read, before folds are known."""

    a: str
    b: str
    same: bool
    line: int


def folder_of(name: str) -> str:
    """The folder an image is in: the person, where there is a folder a person."""
    return name.rpartition("/")[0]


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
        raise ValueError(f"{path}: empty, expected a list; get it again")
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


def sha256_of(path: str | os.PathLike[str]) -> str:
    """Hex SHA-256 of a list; of a folder, that of its `sha256sum`: a line a .txt file, sorted."""
    root = Path(path)
    if not root.is_dir():
        return sha256_file(root)
    files = sorted(file.relative_to(root).as_posix() for file in root.rglob("*.txt"))
    lines = "".join(f"{sha256_file(root / name)}  {name}\n" for name in files)
    return hashlib.sha256(lines.encode()).hexdigest()


def require_own(path: str | os.PathLike[str], embeddings: Embeddings) -> None:
    """Refuses embeddings of another .bin than the list: all of them name their images alike.

    Raises:
        ValueError: X.json notes the SHA-256 of a .bin, and this one has another.
    """
    images = embeddings.meta.get("images") or {}
    known = images.get("sha256")
    if Path(path).suffix == ".bin" and known is not None and known != sha256_file(path):
        raise ValueError(
            f"{path}: {embeddings.prefix} holds the images of another .bin ({images.get('source')},"
            f" SHA-256 {str(known)[:12]}...); extract from this one"
        )


def from_bin(path: Path) -> PairList:
    """The pairs of a verification .bin (formats.md 2.6), ten contiguous folds in its own order.

    Images are named as `python -m eval extract --images X.bin` names them: `000000` and so on, 2i
    and 2i + 1 being pair i. Where ten does not divide the pairs, the first folds have one more, as
    scikit-learn's KFold cuts them. Line i + 1 stands for pair i.

    Raises:
        ValueError: not such a file, or fewer pairs than folds.
        OSError: it cannot be read.
    """
    same = np.array(read_bin(path)[1])
    if len(same) < BIN_FOLDS:
        raise ValueError(f"{path}: {len(same)} pairs, expected {BIN_FOLDS} or more, one a fold")
    parts = np.array_split(np.arange(len(same)), BIN_FOLDS)
    return PairList(
        a=[f"{2 * i:06d}" for i in range(len(same))],
        b=[f"{2 * i + 1:06d}" for i in range(len(same))],
        same=same,
        fold=np.repeat(np.arange(BIN_FOLDS), [len(part) for part in parts]),
        lines=list(range(1, len(same) + 1)),
    )
