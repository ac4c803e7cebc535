"""Mean and deviation over seeds, paired differences, and what many tests at once cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, inf, sqrt

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Spread:
    """A figure over n runs: mean, and standard deviation (ddof 1; None of one run)."""

    n: int
    mean: float
    sd: float | None


@dataclass(frozen=True)
class Difference:
    """A figure of one arm less that of another, over n paired seeds.

    Attributes:
        n: pairs.
        mean: of the differences.
        sd: their standard deviation, ddof 1.
        low, high: 95 % interval of the mean, Student's t.
        p: two-sided p-value of a mean of 0 (paired t test).
    """

    n: int
    mean: float
    sd: float
    low: float
    high: float
    p: float


def spread(values: Sequence[float]) -> Spread:
    """Mean and deviation of at least one value."""
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return Spread(len(values), float(np.mean(values)), sd)


def difference(first: Sequence[float], second: Sequence[float]) -> Difference:
    """`first` less `second`, paired by their places; at least two of each.

    The t test takes differences as normal. With 5 pairs a test by signs or ranks could never give
    less than 0.0625.
    """
    gaps = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    n, mean, sd = len(gaps), float(gaps.mean()), float(gaps.std(ddof=1))
    error, half = sd / sqrt(n), half_interval(gaps)
    if error == 0:
        return Difference(n, mean, sd, mean, mean, 1.0 if mean == 0 else 0.0)
    from scipy.stats import t

    p = float(2 * t.sf(abs(mean) / error, n - 1))
    return Difference(n, mean, sd, mean - half, mean + half, p)


def half_interval(values: Sequence[float] | NDArray[np.float64]) -> float:
    """Half the 95 % interval of the mean of n values, Student's t; infinite of one value."""
    from scipy.stats import t

    n = len(values)
    return float(t.ppf(0.975, n - 1) * np.std(values, ddof=1) / sqrt(n)) if n > 1 else inf


def holm(ps: Sequence[float]) -> list[float]:
    """Holm's (1979) adjusted p-values, in the order given: of m tests, the i-th smallest p (from 0)
    is multiplied by m - i, none falls below a smaller one's, none rises above 1."""
    adjusted, largest = [0.0] * len(ps), 0.0
    for rank, place in enumerate(sorted(range(len(ps)), key=lambda place: ps[place])):
        largest = max(largest, min(1.0, (len(ps) - rank) * ps[place]))
        adjusted[place] = largest
    return adjusted


def over_images(
    first: Sequence[Sequence[int]], second: Sequence[Sequence[int]], images: int
) -> tuple[float, float]:
    """95 % interval of the difference in error, per cent, over other test images.

    Each image's difference is the mean over the seeds of whether it was wrong; the interval is the
    normal one of their mean over images. The trained networks are taken as they are.

    Args:
        first, second: of each seed, the places of the images judged wrongly.
        images: of the test set.
    """
    gap_n = np.zeros(images)
    for sign, runs in ((1, first), (-1, second)):
        for wrong in runs:
            gap_n[np.asarray(wrong, dtype=np.int64)] += sign / len(runs)
    half = 1.96 * gap_n.std(ddof=1) / sqrt(images)
    return 100 * float(gap_n.mean() - half), 100 * float(gap_n.mean() + half)


def seeds_needed(effect: float, sd: float) -> int | None:
    """Paired seeds by which a difference of `effect` is seen in four of five attempts.

    By the normal approximation at 5 % two-sided, of one test: ((1.96 + 0.84) sd / effect)^2, at
    least 2. None where there is no effect to see.
    """
    return max(2, ceil(((1.96 + 0.84) * sd / effect) ** 2)) if effect else None
