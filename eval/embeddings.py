"""Embeddings between extraction and judging: `X.npy`, `X.txt`, `X.json` (docs/formats.md).

Legend: `n` images, `m` rows asked for, `D` numbers in one embedding.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from data_prep.files import read_json, write_json, write_text, written_aside

SCHEMA = 1
"""Version of `X.json`."""

_BLOCK = 65_536  # rows looked at in one go: 128 MiB at 512 numbers a row


@dataclass(frozen=True)
class Embeddings:
    """The embeddings of n images.

    Attributes:
        names: n image names, `/` between folders, no two alike.
        vectors: float32 [n, D], memory-mapped when loaded, not necessarily of unit length.
        meta: what `X.json` says: schema, model, fusion, transform, images, dim, command.
        prefix: the path `X` they were loaded from.
    """

    names: list[str]
    vectors: NDArray[np.float32]
    meta: dict[str, Any]
    prefix: str
    _row_of: dict[str, int] = field(default_factory=dict, repr=False, compare=False)
    _rows_without_suffix: dict[str, list[int]] = field(
        default_factory=dict, repr=False, compare=False
    )

    def rows(
        self, wanted: Sequence[str], where: str, lines: Sequence[int] | None = None
    ) -> NDArray[np.intp]:
        """The row of each wanted image, [m].

        A name is matched as it stands or, where that is not there, without its file suffix: lists
        say `.jpg` and crops may be `.png`.

        Args:
            wanted: m image names.
            where: the list they come from, for the message.
            lines: the line of each in that list; without it, 1 to m.

        Raises:
            ValueError: an image is missing, or a name without suffix fits several.
        """
        self._index_names()
        found = np.empty(len(wanted), dtype=np.intp)
        missing: list[int] = []
        for place, name in enumerate(wanted):
            row = self._row_of.get(name)
            if row is None:
                near = self._rows_without_suffix.get(_without_suffix(name), [])
                if len(near) > 1:
                    two = " and ".join(repr(self.names[r]) for r in near[:2])
                    raise ValueError(
                        f"{where}, line {lines[place] if lines else place + 1}: {name!r} fits both "
                        f"{two} of {self.prefix}.txt; extract with one file an image"
                    )
                if not near:
                    missing.append(place)
                    continue
                row = near[0]
            found[place] = row
        if missing:
            first = missing[0]
            more = len({wanted[place] for place in missing}) - 1
            raise ValueError(
                f"{where}, line {lines[first] if lines else first + 1}: image {wanted[first]!r} is "
                f"not among the {len(self.names):,} of {self.prefix}.txt"
                + (f" (nor are {more:,} others of the list)" if more else "")
                + "; extract it first"
            )
        return found

    def unit(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Rows scaled to length 1 in float64, [m, D].

        Raises:
            ValueError: a vector is zero, so it has no direction; its image is named.
        """
        return unit_rows(self.vectors[rows], [self.names[row] for row in rows], self.prefix)

    def _index_names(self) -> None:
        if self._row_of:
            return
        self._row_of.update((name, row) for row, name in enumerate(self.names))
        for row, name in enumerate(self.names):
            self._rows_without_suffix.setdefault(_without_suffix(name), []).append(row)


def unit_rows(vectors_mD: NDArray[Any], names: Sequence[str], where: str) -> NDArray[np.float64]:
    """Each row divided by its Euclidean length, in float64.

    Raises:
        ValueError: a row is zero; the message names its image instead of handing on NaN.
    """
    wide_mD = np.asarray(vectors_mD, dtype=np.float64)
    length_m = np.linalg.norm(wide_mD, axis=1)
    if not length_m.all():
        first = int(np.flatnonzero(length_m == 0)[0])
        raise ValueError(
            f"{where}: the embedding of {names[first]!r} is all zeros, so it has no direction; "
            "look at that image or extract again"
        )
    return wide_mD / length_m[:, None]


