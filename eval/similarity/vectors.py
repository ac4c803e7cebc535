"""Embeddings as the similarity engine takes them: memory-mapped, looked at once, and refused by
row where they are no embeddings.

Legend: `n` rows, `D` numbers in an embedding, `m` pairs.
"""

import hashlib
from collections.abc import Iterator, Sequence
from copy import copy
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from eval.similarity.exact import gathered_scores, unit

Zeros = Literal["refuse", "keep"]

BLOCK = 8192
"""Rows looked at in one go."""

_SAFE = (1e-12, 1e12)  # lengths between which float32 squares neither overflow nor vanish


class Vectors:
    """n embeddings, perhaps a selection of an array's rows, all finite.

    The engine counts rows of the selection from 0; `row_of` leads back to the array.

    Attributes:
        where: the file they come from, for messages.
        dim: D.
        lengths: float32 [n], within (D + 4) 2^-24 of the Euclidean length, relative; exactly 0
            for zero rows.
    """

    def __init__(
        self,
        array_nD: NDArray[np.float32],
        where: str = "embeddings",
        *,
        rows: NDArray[np.integer[Any]] | None = None,
        names: Sequence[str] | None = None,
        zeros: Zeros = "refuse",
    ) -> None:
        """Looks at every number once.

        Args:
            array_nD: float32, memory-mapped or not; never written to.
            where: the file they come from.
            rows: the rows that count, in the order wanted; None for all. Noisy distractors are
                left out by leaving them out here.
            names: image name of each row of the array, for messages.
            zeros: "refuse" a zero row, which has no direction, or "keep" it with score 0 to all.

        Raises:
            ValueError: not float32 [n, D], a row out of range, NaN or infinity in a row, or a
                zero row; the row of the array is named.
        """
        if array_nD.dtype != np.float32 or array_nD.ndim != 2 or 0 in array_nD.shape:
            raise ValueError(
                f"{where}: expected float32 embeddings [n, D], found {array_nD.dtype} "
                f"{list(array_nD.shape)}; extract again"
            )
        self.where = where
        self.dim = array_nD.shape[1]
        self._array = np.asarray(array_nD)  # np.memmap is slow to slice
        self._names = names
        self._rows = None if rows is None else _checked_rows(rows, len(array_nD), where)
        self.lengths = np.empty(len(self), dtype=np.float32)
        for part in self.parts(BLOCK, "checking embeddings"):
            self.lengths[part] = self._lengths(part, zeros)

    def __len__(self) -> int:
        return len(self._array if self._rows is None else self._rows)

    def block(self, part: slice) -> NDArray[np.float32]:
        """Rows `part` as they are, [m, D]; may be a read-only view of the file."""
        return self._array[part] if self._rows is None else self._array[self._rows[part]]

    def take(self, rows_m: NDArray[np.intp]) -> NDArray[np.float32]:
        """Chosen rows as they are, [m, D]."""
        return self._array[rows_m if self._rows is None else self._rows[rows_m]]

    def unit(self, part: slice) -> NDArray[np.float64]:
        """Rows `part` of length 1 in float64, the reference's own, [m, D]."""
        return unit(self.block(part))

    def nearly_unit(self, part: slice) -> NDArray[np.float32]:
        """Rows `part` of length 1 in float32, each within (D + 8) 2^-24 of the unit row."""
        block, lengths = self.block(part), self.lengths[part]
        odd = _odd(lengths)
        safe = np.where(odd, np.float32(1), lengths).astype(np.float32)
        near: NDArray[np.float32] = np.multiply(block, np.reciprocal(safe)[:, None])
        if odd.any():
            near[odd] = unit(block[odd])
        return near

    def row_of(self, index: int) -> int:
        """The array's row of row `index` of the selection."""
        return int(index if self._rows is None else self._rows[index])

    def some(self, rows_m: NDArray[np.intp]) -> "Vectors":
        """Chosen rows in the order given; nothing is looked at again."""
        part = copy(self)
        part._rows = rows_m if self._rows is None else self._rows[rows_m]
        part.lengths = self.lengths[rows_m]
        return part

    def head(self, count: int) -> "Vectors":
        """The first `count` rows; nothing is looked at again."""
        return self.some(np.arange(len(self))[:count])

    def parts(self, size: int, about: str) -> Iterator[slice]:
        """Slices of `size` rows that cover all, with a progress bar."""
        starts = range(0, len(self), size)
        for start in tqdm(starts, desc=about, delay=2, leave=False):
            yield slice(start, min(start + size, len(self)))

    def digest(self) -> str:
        """SHA-256 of the rows, hex."""
        state = hashlib.sha256(f"{len(self)} {self.dim}\n".encode())
        for part in self.parts(BLOCK, "hashing embeddings"):
            state.update(self.block(part).tobytes())
        return state.hexdigest()

    def place(self, index: int) -> str:
        """File, row and, where it is known, image of row `index` of the selection."""
        row = self.row_of(index)
        return f"{self.where}, row {row}" + (f" ({self._names[row]!r})" if self._names else "")

    def _lengths(self, part: slice, zeros: Zeros) -> NDArray[np.float32]:
        block = self.block(part)
        with np.errstate(over="ignore", invalid="ignore"):
            length = np.sqrt(np.einsum("nd,nd->n", block, block))
        for place in np.flatnonzero(_odd(length)):
            row = block[place].astype(np.float64)
            if not np.isfinite(row).all():
                at = int(np.flatnonzero(~np.isfinite(row))[0])
                raise ValueError(
                    f"{self.place(part.start + place)}: the embedding has {row[at]} at place {at}, "
                    "expected finite numbers; look at the model and that image"
                )
            exact = float(np.sqrt(row @ row))
            if exact == 0 and zeros == "refuse":
                raise ValueError(
                    f"{self.place(part.start + place)}: the embedding is all zeros, so it has no "
                    "direction; look at that image, leave it out, or keep it with score 0 to all"
                )
            # Out of float32's range, or near it: only told from 0; `nearly_unit` knows.
            length[place] = np.clip(exact, 1e-38, 1e38) if exact else 0
        return length


