"""What is kept while tiles go by, and how the ranks' parts are joined.

Every class holds plain arrays (`arrays`), so that a stopped run can go on; takes tiles in rising
order of gallery rows (`take`); and joins what other ranks saw (`join`).

Legend: `P` probes, `p` of them in a panel, `S` gallery sizes, `k` best scores, `T` thresholds.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from eval.similarity.keyed import ANY
from eval.similarity.plan import Counts, Tail, Top
from eval.similarity.ranked import ranked
from eval.similarity.tile import Pairs, Tile

Arrays = dict[str, NDArray]


class TopKeeper:
    """The k best impostors of each probe."""

    def __init__(self, sizes: int, probes: int, count: int) -> None:
        """Room for S snapshots of P x k."""
        self.arrays: Arrays = {
            "score": np.full((sizes, probes, count), -np.inf),
            "row": np.full((sizes, probes, count), -1, dtype=np.int64),
        }
        self._count = count

    def least(self, tile: Tile) -> NDArray[np.float64]:
        """A number for each probe of the panel that a score must reach to matter, [p]."""
        worst_p = self.arrays["score"][-1, tile.panel.part, -1]
        # Block maxima tell at once; all keys must be sorted, which only early tiles are worth.
        if self._count <= tile.screened.blocks or tile.part.start <= tile.count:
            return np.maximum(worst_p, tile.screened.floors(self._count))
        return worst_p

    def take(self, tile: Tile, pairs: Pairs) -> None:
        """Puts better ones in their places."""
        score_pk, row_pk = (self.arrays[name][-1, tile.panel.part] for name in ("score", "row"))
        # Later rows lose ties, so only a greater score gets in.
        better = pairs.score > score_pk[pairs.row, -1]
        touched, place = np.unique(pairs.row[better], return_inverse=True)
        kept = np.broadcast_to(np.arange(len(touched))[:, None], (len(touched), self._count))
        probe = np.concatenate([kept.ravel(), place])
        score = np.concatenate([score_pk[touched].ravel(), pairs.score[better]])
        row = np.concatenate([row_pk[touched].ravel(), pairs.col[better] + tile.part.start])
        score_pk[touched], row_pk[touched] = _best(probe, score, row, len(touched), self._count)

    def snapshot(self, size: int, panel: slice) -> None:
        """Keeps a panel's state as that of gallery size number `size`."""
        for array in self.arrays.values():
            array[size, panel] = array[-1, panel]

    def join(self, ranks: Sequence[Arrays]) -> Top:
        """The best of what all ranks found."""
        score, row = (np.concatenate([r[name] for r in ranks], axis=2) for name in ("score", "row"))
        sizes, probes, wide = score.shape
        probe = np.repeat(np.arange(sizes * probes), wide)
        row[row < 0] = np.iinfo(np.int64).max
        best = _best(probe, score.ravel(), row.ravel(), sizes * probes, self._count)
        score, row = (each.reshape(sizes, probes, self._count) for each in best)
        row[np.isneginf(score)] = -1
        return Top(score, row)


