from fractions import Fraction

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import roc_auc_score, roc_curve

from eval.metrics.roc import (
    auc,
    clopper_pearson,
    corners,
    d_prime,
    eer,
    exact_far,
    roc,
    tar_at_far,
    thinned,
)
from tests.eval import oracle

FARS = ["1e-3", "0.01", "0.02", "0.05", "0.1", "0.3", "0.5", "0.99", "1"]


def scores(seed, genuine=40, impostor=60, grid=None):
    rng = np.random.default_rng(seed)
    pair = rng.normal(0.4, 0.3, genuine), rng.normal(0, 0.3, impostor)
    return tuple(np.round(s * grid) / grid for s in pair) if grid else pair


CASES = [
    scores(0),
    scores(1, grid=10),  # many ties
    scores(2, grid=2),  # hardly anything but ties
    scores(3, 7, 300),
    scores(4, 1, 1),
    (np.zeros(5), np.zeros(3)),  # all equal
    (np.ones(4), np.zeros(6)),  # perfectly apart
    (np.zeros(4), np.ones(6)),  # perfectly wrong
]


@pytest.mark.parametrize("case", CASES)
def test_every_point_is_a_count(case):
    genuine, impostor = case
    curve = roc(genuine, impostor)
    points = list(zip(curve.false_accepts.tolist(), curve.true_accepts.tolist()))
    assert points == oracle.operating_points(genuine.tolist(), impostor.tolist())
    assert points[0] == (0, 0)
    assert points[-1] == (len(impostor), len(genuine))
    assert (np.diff(curve.threshold) < 0).all()
    for threshold, point in zip(curve.threshold, points):
        assert point == ((impostor > threshold).sum(), (genuine > threshold).sum())


@pytest.mark.parametrize("case", CASES)
def test_auc_and_eer_equal_the_count_of_every_pair(case):
    genuine, impostor = (s.tolist() for s in case)
    curve = roc(*case)
    assert auc(curve) == pytest.approx(oracle.auc(genuine, impostor), abs=1e-15)
    assert eer(curve) == pytest.approx(oracle.eer(genuine, impostor), abs=1e-15)
    labels = [1] * len(genuine) + [0] * len(impostor)
    assert auc(curve) == pytest.approx(roc_auc_score(labels, genuine + impostor), abs=1e-12)


def test_the_curve_is_scikit_learns():
    genuine, impostor = scores(5, 400, 500, grid=50)
    labels = np.r_[np.ones(400), np.zeros(500)]
    far, tar, _ = roc_curve(labels, np.r_[genuine, impostor], drop_intermediate=False)
    curve = roc(genuine, impostor)
    np.testing.assert_allclose(curve.far, far, atol=1e-15)
    np.testing.assert_allclose(curve.tar, tar, atol=1e-15)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("far", FARS)
def test_tar_at_far_equals_the_count_and_never_exceeds_the_far(case, far):
    genuine, impostor = case
    (row,) = tar_at_far(genuine, impostor, [far])
    assert row["k"] == Fraction(far) * len(impostor) // 1
    assert row["resolvable"] == (row["k"] > 0)
    if not row["resolvable"]:
        assert row["tar"] is row["threshold"] is row["ci95"] is row["false_accepts"] is None
        return
    assert row["false_accepts"] == (impostor > row["threshold"]).sum() <= row["k"]
    assert row["true_accepts"] == (genuine > row["threshold"]).sum()
    if row["k"] < len(impostor):
        threshold, tar = oracle.exact_tar(genuine.tolist(), impostor.tolist(), far)
        assert row["threshold"] == threshold
        assert row["tar"] == float(tar)
    else:
        assert (row["tar"], row["false_accepts"]) == (1, len(impostor))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("far", FARS)
def test_nearest_mode_takes_the_nearest_point_and_the_highest_tar(case, far):
    genuine, impostor = case
    (row,) = tar_at_far(genuine, impostor, [far], mode="nearest")
    if row["resolvable"]:
        assert row["tar"] == float(oracle.nearest_tar(genuine.tolist(), impostor.tolist(), far))
        assert row["true_accepts"] == (genuine > row["threshold"]).sum()


