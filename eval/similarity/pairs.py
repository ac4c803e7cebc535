"""Which pairs are impostors: not those of one label, of a row with itself, or seen before.

Legend: `p` probes of a panel, `g` gallery rows of a tile, `m` pairs.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from eval.similarity.vectors import Vectors, check_dims

Which = Literal["all", "others", "once"]

Labels = NDArray[np.integer]


class PairRule:
    """The pairs of probes and gallery that are compared.

    `all`: each probe with each gallery row. `others`: save row i with row i, for a gallery that is
    the probes themselves. `once`: of those only i < j, each pair of images once. Where labels are
    given, pairs of equal label are genuine and left out.
    """

    def __init__(
        self,
        probes: Vectors,
        gallery: Vectors,
        which: Which,
        labels: tuple[Labels, Labels] | None,
    ) -> None:
        """Checks.

        Raises:
            ValueError: embeddings of different dimension, labels of another number than rows, or
                `others` and `once` of sets of different size.
        """
        check_dims(probes, gallery)
        if which not in ("all", "others", "once"):
            raise ValueError(f"pairs {which!r}: expected all, others or once")
        if which != "all" and len(probes) != len(gallery):
            raise ValueError(
                f"{gallery.where}: {len(gallery):,} rows, {probes.where} has {len(probes):,}; "
                f"pairs {which!r} are those of one set with itself"
            )
        for side, of in zip(labels or (), (probes, gallery)):
            if side.shape != (len(of),):
                raise ValueError(f"{of.where}: {len(of):,} rows, but labels {side.shape}")
        self._which, self._labels = which, labels

    def none_in(self, panel: slice, part: slice) -> bool:
        """Whether a tile need not be made at all."""
        return self._which == "once" and part.stop - 1 <= panel.start

    def left_out(self, panel: slice, part: slice) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The pairs of a tile that are not compared, [m], none twice: row and column within it."""
        found: list[tuple[NDArray[np.intp], NDArray[np.intp]]] = []
        rows, cols = np.arange(panel.start, panel.stop), np.arange(part.start, part.stop)
        if self._which == "others":
            both = np.arange(max(panel.start, part.start), min(panel.stop, part.stop))
            found.append((both - panel.start, both - part.start))
        elif self._which == "once" and part.start < panel.stop:
            row, col = np.nonzero(cols[None, :] <= rows[:, None])
            found.append((row, col))
        if self._labels is not None:
            row, col = _equal(self._labels[0][panel], self._labels[1][part])
            if self._which != "all":
                i, j = rows[row], cols[col]
                compared = i < j if self._which == "once" else i != j
                row, col = row[compared], col[compared]
            found.append((row, col))
        none = np.empty(0, dtype=np.intp)
        row, col = (np.concatenate([none, *(f[axis] for f in found)]) for axis in range(2))
        return row, col


def genuine_pairs(labels_n: Labels) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The pairs i < j of equal label within one set, [m] each; ordered by label, then i, then j."""
    order = np.argsort(labels_n, kind="stable")
    starts = np.flatnonzero(np.diff(labels_n[order], prepend=labels_n[order[:1]] - 1))
    found = [(order[:0], order[:0])]
    for group in np.split(order, starts[1:]):
        i, j = np.triu_indices(len(group), 1)
        found.append((group[i], group[j]))
    return np.concatenate([f[0] for f in found]), np.concatenate([f[1] for f in found])


def _equal(a_p: Labels, b_g: Labels) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """All places (i, j) with a[i] == b[j], [m] each."""
    order = np.argsort(b_g, kind="stable")
    first_p = np.searchsorted(b_g[order], a_p, side="left")
    count_p = np.searchsorted(b_g[order], a_p, side="right") - first_p
    row = np.repeat(np.arange(len(a_p)), count_p)
    within = np.arange(len(row)) - np.repeat(np.cumsum(count_p) - count_p, count_p)
    return row, order[np.repeat(first_p, count_p) + within]
