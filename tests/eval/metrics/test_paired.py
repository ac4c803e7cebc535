import numpy as np
import pytest
from scipy.stats import binomtest

from eval.metrics.bootstrap import Judged, draws
from eval.metrics.paired import compare, mcnemar
from tests.eval.metrics.test_bootstrap import judged, problem


@pytest.mark.parametrize(("b", "c"), [(0, 0), (1, 0), (0, 9), (4, 4), (7, 15), (200, 260)])
def test_mcnemar_is_the_exact_binomial_test(b, c):
    expected = binomtest(b, b + c).pvalue if b + c else 1.0
    assert mcnemar(b, c) == mcnemar(c, b) == pytest.approx(expected, rel=1e-12)


def test_a_model_does_not_differ_from_itself():
    score, same, people = problem()
    found = compare(judged(score, same), judged(score, same), same, people, [0.1])
    assert found["accuracy"]["ci95"] == found["tar_at_far"][0]["ci95"] == [0, 0]
    assert (found["accuracy"]["difference"], found["accuracy"]["mcnemar_p"]) == (0, 1)


def test_a_difference_is_of_the_same_draws_and_turns_round():
    score, same, people = problem()
    better = judged(score + 0.2 * same, same)
    model = judged(score, same)
    found = compare(model, better, same, people, [0.1])
    figures = draws([model, better], same, people, [0.1])
    gain = np.quantile(figures[1, :, 1] - figures[0, :, 1], [0.025, 0.975])
    assert found["tar_at_far"][0]["ci95"] == pytest.approx(gain.tolist())
    back = compare(better, model, same, people, [0.1])
    assert back["accuracy"]["difference"] == -found["accuracy"]["difference"] < 0
    assert back["accuracy"]["ci95"] == pytest.approx([-x for x in found["accuracy"]["ci95"][::-1]])
    only = found["accuracy"]
    assert only["only_first"] == (model.correct_n & ~better.correct_n).sum()
    assert only["only_second"] == (better.correct_n & ~model.correct_n).sum()


def test_wins_and_losses_are_counted():
    same = np.array([True, True, False, False, True, False])
    first = Judged(np.arange(6.0), np.array([1, 1, 0, 0, 1, 1], bool))
    second = Judged(np.arange(6.0), np.array([0, 1, 1, 1, 1, 1], bool))
    found = compare(first, second, same, None, [])["accuracy"]
    assert (found["only_first"], found["only_second"]) == (1, 2)
    assert (found["first"], found["second"]) == (4 / 6, 5 / 6)
    assert found["mcnemar_p"] == 1
