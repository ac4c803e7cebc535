"""Curves of more points than a screen can show."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def kept(x_n: Floats, y_n: Floats, most: int = 3000) -> NDArray[np.intp]:
    """Which points of a polyline to draw, so that the drawing does not change.

    The plane is cut into columns and then into rows; of every run of neighbours within one column
    the first, last, lowest and highest are kept (Jugel et al., "M4", 2014). So a drawn line differs
    by less than a column's width. Columns are as fine as `most` allows, of 1/32 to 1 pixel.

    Args:
        x_n: positions in pixels, finite.
        y_n: likewise.
        most: points wanted at most; more only where columns of one pixel need more.

    Returns:
        Places of the points, rising; all of them where there are no more than `most`.
    """
    if len(x_n) <= most:
        return np.arange(len(x_n))
    for parts in (32, 16, 8, 4, 2, 1):
        found = _extremes(np.floor(x_n * parts), y_n)
        if len(found) <= most:
            break
    return found


def _extremes(column_n: Floats, y_n: Floats) -> NDArray[np.intp]:
    starts = np.flatnonzero(np.diff(column_n, prepend=np.nan) != 0)
    ends = np.append(starts[1:], len(y_n))
    run_n = np.repeat(np.arange(len(starts)), ends - starts)
    order = np.lexsort((y_n, run_n))  # within each run by height
    return np.unique(np.concatenate([starts, ends - 1, order[starts], order[ends - 1]]))