def score_pairs(
    a: Vectors, b: Vectors, rows_m: NDArray[np.integer[Any]], cols_m: NDArray[np.integer[Any]]
) -> NDArray[np.float64]:
    """The reference scores of listed pairs, such as all genuine ones, float64 [m].

    Args:
        a: first embeddings.
        b: second embeddings, perhaps the same.
        rows_m: row of `a` of each pair.
        cols_m: row of `b` of each pair.

    Raises:
        ValueError: embeddings of different dimension, or a row out of range.
    """
    check_dims(a, b)
    rows_m, cols_m = _checked_rows(rows_m, len(a), a.where), _checked_rows(cols_m, len(b), b.where)
    found_m = np.empty(len(rows_m))
    for start in tqdm(range(0, len(rows_m), BLOCK), desc="scoring pairs", delay=2, leave=False):
        part = slice(start, start + BLOCK)
        left, left_m = np.unique(rows_m[part], return_inverse=True)
        right, right_m = np.unique(cols_m[part], return_inverse=True)
        found_m[part] = gathered_scores(unit(a.take(left)), b.take(right), left_m, right_m)
    return found_m


def check_dims(a: Vectors, b: Vectors) -> None:
    """Refuses embeddings of different dimension.

    Raises:
        ValueError: they differ.
    """
    if a.dim != b.dim:
        raise ValueError(
            f"{b.where}: embeddings of {b.dim} numbers, those of {a.where} have {a.dim}; extract "
            "both with one model"
        )


def _odd(lengths: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Lengths that are zero, not finite, or too far from 1 for float32 squares."""
    return ~((lengths > _SAFE[0]) & (lengths < _SAFE[1]))


def _checked_rows(rows: NDArray[np.integer[Any]], count: int, where: str) -> NDArray[np.intp]:
    rows = np.asarray(rows)
    if rows.ndim != 1 or rows.dtype.kind not in "iu":
        raise ValueError(
            f"{where}: expected a list of row numbers, found {rows.dtype} {rows.shape}"
        )
    bad = np.flatnonzero((rows < 0) | (rows >= count))
    if len(bad):
        raise ValueError(
            f"{where}: row {rows[bad[0]]} asked for, but there are rows 0 to {count - 1}"
        )
    return rows.astype(np.intp)