def save(
    prefix: str | os.PathLike[str],
    names: Sequence[str],
    vectors: NDArray[np.float32],
    meta: dict[str, Any],
) -> None:
    """Writes `prefix`.npy, .txt and .json.

    The .json goes last and an older one goes first, so that a set cut short is seen as such.

    Args:
        prefix: path without suffix.
        names: n image names, no two alike, each one line.
        vectors: float32 [n, D].
        meta: the content of the .json; `schema`, `dim` and `count` are added.

    Raises:
        ValueError: names and vectors do not fit each other, or a number is not finite.
    """
    npy, txt, note = _paths(prefix)
    vectors = _checked_array(vectors, str(npy))
    _check_names(names, len(vectors), str(txt))
    _check_finite(vectors, names, str(npy))
    note.unlink(missing_ok=True)
    with written_aside(npy) as aside, aside.open("wb") as file:
        np.save(file, vectors, allow_pickle=False)
    write_text(txt, "".join(f"{name}\n" for name in names))
    write_json(note, {**meta, "schema": SCHEMA, "dim": vectors.shape[1], "count": len(names)})


def load(prefix: str | os.PathLike[str]) -> Embeddings:
    """Opens what `save` wrote; the numbers stay on disk until they are used.

    Args:
        prefix: path without suffix; `X.npy` is taken for `X`.

    Raises:
        ValueError: the three files do not fit each other, a name comes twice, or a number is not
            finite.
        FileNotFoundError: one of the three is not there.
    """
    npy, txt, note = _paths(prefix)
    for path in (npy, txt, note):
        if not path.is_file():
            raise FileNotFoundError(
                f"{path}: not there; embeddings are X.npy, X.txt and X.json together "
                '(run "python -m eval extract")'
            )
    meta = read_json(note)
    if not isinstance(meta, dict) or meta.get("schema") != SCHEMA:
        raise ValueError(f'{note}: expected an object with "schema": {SCHEMA}; extract again')
    try:
        vectors = np.load(npy, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"{npy}: not a NumPy array file ({error}); extract again") from None
    vectors = _checked_array(vectors, str(npy))
    if meta.get("dim", vectors.shape[1]) != vectors.shape[1]:
        raise ValueError(
            f"{note}: says {meta['dim']} numbers an image, {npy.name} has {vectors.shape[1]}; "
            "extract again"
        )
    names = _read_names(txt)
    _check_names(names, len(vectors), str(txt))
    _check_finite(vectors, names, str(npy))
    return Embeddings(names, vectors, meta, str(npy.with_suffix("")))


def _paths(prefix: str | os.PathLike[str]) -> tuple[Path, Path, Path]:
    text = os.fspath(prefix).removesuffix(".npy")
    return Path(f"{text}.npy"), Path(f"{text}.txt"), Path(f"{text}.json")


def _without_suffix(name: str) -> str:
    return str(PurePosixPath(name).with_suffix("")) if PurePosixPath(name).name else name


def _read_names(txt: Path) -> list[str]:
    try:
        text = txt.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{txt}: expected UTF-8, byte {error.start} is not") from None
    return text.removesuffix("\n").split("\n") if text else []


def _check_names(names: Sequence[str], count: int, where: str) -> None:
    if len(names) != count:
        raise ValueError(f"{where}: {len(names):,} names for {count:,} embeddings; extract again")
    line_of: dict[str, int] = {}
    for line, name in enumerate(names, start=1):
        if not name or "\n" in name or "\r" in name:
            raise ValueError(f"{where}, line {line}: {name!r} cannot be an image name")
        if name in line_of:
            raise ValueError(f"{where}, line {line}: {name!r} is on line {line_of[name]} already")
        line_of[name] = line


def _checked_array(vectors: NDArray[Any], where: str) -> NDArray[np.float32]:
    if vectors.dtype != np.float32 or vectors.ndim != 2 or not vectors.flags.c_contiguous:
        raise ValueError(
            f"{where}: expected float32 [n, D] in C order, found {vectors.dtype} "
            f"{list(vectors.shape)}"
        )
    if vectors.shape[1] == 0:
        raise ValueError(f"{where}: embeddings of no numbers at all")
    return vectors


def _check_finite(vectors: NDArray[np.float32], names: Sequence[str], where: str) -> None:
    """Looks at every number, block by block; the first bad row is named."""
    starts = tqdm(range(0, len(vectors), _BLOCK), desc="checking embeddings", delay=2, leave=False)
    for start in starts:
        good = np.isfinite(vectors[start : start + _BLOCK]).all(axis=1)
        if not good.all():
            bad = np.flatnonzero(~good)
            row = start + int(bad[0])
            raise ValueError(
                f"{where}, row {row}: the embedding of {names[row]!r} has NaN or infinity; "
                "look at the model and that image"
            )
