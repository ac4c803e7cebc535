import numpy as np
import pytest

from eval.similarity.ranked import at_least, ranked


@pytest.mark.parametrize("thresholds", [1, 2, 3, 7, 8, 44])
def test_places_are_counts_of_thresholds(thresholds):
    random = np.random.default_rng(thresholds)
    rising = np.sort(random.integers(-5, 5, (6, thresholds)), axis=1).astype(float)
    rising[2:4, thresholds // 2 :] = np.inf
    row = random.integers(0, 6, 300)
    value = random.integers(-6, 7, 300).astype(float)
    below, reached = (ranked(rising, row, value, ties=ties) for ties in (False, True))
    assert below.tolist() == [(rising[r] < v).sum() for r, v in zip(row, value)]
    assert reached.tolist() == [(rising[r] <= v).sum() for r, v in zip(row, value)]


def test_pairs_above_each_threshold_from_pairs_by_thresholds_below():
    assert at_least(np.array([[5, 2, 0, 1], [7, 0, 0, 0]])).tolist() == [[3, 1, 1], [0, 0, 0]]
