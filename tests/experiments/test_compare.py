"""Verdicts on runs whose difference is known."""

import numpy as np
import pytest

from experiments.compare import p_text, pairs, verdict
from experiments.published import Claim
from experiments.results import Results

CLAIM = Claim(says="b errs less than a", figure="error_percent", arm="b", than="a", effect=1.0)


def results(**errors):
    """Arms whose runs got so many of 1,000 images wrong, the same images first."""
    runs = {
        arm: {
            seed: {
                "figures": {
                    "error_percent": wrong / 10,
                    "wrong": list(range(wrong)),
                    "images": 1000,
                }
            }
            for seed, wrong in enumerate(values)
        }
        for arm, values in errors.items()
    }
    return Results("x", {}, {}, runs)


def test_a_clear_difference_held():
    found = results(a=[100, 103, 99, 101, 100], b=[60, 61, 62, 60, 59])
    assert verdict(CLAIM, found).word == "held"
    assert verdict(CLAIM, found).difference.startswith("-4.0200 (")
    assert verdict(CLAIM, found, factor=100).difference.startswith("-402.00 (")
    (pair,) = pairs(found, "error_percent")
    assert pair.real and pair.gap.n == 5 and (pair.arm, pair.than) == ("b", "a")


def test_the_other_way_round():
    found = results(a=[60, 61, 62, 60, 59], b=[100, 103, 99, 101, 100])
    assert verdict(CLAIM, found).word == "the other way round"
    assert verdict(CLAIM, found).difference.startswith("+4.0200")


def test_arms_in_another_order_change_nothing():
    b, a = [60, 61, 62, 60, 59], [100, 103, 99, 101, 100]
    assert verdict(CLAIM, results(b=b, a=a)) == verdict(CLAIM, results(a=a, b=b))


def test_noise_cannot_be_told():
    said = verdict(CLAIM, results(a=[100, 120, 90, 95, 130], b=[110, 100, 105, 120, 99]))
    assert said.word == "cannot be said"
    gap = (np.array([110, 100, 105, 120, 99]) - [100, 120, 90, 95, 130]) / 10
    assert said.needed == str(int(np.ceil((2.8 * gap.std(ddof=1)) ** 2)))


def test_a_difference_of_seeds_that_other_images_might_not_show():
    """Two images of a thousand, the same in every seed but for one image."""
    found = results(a=[102, 103, 102, 103, 102], b=[100, 101, 100, 101, 101])
    (pair,) = pairs(found, "error_percent")
    assert pair.p_holm < 0.05 and not pair.real


def test_pairs_need_seeds_in_common_and_pay_for_each_other():
    assert pairs(results(a=[1, 2], b=[3]), "error_percent") == []
    assert verdict(CLAIM, results(a=[1, 2], b=[3])).word == "not run yet"
    three = pairs(results(a=[10, 12, 11], b=[14, 15, 16], c=[30, 31, 30]), "error_percent")
    alone = [pairs(results(a=[10, 12, 11], b=[14, 15, 16]), "error_percent")[0].p_holm]
    assert len(three) == 3
    assert min(three, key=lambda p: p.gap.p).p_holm == pytest.approx(
        3 * min(p.gap.p for p in three)
    )
    assert next(p for p in three if (p.arm, p.than) == ("b", "a")).p_holm >= alone[0]


def test_a_p_just_below_the_level_is_not_shown_as_the_level():
    assert [p_text(p) for p in (0.00001, 0.0468, 0.4612)] == ["< 0.0001", "0.0468", "0.46"]
