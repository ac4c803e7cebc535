import numpy as np
import pytest

from eval.metrics.folds import best_threshold, fold_accuracy
from tests.eval import oracle


def problem(seed, n=60, folds=5, grid=None):
    rng = np.random.default_rng(seed)
    same = np.tile([True, False], n // 2)
    score = rng.normal(np.where(same, 0.4, 0), 0.3)
    score = np.round(score * grid) / grid if grid else score
    return score, same, np.repeat(np.arange(folds), n // folds)


@pytest.mark.parametrize("grid", [None, 20, 4, 1])
@pytest.mark.parametrize("seed", range(5))
def test_equals_the_search_over_every_threshold(seed, grid):
    score, same, fold = problem(seed, grid=grid)
    found = fold_accuracy(score, same, fold)
    expected = oracle.fold_accuracies(score.tolist(), same.tolist(), fold.tolist())
    np.testing.assert_allclose(found.folds, expected, atol=1e-15)
    threshold = oracle.best_threshold(score.tolist(), same.tolist())
    assert best_threshold(score, same) == pytest.approx(threshold, abs=1e-12)


@pytest.mark.parametrize(
    ("score", "same", "threshold"),
    [
        ([0.0, 1.0], [False, True], 0.5),
        ([0.0, 1.0], [True, False], 0.5),  # both ends are equally good: 0- and 1
        ([0.2, 0.2], [True, False], 0.2),  # a tie: accepting both or none
        ([0.0, 0.4, 0.6, 1.0], [False, False, True, True], 0.5),
        ([0.1, 0.3], [False, False], 0.3),  # reject all: the highest score is not above itself
    ],
)
def test_small_cases_by_hand(score, same, threshold):
    assert best_threshold(np.array(score), np.array(same)) == pytest.approx(threshold, abs=1e-12)


def test_neighbouring_numbers_are_still_told_apart():
    low = 0.1
    high = np.nextafter(low, 1)
    threshold = best_threshold(np.array([low, high]), np.array([False, True]))
    assert not low > threshold
    assert high > threshold


def test_the_summary_says_which_deviation_it_is():
    score, same, fold = problem(3)
    found = fold_accuracy(score, same, fold)
    ours, theirs = found.summary(), found.summary(std_ddof=0)
    assert ours["std"] == pytest.approx(np.std(found.folds, ddof=1))
    assert theirs["std"] == pytest.approx(np.std(found.folds))
    assert (ours["std_ddof"], theirs["std_ddof"]) == (1, 0)
    assert ours["std_error"] == theirs["std_error"] == pytest.approx(ours["std"] / np.sqrt(5))
    assert found.folds.mean() == pytest.approx(found.correct.mean())


def test_order_inside_folds_changes_nothing():
    score, same, fold = problem(1, grid=20)
    order = np.concatenate([np.random.default_rng(f).permutation(12) + 12 * f for f in range(5)])
    a, b = fold_accuracy(score, same, fold), fold_accuracy(score[order], same[order], fold)
    np.testing.assert_array_equal(a.folds, b.folds)
    np.testing.assert_array_equal(a.thresholds, b.thresholds)
    np.testing.assert_array_equal(a.correct[order], b.correct)


def test_linear_rescaling_changes_no_answer():
    score, same, fold = problem(2)
    before, after = fold_accuracy(score, same, fold), fold_accuracy(4 * score, same, fold)
    np.testing.assert_array_equal(before.correct, after.correct)
    np.testing.assert_allclose(4 * before.thresholds, after.thresholds, rtol=1e-12)


def test_one_fold_or_one_class_is_refused():
    score, same, fold = problem(0)
    with pytest.raises(ValueError, match="two folds or more"):
        fold_accuracy(score, same, np.zeros_like(fold))
    with pytest.raises(ValueError, match="without fold 0 only genuine pairs are left"):
        fold_accuracy(score, fold > 0, fold)
    with pytest.raises(ValueError, match="without fold 0 only impostor pairs are left"):
        fold_accuracy(score, fold == 0, fold)
