"""The bootstrap against lists in which every pair really stands as often as it counts."""

import numpy as np
import pytest

from eval.metrics.bootstrap import Judged, draws, interval, intervals
from eval.metrics.folds import best_threshold
from eval.metrics.paired import number_people
from eval.metrics.roc import tar_at_far


def problem(seed=0, people=30, genuine=60, impostor=200, effect=0.2):
    """Pairs whose scores depend on the person, with ties; scores, labels, people."""
    rng = np.random.default_rng(seed)
    hard = effect * rng.normal(size=people)
    first = rng.integers(people, size=genuine + impostor)
    second = np.where(np.arange(len(first)) < genuine, first, 0)
    second[genuine:] = (first[genuine:] + rng.integers(1, people, size=impostor)) % people
    same = first == second
    score = np.where(same, 0.5, 0) + hard[first] + hard[second] + 0.1 * rng.normal(size=len(same))
    return np.round(score, 2), same, (first, second)


def judged(score, same):
    return Judged(score, (score > best_threshold(score, same)) == same)


def expected(score, same, correct, weight, fars):
    """Figures of the list written out with every pair `weight` times."""
    rows = np.repeat(np.arange(len(same)), weight)
    genuine, impostor = rows[same[rows]], rows[~same[rows]]
    share = same.mean()
    accuracy = share * correct[genuine].mean() + (1 - share) * correct[impostor].mean()
    points = tar_at_far(score[genuine], score[impostor], fars)
    return [accuracy, *(point["tar"] for point in points)]


@pytest.mark.parametrize("known", [True, False])
def test_each_draw_is_the_list_with_its_pairs_repeated(known):
    score, same, people = problem()
    model = judged(score, same)
    fars = ["0.05", "0.2", "1"]
    found = draws([model], same, people if known else None, fars, count=20, seed=3)[0]
    rng = np.random.default_rng(3)
    for figures in found:
        if known:
            times = np.bincount(rng.integers(30, size=30), minlength=30)
            weight = [times[a] if a == b else times[a] * times[b] for a, b in zip(*people)]
        else:
            weight = np.zeros(len(same), int)
            for rows in (np.flatnonzero(same), np.flatnonzero(~same)):
                np.add.at(weight, rows[rng.integers(len(rows), size=len(rows))], 1)
        wanted = expected(score, same, model.correct_n, weight, fars)
        np.testing.assert_allclose(figures, wanted, atol=1e-12)


def test_people_of_one_fate_are_as_uncertain_as_people_not_as_pairs():
    """100 people with 20 genuine pairs each, all accepted or all rejected: 100 coin tosses."""
    rng = np.random.default_rng(1)
    good = rng.random(100) < 0.7
    person = np.repeat(np.arange(100), 20)
    first = np.concatenate([person, np.arange(100)])
    second = np.concatenate([person, (np.arange(100) + 1) % 100])
    same = first == second
    score = np.where(same, np.where(good[first], 1.0, -1.0), 0.0)
    model = Judged(score, np.ones(len(same), bool))
    by_people = draws([model], same, (first, second), ["0.5"])[0, :, 1].std()
    by_pairs = draws([model], same, None, ["0.5"])[0, :, 1].std()
    share = good.mean()
    assert by_people == pytest.approx(np.sqrt(share * (1 - share) / 100), rel=0.1)
    assert by_pairs == pytest.approx(np.sqrt(share * (1 - share) / 2000), rel=0.1)


def test_the_interval_over_people_holds_the_truth_about_as_often_as_it_says():
    """Accuracy of impostor pairs with a person effect; 95 % asked, the naive one holds far less."""
    truth, held = 0.5, {True: 0, False: 0}
    for seed in range(60):
        rng = np.random.default_rng(seed)
        hard = rng.normal(size=40)
        first, second = np.triu_indices(40, 1)
        wrong = hard[first] + hard[second] > 0  # half of all pairs, in truth
        same = np.zeros(len(first) + 40, bool)
        same[-40:] = True
        people = (np.append(first, np.arange(40)), np.append(second, np.arange(40)))
        correct = np.append(~wrong, np.ones(40, bool))
        model = Judged(np.zeros(len(same)), correct)
        for known in held:
            figures = draws([model], same, people if known else None, [], count=200, seed=seed)
            share = (~same).mean()
            low, high = interval((figures[0, :, 0] - (1 - share)) / share)
            held[known] += low <= truth <= high
    assert held[True] >= 52
    assert held[False] <= 40


def test_the_same_seed_gives_the_same_and_models_share_their_draws():
    score, same, people = problem()
    model, other = judged(score, same), judged(np.exp(score), same)
    one = draws([model, other], same, people, ["0.1"], count=50)
    np.testing.assert_array_equal(one[0, :, 1], one[1, :, 1])
    np.testing.assert_array_equal(one, draws([model, other], same, people, ["0.1"], count=50))


def test_what_a_result_holds():
    score, same, people = problem()
    points = tar_at_far(score[same], score[~same], ["0.1", "1e-6"])
    found = intervals(judged(score, same), same, people, points)
    assert (found["unit"], found["units"], found["draws"]) == ("people", 30, 1000)
    assert [row["ci95"] is None for row in found["tar_at_far"]] == [False, True]
    low, high = found["tar_at_far"][0]["ci95"]
    assert low <= points[0]["tar"] <= high
    assert intervals(judged(score, same), same, None, points)["unit"] == "pairs"


def test_one_kind_of_pair_is_refused():
    with pytest.raises(ValueError, match="one kind only"):
        draws([Judged(np.zeros(3), np.ones(3, bool))], np.ones(3, bool), None, [])


def test_people_are_numbered_as_they_come():
    first, second = number_people(["b", "a"], ["b", "c"])
    assert (first.tolist(), second.tolist()) == ([0, 1], [0, 2])
