"""Two models on the same pairs: is the difference more than chance?"""

from math import comb
from typing import Any

import numpy as np

from eval.metrics.bootstrap import DRAWS, SEED, Judged, draws, interval
from eval.metrics.folds import Bools, Ints


def mcnemar(only_first: int, only_second: int) -> float:
    """Exact two-sided p-value (McNemar, 1947; the binomial form).

    Of the pairs that one model judges rightly and the other wrongly, each is as likely to favour
    either where the models are equally good. It takes pairs as independent, which pairs of shared
    people are not: the bootstrap's interval is the one to believe where the two disagree.

    Args:
        only_first: pairs that only the first model judged rightly.
        only_second: those that only the second did.
    """
    decided = only_first + only_second
    tail = sum(comb(decided, hits) for hits in range(min(only_first, only_second) + 1))
    return float(min(1.0, 2 * tail / 2**decided))


def compare(
    first: Judged,
    second: Judged,
    same_n: Bools,
    people: tuple[Ints, Ints] | None,
    fars: list[float],
) -> dict[str, Any]:
    """Differences, second less first, of accuracy and TAR@FAR, with intervals over the same draws.

    Returns:
        unit, draws, seed; accuracy: {first, second, difference, ci95, only_first, only_second,
        mcnemar_p}, over all pairs at once; tar_at_far: {far, ci95} each.

    Raises:
        ValueError: as `draws`.
    """
    figures = draws([first, second], same_n, people, fars)
    gain = figures[1] - figures[0]
    only_first = int((first.correct_n & ~second.correct_n).sum())
    only_second = int((second.correct_n & ~first.correct_n).sum())
    return {
        "unit": "pairs" if people is None else "people",
        "draws": DRAWS,
        "seed": SEED,
        "accuracy": {
            "first": float(first.correct_n.mean()),
            "second": float(second.correct_n.mean()),
            "difference": float(second.correct_n.mean() - first.correct_n.mean()),
            "ci95": interval(gain[:, 0]),
            "only_first": only_first,
            "only_second": only_second,
            "mcnemar_p": mcnemar(only_first, only_second),
        },
        "tar_at_far": [
            {"far": far, "ci95": interval(gain[:, 1 + place])} for place, far in enumerate(fars)
        ],
    }


def number_people(first: list[str], second: list[str]) -> tuple[Ints, Ints]:
    """Numbers for names, from 0 in the order of their first coming: of both sides of n pairs."""
    number: dict[str, int] = {}
    sides = [[number.setdefault(name, len(number)) for name in side] for side in (first, second)]
    return np.array(sides[0]), np.array(sides[1])
