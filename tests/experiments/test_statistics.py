"""Statistics against SciPy, against their definitions, and against a published example."""

import numpy as np
import pytest
from scipy.stats import ttest_rel

from experiments.statistics import difference, holm, over_images, seeds_needed, spread


def test_spread():
    assert spread([1.0, 2.0, 3.0]).mean == 2.0
    assert spread([1.0, 2.0, 3.0]).sd == 1.0
    assert spread([4.0]).sd is None


def test_difference_is_scipys_paired_t_test():
    rng = np.random.default_rng(0)
    for n in (2, 5, 20):
        first, second = rng.normal(size=(2, n))
        ours, theirs = difference(first, second), ttest_rel(first, second)
        assert ours.p == pytest.approx(theirs.pvalue, rel=1e-9)
        interval = theirs.confidence_interval(0.95)
        assert (ours.low, ours.high) == pytest.approx((interval.low, interval.high), rel=1e-9)


def test_difference_without_spread():
    assert difference([1.0, 2.0], [1.0, 2.0]).p == 1.0
    assert difference([2.0, 3.0], [1.0, 2.0]).p == 0.0


def test_holm_on_a_worked_example():
    # 0.01, 0.02, 0.03, 0.04 of four tests: 4, 3, 2 and 1 times, never falling
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_holm_refuses_what_the_step_down_test_refuses():
    rng = np.random.default_rng(1)
    for _ in range(200):
        ps = rng.random(6) ** 4
        refused = set()
        for step, place in enumerate(np.argsort(ps)):  # Holm 1979: stop at the first that stays
            if ps[place] > 0.05 / (len(ps) - step):
                break
            refused.add(int(place))
        assert {place for place, p in enumerate(holm(ps)) if p <= 0.05} == refused


def test_over_images_covers_what_a_bootstrap_of_images_draws():
    rng = np.random.default_rng(2)
    images, seeds = 2000, 3
    first = [np.flatnonzero(rng.random(images) < 0.03).tolist() for _ in range(seeds)]
    second = [np.flatnonzero(rng.random(images) < 0.02).tolist() for _ in range(seeds)]
    table = np.zeros((2, seeds, images))
    for arm, runs in enumerate((first, second)):
        for seed, wrong in enumerate(runs):
            table[arm, seed, wrong] = 1
    gap = 100 * (table[0] - table[1]).mean(axis=0)
    drawn = [gap[rng.integers(images, size=images)].mean() for _ in range(4000)]
    low, high = over_images(first, second, images)
    assert (low + high) / 2 == pytest.approx(gap.mean())
    assert (low, high) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])), abs=0.05)


def test_seeds_needed():
    assert seeds_needed(0.0, 1.0) is None
    assert seeds_needed(1.0, 1.0) == 8  # 2.8^2
    assert seeds_needed(-0.5, 1.0) == 32
    assert seeds_needed(100.0, 1.0) == 2