def test_the_budget_is_exact_where_a_float_product_is_not():
    assert int(0.29 * 100) == 28  # what flooring a float would give
    (row,) = tar_at_far(np.ones(2), np.arange(100.0), [0.29])
    assert (row["k"], row["false_accepts"]) == (29, 29)
    assert exact_far(1e-3) == exact_far("1e-3") == Fraction(1, 1000)


def test_lfw_cannot_resolve_one_in_ten_thousand():
    genuine, impostor = scores(6, 3000, 3000)
    rows = tar_at_far(genuine, impostor, ["1e-3", "1e-4"])
    assert [row["k"] for row in rows] == [3, 0]
    assert [row["tar"] is None for row in rows] == [False, True]


@pytest.mark.parametrize("far", ["0", "-1e-3", "1.5", "many", "1/0", "nan"])
def test_a_far_that_is_none_is_refused(far):
    with pytest.raises(ValueError, match=f"^--far {far}: expected"):
        tar_at_far(np.ones(2), np.zeros(2), [far])


@pytest.mark.parametrize(("hits", "trials"), [(0, 7), (7, 7), (3, 7), (2948, 3000), (1, 1)])
def test_the_interval_is_scipys(hits, trials):
    theirs = binomtest(hits, trials).proportion_ci(0.95, method="exact")
    assert clopper_pearson(hits, trials) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


@pytest.mark.parametrize("case", CASES)
def test_corners_draw_the_same_curve(case):
    curve = roc(*case)
    few = corners(curve)
    assert auc(few) == auc(curve)
    assert eer(few) == pytest.approx(eer(curve), abs=1e-15)
    # every point dropped lies on the straight line between its kept neighbours
    by_far = np.interp(curve.false_accepts + curve.true_accepts,
                       few.false_accepts + few.true_accepts, few.false_accepts)  # fmt: skip
    np.testing.assert_allclose(by_far, curve.false_accepts, atol=1e-9)


def test_thinning_keeps_ends_and_moves_no_point():
    curve = roc(*scores(7, 20_000, 30_000))
    few = thinned(curve, 500)
    assert 300 < len(few.threshold) <= 500
    assert (few.false_accepts[[0, -1]] == [0, 30_000]).all()
    full = set(zip(curve.threshold, curve.false_accepts, curve.true_accepts))
    assert set(zip(few.threshold, few.false_accepts, few.true_accepts)) <= full
    assert auc(few) == pytest.approx(auc(curve), abs=1e-4)


@pytest.mark.parametrize("change", [lambda s: s * 3 + 7, np.exp, lambda s: np.arctan(s) / 9])
def test_monotone_rescaling_changes_nothing(change):
    genuine, impostor = scores(8, 80, 90, grid=20)
    before, after = roc(genuine, impostor), roc(change(genuine), change(impostor))
    assert (auc(before), eer(before)) == (auc(after), eer(after))
    for mode in ("exact", "nearest"):
        rows = zip(
            tar_at_far(genuine, impostor, FARS, mode),
            tar_at_far(change(genuine), change(impostor), FARS, mode),
        )
        assert all({**a, "threshold": 0} == {**b, "threshold": 0} for a, b in rows)


def test_order_changes_nothing():
    genuine, impostor = scores(9, 80, 90, grid=20)
    assert tar_at_far(genuine, impostor, FARS) == tar_at_far(genuine[::-1], impostor[::-1], FARS)
    np.testing.assert_array_equal(roc(genuine, impostor).far, roc(genuine[::-1], impostor).far)


@pytest.mark.parametrize(
    ("genuine", "impostor", "message"),
    [
        ([], [1.0], "expected a list of genuine scores"),
        ([1.0], [], "expected a list of impostor scores"),
        ([1.0, np.nan], [0.0], "genuine score 1 is nan"),
        ([1.0], [np.inf], "impostor score 0 is inf"),
    ],
)
def test_a_missing_class_or_a_wild_score_is_refused(genuine, impostor, message):
    for function in (roc, d_prime, lambda g, i: tar_at_far(g, i, ["0.5"])):
        with pytest.raises(ValueError, match=message):
            function(np.array(genuine), np.array(impostor))


def test_d_prime_of_two_unit_normals_is_their_distance():
    rng = np.random.default_rng(0)
    found = d_prime(rng.normal(2, 1, 200_000), rng.normal(0, 1, 200_000))
    assert found == pytest.approx(2, abs=0.02)
    assert d_prime(np.ones(3), np.ones(4)) is None