class TailKeeper:
    """The largest impostor scores of all pairs."""

    def __init__(self, count: int) -> None:
        """Room for `count` scores, and some to come."""
        self.arrays: Arrays = {
            "score": np.empty(0),
            "probe": np.empty(0, dtype=np.int64),
            "row": np.empty(0, dtype=np.int64),
        }
        self._count = count
        self._least = -ANY

    def least(self, tile: Tile) -> float:
        """A number that a score must reach to matter."""
        # A tile as large as all before it knows as much of the tail as they do.
        if len(self.arrays["score"]) < self._count or tile.part.start <= tile.count:
            return max(self._least, tile.screened.floor(self._count))
        return self._least

    def take(self, tile: Tile, pairs: Pairs) -> None:
        """Adds those that matter and drops what they push out."""
        large = pairs.score >= self._least
        panel = tile.panel.part.start
        new = pairs.score[large], pairs.row[large] + panel, pairs.col[large] + tile.part.start
        for name, values in zip(self.arrays, new):
            self.arrays[name] = np.concatenate([self.arrays[name], values])
        self.trim(room=self._count // 4 if self._least > -ANY else 0)

    def trim(self, room: int = 0) -> None:
        """Drops what is beyond the count, if that is more than `room`; called also once older
        `arrays` were put back.
        """
        if len(self.arrays["score"]) >= self._count + room:
            self.arrays = _largest([self.arrays], self._count)
            self._least = self.arrays["score"][-1]

    def join(self, ranks: Sequence[Arrays]) -> Tail:
        """The largest of what all ranks found."""
        return Tail(**_largest(ranks, self._count))


class Counter:
    """Impostors above and at thresholds; `arrays` hold each probe's in rising order."""

    def __init__(self, sizes: int, probes: int, thresholds: NDArray[np.float64]) -> None:
        """Thresholds [T], or [P, T].

        Raises:
            ValueError: of another shape.
        """
        if thresholds.ndim not in (1, 2) or thresholds.shape[:-1] not in ((), (probes,)):
            raise ValueError(f"thresholds {thresholds.shape}: expected [T] or [{probes}, T]")
        thresholds = np.broadcast_to(thresholds, (probes, thresholds.shape[-1]))
        self._order = np.argsort(thresholds, axis=1)
        self._rising = np.take_along_axis(thresholds, self._order, axis=1)
        shape = (sizes, *thresholds.shape)
        self.arrays: Arrays = {name: np.zeros(shape, np.int64) for name in ("above", "equal")}

    def take(self, tile: Tile) -> int:
        """Counts a tile; returns how many pairs had to be made exact."""
        if not self._rising.shape[1]:
            return 0
        rising = self._rising[tile.panel.part]
        sure, pairs, under = tile.among(rising)
        below = ranked(rising, pairs.row, pairs.score, ties=False)
        reached = ranked(rising, pairs.row, pairs.score, ties=True)
        for name, first, last in (("above", under, below), ("equal", below, reached)):
            step = np.zeros((len(rising), rising.shape[1] + 1), dtype=np.int64)
            np.add.at(step, (pairs.row, first), 1)
            np.add.at(step, (pairs.row, last), -1)
            self.arrays[name][-1, tile.panel.part] += np.cumsum(step, axis=1)[:, :-1]
        self.arrays["above"][-1, tile.panel.part] += sure
        return len(pairs.row)

    def snapshot(self, size: int, panel: slice) -> None:
        """Keeps a panel's state as that of gallery size number `size`."""
        for array in self.arrays.values():
            array[size, panel] = array[-1, panel]

    def join(self, ranks: Sequence[Arrays]) -> Counts:
        """The sums over all ranks."""
        above, equal = (np.sum([r[name] for r in ranks], axis=0) for name in ("above", "equal"))
        asked = np.argsort(self._order, axis=1)[None]
        return Counts(*(np.take_along_axis(each, asked, axis=2) for each in (above, equal)))


class Histogram:
    """All impostor scores in equal bins from -1 to 1."""

    def __init__(self, bins: int) -> None:
        """Empty bins."""
        self.arrays: Arrays = {"count": np.zeros(bins, dtype=np.int64)}
        self._edges = np.linspace(-1, 1, bins + 1)

    def take(self, tile: Tile) -> int:
        """Counts a tile; returns how many pairs had to be made exact."""
        count, made = self.arrays["count"], 0
        for rows, keyed in tile.finely(np.arange(len(tile.panel.unit_pD))):
            place, (row, col) = keyed.bins(len(count))
            count += np.bincount(place, minlength=len(count))
            score = tile.exact(rows[row], col)
            place = np.searchsorted(self._edges, score, side="right") - 1
            count += np.bincount(place.clip(0, len(count) - 1), minlength=len(count))
            made += len(row)
        return made

    def join(self, ranks: Sequence[Arrays]) -> NDArray[np.int64]:
        """The sums over all ranks."""
        return np.sum([r["count"] for r in ranks], axis=0)


Keeper = TopKeeper | TailKeeper | Counter | Histogram
"""Any of them."""


def _best(
    group: NDArray, score: NDArray, row: NDArray, groups: int, count: int
) -> tuple[NDArray, NDArray]:
    """Of each group the `count` of highest score, lower row first; each has as many or more."""
    order = np.lexsort((row, -score, group))
    sizes = np.bincount(group, minlength=groups)
    firsts = np.cumsum(sizes) - sizes
    chosen = order[(firsts[:, None] + np.arange(count)).astype(np.intp)]
    return score[chosen], row[chosen]


def _largest(parts: Sequence[Arrays], count: int) -> Arrays:
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.lexsort((whole["row"], whole["probe"], -whole["score"]))[:count]
    return {name: values[order] for name, values in whole.items()}
