"""Which differences between arms are more than chance, and which claims held."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from experiments.published import Claim
from experiments.results import Results
from experiments.statistics import Difference, difference, holm, over_images, seeds_needed

LEVEL = 0.05


@dataclass(frozen=True)
class Pair:
    """Two arms in one figure.

    Attributes:
        arm, than: names; the difference is the first less the second.
        figure: of the runs.
        gap: over paired seeds.
        p_holm: its p, adjusted for all pairs of the experiment in this figure.
        images: 95 % interval over test images; None where runs do not say which they got wrong.
    """

    arm: str
    than: str
    figure: str
    gap: Difference
    p_holm: float
    images: tuple[float, float] | None

    @property
    def real(self) -> bool:
        """Whether neither seeds nor test images explain the difference."""
        beyond_images = self.images is None or self.images[0] > 0 or self.images[1] < 0
        return self.p_holm < LEVEL and beyond_images


_WRONG = {
    "error_percent": ("wrong", "images", 1.0),
    "lfw_accuracy": ("lfw_wrong", "lfw_pairs", -0.01),
    "lookalike_accuracy": ("lookalike_wrong", "lookalike_pairs", -0.01),
}
"""Which figures are shares of test items judged wrongly: the keys of the wrong items and of their
number, and what turns an error in per cent into the figure."""


def pairs(results: Results, figure: str, contrasts: Sequence[tuple[str, str]] = ()) -> list[Pair]:
    """Pairs of arms with at least two seeds in common: the first less the second.

    Args:
        results: of the experiment.
        figure: of its runs.
        contrasts: the pairs; without any, each later arm less each earlier one.
    """
    wanted = contrasts or [(arm, than) for than, arm in combinations(results.runs, 2)]
    found = []
    for arm, than in wanted:
        seeds = results.paired_seeds(arm, than)
        if len(seeds) < 2:
            continue
        mine, others = (results.values(name, figure, seeds) for name in (arm, than))
        images = _over_images(results, figure, arm, than, seeds)
        found.append((arm, than, difference(mine, others), images))
    adjusted = holm([gap.p for _, _, gap, _ in found])
    return [
        Pair(arm, than, figure, gap, p_holm, images)
        for (arm, than, gap, images), p_holm in zip(found, adjusted)
    ]


def _over_images(
    results: Results, figure: str, arm: str, than: str, seeds: list[int]
) -> tuple[float, float] | None:
    if figure not in _WRONG:
        return None
    wrong, count, factor = _WRONG[figure]
    first, second = (results.values(name, wrong, seeds) for name in (arm, than))
    ends = over_images(first, second, results.values(arm, count, seeds)[0])
    low, high = sorted(factor * end for end in ends)
    return low, high


@dataclass(frozen=True)
class Verdict:
    """What our figures say of a claim.

    Attributes:
        word: held, or what else, in a few words.
        difference: the claim's `arm` less its `than`, with its 95 % interval over seeds.
        p: Holm's.
        needed: seeds that the published difference would take to see, where it cannot be said.
    """

    word: str
    difference: str = "-"
    p: str = "-"
    needed: str = "-"


def verdict(
    claim: Claim,
    results: Results,
    contrasts: Sequence[tuple[str, str]] = (),
    factor: float = 1.0,
) -> Verdict:
    """Judges a claim.

    Args:
        claim: to judge.
        results: of its experiment.
        contrasts: as for `pairs`.
        factor: multiplies what is shown, as the table's column does.
    """
    found = [
        pair
        for pair in pairs(results, claim.figure, contrasts)
        if {pair.arm, pair.than} == {claim.arm, claim.than}
    ]
    if not found:
        return Verdict("not run yet")
    (pair,) = found
    sign = 1 if pair.arm == claim.arm else -1
    gap = sign * pair.gap.mean
    low, high = sorted((sign * pair.gap.low, sign * pair.gap.high))
    shown, *ends = (signed(value, factor) for value in (gap, low, high))
    told = f"{shown} ({' to '.join(ends)})", p_text(pair.p_holm)
    if pair.real:
        return Verdict("held" if (gap > 0) == claim.larger else "the other way round", *told)
    needed = seeds_needed(claim.effect, pair.gap.sd)
    return Verdict("cannot be said", *told, "-" if needed is None else f"{needed:,}")


def signed(value: float, factor: float) -> str:
    """A difference as it is shown: to a ten-thousandth of its own unit."""
    return f"{factor * value:+.{4 - round(math.log10(factor))}f}"


def p_text(p: float) -> str:
    """A p-value with no more digits than it deserves."""
    return "< 0.0001" if p < 0.0001 else f"{p:.4f}" if p < 0.1 else f"{p:.2f}"
