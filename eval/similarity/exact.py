"""The reference score, to which every screened figure is brought back.

    score(x, y) = fold(u * v),   u = x / sqrt(fold(x * x)),   v likewise

in float64 from float32 embeddings, where `fold` adds the upper half of a row to its lower half
until one number is left. Each step is elementwise, so the bits of a score depend on its two rows
alone: not on the batch, the tile, the order of the pair, the thread or the processor. Equal rows
have equal scores, and ties are ties. Its rounding error is below (log2(D) + 4) 2^-53.

Legend: `m` pairs or rows, `D` numbers in an embedding.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.similarity.threads import over_parts

_NARROW = 32  # numbers left
_STRETCH = 1024  # pairs for one thread
_BATCH = 128  # pairs in one go: all that is at hand of them stays in the cache


def fold(
    terms_mD: NDArray[np.float64], spare_mD: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """The sum of each row by halving, [m]; where the number is odd the middle one waits.

    Overwrites the terms, and memory of the same shape if there is some to spare.
    """
    here, there = terms_mD, np.empty_like(terms_mD) if spare_mD is None else spare_mD
    left = here.shape[1]
    while left > _NARROW:
        left = _halve(here, there, left)
        here, there = there, here
    # Short rows are slow to go along: columns of all rows at once instead.
    here = np.ascontiguousarray(here[:, :left].T).T
    there = np.empty_like(here)
    while left > 1:
        left = _halve(here, there, left)
        here, there = there, here
    return here[:, 0].copy()


def _halve(source_mD: NDArray[np.float64], target_mD: NDArray[np.float64], count: int) -> int:
    """Adds numbers half to count of each row to the first ones; returns how many are left."""
    half = (count + 1) // 2
    upper = source_mD[:, half:count]
    np.add(source_mD[:, : count - half], upper, out=target_mD[:, : count - half])
    if count % 2:
        target_mD[:, half - 1] = source_mD[:, half - 1]
    return half


def unit(rows_mD: NDArray[Any]) -> NDArray[np.float64]:
    """Rows scaled to length 1 in float64, [m, D]; a zero row stays zero and so scores 0."""
    wide_mD = np.array(rows_mD, dtype=np.float64, order="C")
    _shorten(wide_mD, np.empty_like(wide_mD), np.empty_like(wide_mD))
    return wide_mD


def gathered_scores(
    u_pD: NDArray[np.float64],
    raw_gD: NDArray[Any],
    rows_m: NDArray[np.intp],
    cols_m: NDArray[np.intp],
    *,
    shortened: bool = False,
) -> NDArray[np.float64]:
    """The reference scores of m pairs (row of `u_pD`, row of `raw_gD`), [m].

    Args:
        u_pD: unit rows.
        raw_gD: embeddings of any length.
        rows_m: into the first.
        cols_m: into the second.
        shortened: the second are unit rows already, in float64: the same bits, sooner.
    """
    found_m = np.empty(len(rows_m))

    def some(part: slice) -> None:
        # Memory is taken once: giving it back and forth costs more than the sums.
        shape = min(_BATCH, part.stop - part.start), u_pD.shape[1]
        memory = [np.empty(shape, dtype) for dtype in (raw_gD.dtype, *3 * [np.float64])]
        for start in range(part.start, part.stop, _BATCH):
            here = slice(start, min(start + _BATCH, part.stop))
            raw, v, terms, spare = (each[: here.stop - here.start] for each in memory)
            v[:] = np.take(raw_gD, cols_m[here], axis=0, out=raw, mode="clip")
            if not shortened:
                _shorten(v, terms, spare)
            np.take(u_pD, rows_m[here], axis=0, out=terms, mode="clip")
            found_m[here] = fold(np.multiply(terms, v, out=terms), spare)

    over_parts(some, len(rows_m), _STRETCH)
    return found_m


def _shorten(
    wide_mD: NDArray[np.float64], terms_mD: NDArray[np.float64], spare_mD: NDArray[np.float64]
) -> None:
    """Scales rows to length 1, in place."""
    length_m = np.sqrt(fold(np.multiply(wide_mD, wide_mD, out=terms_mD), spare_mD))
    length_m[length_m == 0] = 1
    wide_mD /= length_m[:, None]
