"""Reading embeddings: the three files `X.npy`, `X.txt`, `X.json` (docs/formats.md).

Legend: `n` images, `m` rows asked for, `D` numbers in one embedding.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from tqdm import tqdm

from data_prep.files import read_json
from data_prep.images import SUFFIXES

SCHEMA = 1
"""Version of `X.json`."""

_SUFFIXES = SUFFIXES | {".gif"}  # of originals, whose crops are called by other ones
_NOTES = {"model": dict, "images": dict, "transform": dict, "fusion": str}  # each may be null
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

        A name is matched as it stands or, where that is not there, without the suffix of an image:
        lists say `.jpg` and crops may be `.png`.

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
                near = self._rows_without_suffix.get(without_suffix(name), [])
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

    def rows_of(self, images: Sequence[str], what: str) -> NDArray[np.intp]:
        """The row of each image of a source, named as it was when they were extracted, [m].

        Args:
            images: m image names.
            what: what they are the images of, for the message.

        Raises:
            ValueError: an image has no embedding.
        """
        if self.names == list(images):
            return np.arange(len(self.names))
        row_of = {name: row for row, name in enumerate(self.names)}
        missing = [name for name in images if name not in row_of]
        if missing:
            raise ValueError(
                f"{self.prefix}.txt: expected the images of {what}, {len(missing):,} are not "
                f"there, such as {missing[0]!r}; extract with --images of the same source"
            )
        return np.array([row_of[name] for name in images], dtype=np.intp)

    def unit(self, rows: NDArray[np.intp] | slice, dtype: DTypeLike = np.float64) -> NDArray[Any]:
        """Rows scaled to length 1, [m, D], computed in `dtype`.

        Raises:
            ValueError: a vector is zero, so it has no direction; its image is named.
        """

        def where(place: int) -> str:
            row = int(np.arange(len(self.names))[rows][place])
            return f"{self.prefix}.npy, row {row}: the embedding of {self.names[row]!r}"

        return scaled(self.vectors[rows], where, dtype)

    def _index_names(self) -> None:
        if self._row_of:
            return
        self._row_of.update((name, row) for row, name in enumerate(self.names))
        for row, name in enumerate(self.names):
            self._rows_without_suffix.setdefault(without_suffix(name), []).append(row)


def scaled(
    vectors_mD: NDArray[Any], where: Callable[[int], str], dtype: DTypeLike = np.float64
) -> NDArray[Any]:
    """Each row divided by its Euclidean length, in `dtype`.

    Raises:
        ValueError: a row is zero or not finite; the message names it, `where(place)`, instead of
            handing on NaN.
    """
    wide_mD = np.asarray(vectors_mD, dtype=dtype)
    length_m = np.linalg.norm(wide_mD, axis=1)
    good_m = np.isfinite(length_m) & (length_m > 0)
    if not good_m.all():
        first = int(np.flatnonzero(~good_m)[0])
        raise ValueError(
            f"{where(first)} is {'not finite' if length_m[first] else 'all zeros'}, so it has no "
            "direction; look at that image or extract again"
        )
    return wide_mD / length_m[:, None]


def load(prefix: str | os.PathLike[str]) -> Embeddings:
    """Opens the three files; the numbers stay on disk until they are used.

    Args:
        prefix: path without suffix; `X.npy` is taken for `X`.

    Raises:
        ValueError: the three files do not fit each other, a name comes twice, or a number is not
            finite.
        FileNotFoundError: one of the three is not there.
    """
    npy, txt, note = paths(prefix)
    for path in (npy, txt, note):
        if not path.is_file():
            raise FileNotFoundError(
                f"{path}: not there; embeddings are X.npy, X.txt and X.json together "
                '(run "python -m eval extract")'
            )
    meta = read_json(note)
    if not isinstance(meta, dict) or meta.get("schema") != SCHEMA:
        raise ValueError(f'{note}: expected an object with "schema": {SCHEMA}; extract again')
    for key, kind in _NOTES.items():
        if not isinstance(meta.get(key), kind | None):
            raise ValueError(f"{note}: {key!r} is not as extract writes it; extract again")
    try:
        vectors: NDArray[Any] = np.lib.format.open_memmap(npy, mode="r")
    except (ValueError, EOFError, OverflowError, SyntaxError, TokenError) as error:
        raise ValueError(f"{npy}: not a NumPy array file ({error}); extract again") from None
    vectors = checked_array(vectors, str(npy))
    if meta.get("dim", vectors.shape[1]) != vectors.shape[1]:
        raise ValueError(
            f"{note}: says {meta['dim']} numbers an image, {npy.name} has {vectors.shape[1]}; "
            "extract again"
        )
    names = _read_names(txt)
    check_names(names, len(vectors), str(txt))
    check_finite(vectors, names, str(npy))
    return Embeddings(names, vectors, meta, str(npy.with_suffix("")))


def paths(prefix: str | os.PathLike[str]) -> tuple[Path, Path, Path]:
    """X.npy, X.txt and X.json of `X`, or of `X.npy`."""
    text = os.fspath(prefix).removesuffix(".npy")
    return Path(f"{text}.npy"), Path(f"{text}.txt"), Path(f"{text}.json")


def without_suffix(name: str) -> str:
    """An image's name less the suffix of an image; `im.2` has none."""
    path = PurePosixPath(name)
    return str(path.with_suffix("") if path.suffix.lower() in _SUFFIXES else path)


