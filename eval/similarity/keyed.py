"""The screened similarities of a tile, looked through by block maxima.

A pass over all similarities costs as much as the product that made them, so there is one: the
maximum of each block of `W` gallery rows. All that follows looks at maxima, and then at the few
blocks whose maximum reaches what is asked for.

Legend: `p` probes, `S` strips of `C` gallery rows each, `B` blocks of `W`, `m` pairs.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from eval.similarity.ranked import at_least, ranked
from eval.similarity.screens import (
    Keys,
    Precision,
    key_above,
    key_below,
    masked,
    order,
    spacing,
    value_of,
)
from eval.similarity.threads import over_parts

WIDTH = 256
"""W, gallery rows in a block."""

ANY = 2.0
"""A number that no score reaches, and whose negative all scores exceed."""

_HITS = 1 << 15  # blocks looked through in one go
_ROWS = 32  # probes whose keys a thread sorts in one go

Places = tuple[NDArray[np.intp], NDArray[np.intp]]
"""Row and column of each of m pairs."""


class Keyed:
    """Similarities of p probes and some gallery rows, and how far from the reference they may be.

    The gallery rows lie in S strips of equal width, each B / S blocks.
    """

    def __init__(
        self,
        keys_SpC: Keys,
        maxima_pB: Keys,
        step: float,
        precision: Precision,
        bound: float,
    ) -> None:
        """Takes keys and the maxima of their blocks as `largest` gives them.

        Args:
            keys_SpC: strips of keys; masked ones among them.
            maxima_pB: of each block.
            step: product of the operands' steps.
            precision: that of the product.
            bound: how far a similarity can be from the reference score.
        """
        self._keys = keys_SpC.reshape(*keys_SpC.shape[:2], -1, WIDTH)
        self._maxima = maxima_pB
        self._step, self._precision, self._bound = step, precision, bound
        self._ordered = precision != "bfloat16"
        self._out = masked(keys_SpC)

    @property
    def blocks(self) -> int:
        """B."""
        return self._maxima.shape[1]

    def is_masked(self, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Which pairs of some probes are masked, [len(rows), B W]."""
        return self._of(rows) == self._out

    def near(
        self, least_p: NDArray[np.float64], enough: int | None = None
    ) -> tuple[Places, NDArray[np.bool_]]:
        """The pairs whose score may reach `least`.

        Args:
            least_p: of each probe.
            enough: pairs a probe, beyond which they may be left out; None for no such limit.

        Returns:
            The pairs that are not surely below `least`, [m]; the probes left out for their many
            pairs, [p].
        """
        least = self._lowest(least_p)
        crowd_p = np.zeros(len(least), dtype=bool)
        found: list[Places] = [_none()]
        for row, block, keys in self._reaching(least):
            close = self._thinned(row, keys >= least[row, None], enough, crowd_p)
            hit, place = np.nonzero(close)
            found.append((row[hit], block[hit] * WIDTH + place))
        row, col = _joined(found)
        alone = ~crowd_p[row]
        return (row[alone], col[alone]), crowd_p

    def among(
        self, rising_pT: NDArray[np.float64], enough: int
    ) -> tuple[NDArray[np.int64], Places, NDArray[np.intp], NDArray[np.bool_]]:
        """Where all scores lie among thresholds, in one pass over what reaches the lowest.

        Args:
            rising_pT: T thresholds of each probe, rising.
            enough: as for `near`, of pairs that reach the lowest threshold.

        Returns:
            For each threshold how many scores are surely greater, [p, T]; the pairs of which some
            threshold leaves it open, [m]; how many thresholds are surely below each, [m]; the
            probes left out for their many pairs, [p], whose counts mean nothing.
        """
        least, most = self._lowest(rising_pT), self._highest(rising_pT)
        sure = np.zeros((len(least), rising_pT.shape[1] + 1), dtype=np.int64)
        crowd_p = np.zeros(len(least), dtype=bool)
        found, under = [_none()], [_none()[0]]
        for row, block, keys in self._reaching(least[:, 0]):
            high = self._thinned(row, keys >= least[row, 0, None], enough, crowd_p)
            hit, place = np.nonzero(high)
            key, row, block = keys[hit, place], row[hit], block[hit]
            below = ranked(most, row, key, ties=False)
            np.add.at(sure, (row, below), 1)
            open_ = ranked(least, row, key, ties=True) > below
            found.append((row[open_], block[open_] * WIDTH + place[open_]))
            under.append(below[open_])
        row, col = _joined(found)
        alone = ~crowd_p[row]
        return at_least(sure), (row[alone], col[alone]), np.concatenate(under)[alone], crowd_p

    def all_among(
        self, rising_pT: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], Places, NDArray[np.intp]]:
        """As `among`, of all probes, for float64 keys: by sorting each probe's."""
        assert self._precision == "float64"
        least, most = self._lowest(rising_pT), self._highest(rising_pT)

        def some(part: slice) -> tuple[NDArray[np.int64], list[Places]]:
            keys = self._of(np.arange(part.start, part.stop))
            sure = np.empty((len(keys), rising_pT.shape[1]), dtype=np.int64)
            places = []
            for row, (of, low, high) in enumerate(zip(keys, least[part], most[part])):
                rising = np.sort(of)
                sure[row] = len(of) - np.searchsorted(rising, high, side="right")
                reach = len(of) - np.searchsorted(rising, low, side="left")
                for place in np.flatnonzero(reach > sure[row]):
                    if place and low[place] == low[place - 1]:
                        continue
                    col = np.flatnonzero((of >= low[place]) & (of <= high[place]))
                    places.append((np.full(len(col), part.start + row), col))
            return sure, places

        parts = over_parts(some, len(least), _ROWS)
        both = _joined([_none(), *(place for _, places in parts for place in places)])
        wide = self.blocks * WIDTH  # a pair may be near several thresholds
        both = np.divmod(np.unique(both[0] * wide + both[1]), wide)
        under = ranked(most, both[0], self._at(both), ties=False)
        return np.concatenate([sure for sure, _ in parts]), both, under

    def floors(self, count: int) -> NDArray[np.float64]:
        """For each probe a number that at least `count` scores reach, [p]; -ANY where unknown."""
        keys = self._maxima
        if keys.shape[1] < count:
            keys = self._of(np.arange(len(keys)))
        if keys.shape[1] < count:
            return np.full(len(keys), -ANY)
        place = keys.shape[1] - count
        least = np.partition(keys, place, axis=1)[:, place]
        if not self._ordered and least.min() <= 0:
            self._order()
            return self.floors(count)
        return self._at_least(least)

    def floor(self, count: int) -> float:
        """A number that at least `count` scores reach; -ANY where unknown."""
        keys = self._maxima
        if keys.size < count:
            keys = self._keys
        if keys.size < count:
            return -ANY
        place = keys.size - count
        least = np.partition(keys, place, axis=None)[place]
        if not self._ordered and least <= 0:
            self._order()
            return self.floor(count)
        return float(self._at_least(least))

    def bins(self, count: int) -> tuple[NDArray[np.intp], Places]:
        """The bin of every score of which it is sure, of `count` equal ones from -1 to 1.

        For float64 keys alone. Scores nearer to an edge than the bound are handed back as pairs.
        """
        assert self._precision == "float64"
        keys = self._of(np.arange(len(self._maxima)))
        known = ~np.isneginf(keys)
        scaled = (np.where(known, keys, 0) + 1) * (count / 2)
        width = (self._bound + 2.0**-50) * count / 2  # and the rounding of `scaled`, of the edges
        close = known & (np.abs(scaled - np.rint(scaled)) <= width)
        known &= ~close
        row, col = np.nonzero(close)
        return scaled[known].astype(np.intp), (row, col)

    def check(self, places: Places, score_m: NDArray[np.float64]) -> None:
        """Holds pairs made exact against the bound.

        Raises:
            ArithmeticError: the product is farther off than was proven, so its unit does not work
                as `screens` says and no figure may rest on it.
        """
        keys = self._at(places)
        if not self._ordered:
            keys = np.where(keys < 0, keys ^ 0x7FFF, keys)
        value_m = value_of(keys, self._step, self._precision)
        off_m = np.abs(value_m - score_m) - spacing(value_m, self._precision)
        if len(off_m) and off_m.max() > self._bound:
            raise ArithmeticError(
                f"a {self._precision} product is off by {off_m.max():.3g}, at most "
                f"{self._bound:.3g} is possible where sums are kept as eval/similarity/screens.py "
                "says; screen in float64 on this device"
            )

    def _lowest(self, value: NDArray[np.float64]) -> Keys:
        """Keys that all pairs of such scores reach."""
        return key_below(np.clip(value, -ANY, ANY) - self._bound, self._step, self._precision)

    def _highest(self, value: NDArray[np.float64]) -> Keys:
        """Keys that no pair of such a score exceeds."""
        return key_above(np.clip(value, -ANY, ANY) + self._bound, self._step, self._precision)

    def _reaching(self, least: Keys) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp], Keys]]:
        """Row, number and keys of the blocks whose maximum reaches `least`, [p], some at a time."""
        if not self._ordered and least.min() <= 0:
            self._order()
        rows, blocks = np.nonzero(self._maxima >= least[:, None])
        per = self._keys.shape[2]
        for start in range(0, len(rows), _HITS):
            row, block = rows[start : start + _HITS], blocks[start : start + _HITS]
            yield row, block, self._keys[block // per, row, block % per]

    def _thinned(
        self,
        row: NDArray[np.intp],
        wanted: NDArray[np.bool_],
        enough: int | None,
        crowd_p: NDArray[np.bool_],
    ) -> NDArray[np.bool_]:
        """Wanted places of blocks without those of probes that have too many, which are noted."""
        if enough is not None:
            crowd_p[np.flatnonzero(np.bincount(row, wanted.sum(axis=1)) > enough)] = True
            wanted[crowd_p[row]] = False
        return wanted

    def _at(self, places: Places) -> Keys:
        """The keys of some pairs, [m]."""
        row, col = places
        block, per = col // WIDTH, self._keys.shape[2]
        return self._keys[block // per, row, block % per, col % WIDTH]

    def _at_least(self, keys: Keys) -> NDArray[np.float64]:
        """Numbers that the scores behind ordered keys reach; -ANY for masked ones."""
        known = keys != self._out
        value = value_of(np.where(known, keys, keys.dtype.type(0)), self._step, self._precision)
        return np.where(known, value - spacing(value, self._precision) - self._bound, -ANY)

    def _of(self, rows: NDArray[np.intp]) -> Keys:
        """All keys of some probes, [len(rows), B W]."""
        return self._keys[:, rows].swapaxes(0, 1).reshape(len(rows), -1)

    def _order(self) -> None:
        def strip(part: slice) -> Keys:
            keys = self._keys[part.start]
            order(keys)
            return largest(keys)

        self._maxima = np.concatenate(over_parts(strip, len(self._keys), 1), axis=1)
        self._ordered, self._out = True, np.iinfo(np.int16).min


def largest(keys: Keys) -> Keys:
    """The maximum of each block, [p, B], of keys [p, ...] of whole blocks."""
    return keys.reshape(len(keys), -1, WIDTH).max(axis=2)


def _none() -> Places:
    return np.empty(0, dtype=np.intp), np.empty(0, dtype=np.intp)


def _joined(places: Sequence[Places]) -> Places:
    row, col = (np.concatenate([place[axis] for place in places]) for axis in range(2))
    return row, col
