"""Figures from the largest impostor scores alone against those from all of them."""

import numpy as np
import pytest
from sklearn.metrics import roc_curve

from eval.metrics.roc import tar_at_far
from eval.metrics.tail import enough, tail_roc, tar_rows

FARS = ["1e-2", "3e-2", "0.1", "1e-4"]


def scores(seed, grid):
    random = np.random.default_rng(seed)
    pair = random.normal(0.4, 0.3, 80), random.normal(0, 0.3, 700)
    return tuple(np.round(side * grid) / grid for side in pair) if grid else pair


@pytest.mark.parametrize("grid", [None, 20, 3])  # hardly any ties, many, hardly anything else
@pytest.mark.parametrize("seed", range(3))
def test_rows_are_those_of_all_scores(seed, grid):
    genuine, impostor = scores(seed, grid)
    keep = enough(FARS, len(impostor))
    assert keep == 71
    falling = np.sort(impostor)[::-1][:keep]
    wanted = tar_at_far(genuine, impostor, FARS)
    assert tar_rows(genuine, falling, len(impostor), FARS) == wanted
    assert [row["resolvable"] for row in wanted] == [True, True, True, False]


@pytest.mark.parametrize("grid", [None, 20, 3])
@pytest.mark.parametrize("seed", range(3))
def test_the_curve_is_scikit_learns_as_far_as_it_reaches(seed, grid):
    genuine, impostor = scores(seed, grid)
    curve = tail_roc(genuine, np.sort(impostor)[::-1][:71], len(impostor))
    labels = np.r_[np.ones(len(genuine)), np.zeros(len(impostor))]
    far, tar, threshold = roc_curve(labels, np.r_[genuine, impostor], drop_intermediate=False)
    # Theirs accepts scores from the threshold on, ours scores above it: one point further.
    known = {above: (f, t) for above, f, t in zip(threshold[1:], far, tar)}
    assert len(curve["far"]) > 2
    for above, f, t in zip(curve["threshold"], curve["far"], curve["tar"]):
        assert (f, t) == pytest.approx(known[above], abs=1e-15)
    assert curve["far"][-1] <= 71 / 700


def test_everything_may_be_accepted_and_nothing_may_be_there():
    genuine, impostor = np.array([0.5, 0.1]), np.array([0.3, 0.2])
    (row,) = tar_rows(genuine, impostor, 2, ["1"])
    assert (row["true_accepts"], row["false_accepts"], row["k"]) == (2, 2, 2)
    assert enough(["1"], 2) == 2
    assert tail_roc(genuine, impostor[:0], 2) == {"far": [], "tar": [], "threshold": []}
