"""How sure a ROC is: a band about it, from what a result holds.

Where the result holds every pair's score, people (or pairs) are drawn anew as docs/protocols.md
says, and the band is of TAR at each FAR, its threshold found anew in every draw. Elsewhere it is
Clopper-Pearson's interval of TAR at each threshold, which takes pairs as independent.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from eval.metrics.bootstrap import draws
from eval.protocols.pair_scores import PairScores, unpacked
from eval.report.shapes import count_of, has

MOST_PAIRS = 200_000
"""Pairs above which drawing anew would keep the reader waiting."""

_DRAWS = 400
_RATES = 30
_POINTS = 600  # of a band
_TAIL = 0.025  # on either side of 95 %

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Band:
    """TAR's interval of 95 % over FAR.

    Attributes:
        far: [k] rising.
        low: [k] lower end.
        high: [k] upper end.
        kind: what was drawn anew, or `binomial` for Clopper-Pearson.
    """

    far: Floats
    low: Floats
    high: Floats
    kind: Literal["people", "pairs", "binomial"]


def band_of(result: dict[str, Any]) -> Band | None:
    """The band about a result's ROC; None where neither scores nor counts are there."""
    scores = scores_of(result)
    if scores is not None:
        return _drawn(scores)
    genuine = count_of(result, "genuine")
    if not has(result, "roc") or not isinstance(genuine, int) or genuine < 1:
        return None
    far, tar = (np.array(result["roc"][key], dtype=np.float64) for key in ("far", "tar"))
    if len(far) > _POINTS:  # a band is smooth
        last = len(far) - 1
        rates = np.geomspace(min(1 / len(far), far[far > 0].min(initial=1)), 1, _POINTS // 2)
        rated = np.minimum(np.searchsorted(far, rates), last)
        places = np.unique(np.append(np.linspace(0, last, _POINTS // 2).astype(int), rated))
        far, tar = far[places], tar[places]
    hits = np.round(tar * genuine)
    low = np.where(hits == 0, 0, betaincinv(np.maximum(hits, 1), genuine - hits + 1, _TAIL))
    missed = np.maximum(genuine - hits, 1)
    high = np.where(hits == genuine, 1, betaincinv(hits + 1, missed, 1 - _TAIL))
    return Band(far, low, high, "binomial")


def scores_of(result: dict[str, Any]) -> PairScores | None:
    """Every pair's score, where the result holds them whole and they are not too many."""
    count = count_of(result, "pairs")
    if not isinstance(count, int) or not 0 < count <= MOST_PAIRS:
        return None
    try:
        scores = unpacked(result, "result")
    except ValueError:  # without them the page is poorer, not wrong
        return None
    kinds = scores.same_n.any() and not scores.same_n.all()
    return scores if kinds and np.isfinite(scores.judged.score_n).all() else None


def _drawn(scores: PairScores) -> Band:
    impostors = int((~scores.same_n).sum())
    counts = np.unique(np.geomspace(1, impostors, _RATES).round().astype(int))
    fars = [f"{k}/{impostors}" for k in counts]  # exact
    figures = draws([scores.judged], scores.same_n, scores.people, fars, count=_DRAWS)
    low, high = np.quantile(figures[0, :, 1:], [_TAIL, 1 - _TAIL], axis=0)
    return Band(counts / impostors, low, high, "pairs" if scores.people is None else "people")
