"""Intervals that know that pairs share people: the two-way ("vertex") bootstrap.

The pairs of a list are not independent: a person whose photographs are hard spoils all pairs he or
she is in. So people are drawn anew, not pairs: of S people S are drawn with replacement, person i
coming up m_i times, and a pair of persons i and j then counts

    w = m_i m_j   (impostor),     w = m_i   (genuine, i = j)

times. Vertex bootstrap: Snijders and Borgatti (1999), for 1:1 matching Fogliato, Patil and Perona
(2024); for genuine pairs it is the subsets bootstrap of Bolle, Ratha and Pankanti (2004). Where
people are not known, genuine and impostor pairs are drawn by themselves, and the result says so.

Accuracy takes each pair's verdict as it is (thresholds are not chosen anew) and keeps the list's
shares of genuine and impostor pairs. TAR@FAR chooses its threshold anew in every draw, by the exact
rule of `roc.tar_at_far` on the weighted impostors.

Legend: `n` pairs, `B` draws, `F` false-accept rates, `M` models.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.metrics.folds import Bools, Floats, Ints
from eval.metrics.roc import exact_far

DRAWS = 1000
SEED = 0


@dataclass(frozen=True)
class Judged:
    """What a model said of n pairs.

    Attributes:
        score_n: similarity of each pair.
        correct_n: whether each was judged rightly.
    """

    score_n: Floats
    correct_n: Bools


def draws(
    models: Sequence[Judged],
    same_n: Bools,
    people: tuple[Ints, Ints] | None,
    fars: Sequence[str | float],
    *,
    count: int = DRAWS,
    seed: int = SEED,
) -> NDArray[np.float64]:
    """Figures of each model in each draw; the models of one draw see the same people.

    Args:
        models: M judgements of the same pairs.
        same_n: whether both images of a pair show one person.
        people: number of the person on the first and on the second image of each pair, from 0;
            None where they are not known.
        fars: F false-accept rates, exact decimals.
        count: B.
        seed: of the draws.

    Returns:
        [M, B, 1 + F]: accuracy, then TAR at each FAR.

    Raises:
        ValueError: no genuine or no impostor pairs, or a FAR that is none.
    """
    if same_n.all() or not same_n.any():
        raise ValueError("expected genuine and impostor pairs to draw from, found one kind only")
    wanted = [exact_far(far) for far in fars]
    sorted_models = [_Sorted(model, same_n) for model in models]
    found = np.empty((len(models), count, 1 + len(wanted)))
    weights = _weights(same_n, people, np.random.default_rng(seed))
    for draw, weight_n in zip(range(count), weights):
        for place, model in enumerate(sorted_models):
            found[place, draw] = model.figures(weight_n, wanted)
    return found


def interval(values: NDArray[np.float64], confidence: float = 0.95) -> list[float]:
    """The percentile interval of drawn figures."""
    tail = (1 - confidence) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return [float(low), float(high)]


def intervals(
    model: Judged,
    same_n: Bools,
    people: tuple[Ints, Ints] | None,
    points: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    """Bootstrap intervals of accuracy and of each resolvable row of `tar_at_far`, for a result.

    Returns:
        unit (`people` or `pairs`), units, draws, seed, accuracy {std_error, ci95}, tar_at_far:
        {far, ci95} of each row, ci95 None where it is not resolvable or is not of the exact rule.
    """
    rows = [point for point in points if point["resolvable"] and point["mode"] == "exact"]
    figures = draws([model], same_n, people, [point["far"] for point in rows])[0]
    drawn = {id(point): figures[:, 1 + place] for place, point in enumerate(rows)}
    return {
        "unit": "pairs" if people is None else "people",
        "units": len(same_n) if people is None else int(max(side.max() for side in people)) + 1,
        "draws": DRAWS,
        "seed": SEED,
        "accuracy": {
            "std_error": float(figures[:, 0].std(ddof=1)),
            "ci95": interval(figures[:, 0]),
        },
        "tar_at_far": [
            {
                "far": point["far"],
                "ci95": interval(drawn[id(point)]) if id(point) in drawn else None,
            }
            for point in points
        ],
    }


class _Sorted:
    """A model's pairs, sorted once for all draws."""

    def __init__(self, model: Judged, same_n: Bools) -> None:
        self._genuine, self._impostor = (
            rows[np.argsort(-model.score_n[rows], kind="stable")]
            for rows in (np.flatnonzero(same_n), np.flatnonzero(~same_n))
        )
        self._genuine_score = -model.score_n[self._genuine]  # rising
        self._impostor_score = -model.score_n[self._impostor]
        self._correct_n = model.correct_n

    def figures(self, weight_n: Ints, fars: Sequence[Fraction]) -> list[float]:
        """Accuracy and TAR at each FAR, each pair counting `weight_n` times."""
        genuine, impostor = weight_n[self._genuine], weight_n[self._impostor]
        sums = np.concatenate([[0], np.cumsum(genuine)]), np.cumsum(impostor)
        all_genuine, all_impostor = int(sums[0][-1]), int(sums[1][-1])
        right = (
            (genuine * self._correct_n[self._genuine]).sum() / all_genuine * len(genuine)
            + (impostor * self._correct_n[self._impostor]).sum() / all_impostor * len(impostor)
        ) / (len(genuine) + len(impostor))
        tars = []
        for far in fars:
            k = int(far * all_impostor)
            place = int(np.searchsorted(sums[1], k, side="right"))  # of the (k+1)-th largest
            above = len(genuine)
            if place < len(impostor):
                bound = self._impostor_score[place]
                above = int(np.searchsorted(self._genuine_score, bound, side="left"))
            tars.append(int(sums[0][above]) / all_genuine)
        return [float(right), *tars]


def _weights(
    same_n: Bools, people: tuple[Ints, Ints] | None, rng: np.random.Generator
) -> Iterator[Ints]:
    """How often each pair counts, draw after draw; draws without one kind are passed over."""
    while True:
        if people is None:
            weight_n = np.zeros(len(same_n), dtype=np.int64)
            for rows in (np.flatnonzero(same_n), np.flatnonzero(~same_n)):
                drawn = rng.integers(len(rows), size=len(rows))
                weight_n[rows] = np.bincount(drawn, minlength=len(rows))
        else:
            first_n, second_n = people
            size = int(max(first_n.max(), second_n.max())) + 1
            times = np.bincount(rng.integers(size, size=size), minlength=size)
            weight_n = np.where(same_n, times[first_n], times[first_n] * times[second_n])
        if weight_n[same_n].any() and weight_n[~same_n].any():
            yield weight_n