def require_one_model(one: Embeddings, other: Embeddings) -> None:
    """Refuses embeddings that cannot be compared: of two models, or fused in two ways.

    Raises:
        ValueError: they differ in dimension, model or fusion; files without these notes pass.
    """
    for what, here, there in (
        ("embeddings of dimension", one.vectors.shape[1], other.vectors.shape[1]),
        ("the model of SHA-256", _model(one), _model(other)),
        ("the fusion", one.meta.get("fusion"), other.meta.get("fusion")),
    ):
        if here != there and None not in (here, there):
            raise ValueError(
                f"{other.prefix}: expected {what} {here} like {one.prefix}, found {there}; "
                "extract both with one model and the same settings"
            )


def _model(embedded: Embeddings) -> str | None:
    model = embedded.meta.get("model") or {}
    return str(model["sha256"])[:12] if "sha256" in model else None


def _read_names(txt: Path) -> list[str]:
    try:
        text = txt.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{txt}: expected UTF-8, byte {error.start} is not") from None
    return text.removesuffix("\n").split("\n") if text else []


def check_names(names: Sequence[str], count: int, where: str) -> None:
    """Refuses names that are not one a row, each a line, no two alike.

    Raises:
        ValueError: names the line of the first that is not.
    """
    if len(names) != count:
        raise ValueError(f"{where}: {len(names):,} names for {count:,} embeddings; extract again")
    line_of: dict[str, int] = {}
    for line, name in enumerate(names, start=1):
        if not name or "\n" in name or "\r" in name:
            raise ValueError(f"{where}, line {line}: {name!r} cannot be an image name; rename it")
        if name in line_of:
            raise ValueError(f"{where}, line {line}: {name!r} is on line {line_of[name]} already")
        line_of[name] = line


def checked_array(vectors: NDArray[Any], where: str) -> NDArray[np.float32]:
    """The same array, float32 [n, D] in C order.

    Raises:
        ValueError: it is something else.
    """
    if vectors.dtype != np.float32 or vectors.ndim != 2 or not vectors.flags.c_contiguous:
        raise ValueError(
            f"{where}: expected float32 [n, D] in C order, found {vectors.dtype} "
            f"{list(vectors.shape)}"
        )
    if vectors.shape[1] == 0:
        raise ValueError(f"{where}: embeddings of no numbers at all")
    return vectors


def check_finite(
    vectors: NDArray[np.float32], names: Sequence[str], where: str, first: int = 0
) -> None:
    """Looks at every number, block by block.

    Args:
        vectors: [n, D].
        names: n image names.
        where: the file they are of, for the message.
        first: row of the first one in that file.

    Raises:
        ValueError: one is NaN or infinite; names its row and image.
    """
    starts = tqdm(range(0, len(vectors), _BLOCK), desc="checking embeddings", delay=2, leave=False)
    for start in starts:
        good = np.isfinite(vectors[start : start + _BLOCK]).all(axis=1)
        if not good.all():
            bad = np.flatnonzero(~good)
            row = start + int(bad[0])
            raise ValueError(
                f"{where}, row {first + row}: the embedding of {names[row]!r} has NaN or infinity; "
                "look at the model and that image"
            )
