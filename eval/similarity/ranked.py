"""Where scores lie among each row's thresholds.

Legend: `p` rows, `T` thresholds of each, rising, `m` scores.
"""

import numpy as np
from numpy.typing import NDArray


def ranked(
    rising_pT: NDArray, row_m: NDArray[np.intp], value_m: NDArray, *, ties: bool
) -> NDArray[np.intp]:
    """How many thresholds of its row are below each value, [m]; equal ones too if `ties`."""
    low = np.zeros(len(row_m), dtype=np.intp)
    high = np.full(len(row_m), rising_pT.shape[1])
    for _ in range(rising_pT.shape[1].bit_length()):
        middle = (low + high) // 2
        there = rising_pT[row_m, middle.clip(max=rising_pT.shape[1] - 1)]
        more = ((there <= value_m) if ties else (there < value_m)) & (low < high)
        low, high = np.where(more, middle + 1, low), np.where(more, high, middle)
    return low


def at_least(counts_pN: NDArray[np.int64]) -> NDArray[np.int64]:
    """From the number of pairs with n thresholds below, n = 0 .. T, to those above each, [p, T]."""
    return np.cumsum(counts_pN[:, :0:-1], axis=1)[:, ::-1]
