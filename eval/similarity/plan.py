"""What can be asked of one pass, and what comes back.

Legend: `P` probes, `G` gallery rows, `S` gallery sizes, `k` best scores a probe, `T` thresholds.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Plan:
    """The statistics wanted of the impostor scores; any number of them share one pass.

    Attributes:
        top: k, best impostors of each probe.
        tail: how many of the largest impostor scores of all pairs.
        above: thresholds [T] for all probes or [P, T] for each its own; infinities are allowed and
            fill up rows of unequal length. None for no counts.
        bins: equal bins from -1 to 1 of a histogram of all impostor scores; 0 for none. Costs a
            float64 product of all pairs.
        sizes: gallery sizes at which `top` and `above` are also given: what they would be for the
            first so many rows. The whole gallery always comes last.

    Raises:
        ValueError: a negative number, a threshold that is NaN, or sizes that do not rise from 1.
    """

    top: int = 0
    tail: int = 0
    above: Floats | None = None
    bins: int = 0
    sizes: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for name in ("top", "tail", "bins"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} {getattr(self, name)}: expected 0 or more")
        if self.above is not None and np.isnan(self.above).any():
            raise ValueError("a threshold is NaN; use an infinity to fill up rows")
        if any(b <= a for a, b in zip((0, *self.sizes), self.sizes)):
            raise ValueError(f"gallery sizes {self.sizes}: expected rising numbers from 1")


@dataclass(frozen=True)
class Top:
    """The best impostors of each probe, best first, the lower gallery row first among equals.

    Attributes:
        score: float64 [S, P, k]; -inf where a probe has fewer impostors.
        row: gallery row, int64 [S, P, k]; -1 there.
    """

    score: Floats
    row: Ints


@dataclass(frozen=True)
class Tail:
    """The largest impostor scores of all pairs, falling; lower probe, then lower gallery row first
    among equals.

    Attributes:
        score: float64, as many as were asked for or as there are.
        probe: int64, the same length.
        row: gallery row, int64, the same length.
    """

    score: Floats
    probe: Ints
    row: Ints


@dataclass(frozen=True)
class Counts:
    """How many impostors of each probe are above and at each threshold.

    Attributes:
        above: int64 [S, P, T], scores strictly greater.
        equal: int64 [S, P, T], ties.
    """

    above: Ints
    equal: Ints


@dataclass(frozen=True)
class Found:
    """All that a plan asked for; None for what it did not.

    Attributes:
        impostors: pairs that were compared, those of equal label left out.
        sizes: gallery sizes, S numbers, the whole gallery last.
        top: best impostors of each probe.
        tail: largest impostor scores of all.
        counts: impostors above thresholds.
        histogram: int64 [bins]; a score on an edge counts in the upper bin, 1 in the last.
        rescored: pairs that were brought to their exact score, for the curious.
    """

    impostors: int
    sizes: tuple[int, ...]
    top: Top | None
    tail: Tail | None
    counts: Counts | None
    histogram: Ints | None
    rescored: int
