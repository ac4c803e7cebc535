"""Peers' rules against the same rules written out as loops over thresholds and pairs."""

import numpy as np
import pytest
from sklearn.preprocessing import normalize

from eval.metrics.compat import COMPAT
from eval.metrics.peers import PairVectors, insightface_val, squared_distance


def problem(seed, folds=10, each=12, dim=6, noise=0.8):
    rng = np.random.default_rng(seed)
    n = folds * each
    same = np.tile([True, False], n // 2)
    first = rng.normal(size=(n, dim)) + 0.5
    second = np.where(same[:, None], first + noise * rng.normal(size=(n, dim)),
                      rng.normal(size=(n, dim)) + 0.5)  # fmt: skip
    names = [str(i) for i in range(n)]
    vectors = PairVectors(first.astype(np.float32), second.astype(np.float32), names, names, "X")
    return vectors, same, np.repeat(np.arange(folds), each)


def splits(fold):
    return [(fold != f, fold == f) for f in np.unique(fold)]


@pytest.mark.parametrize("seed", range(3))
def test_insightface(seed):
    vectors, same, fold = problem(seed)
    a, b = (normalize(v.astype(np.float64)) for v in (vectors.first, vectors.second))
    dist = ((a - b) ** 2).sum(1)
    np.testing.assert_allclose(squared_distance(vectors), dist, rtol=1e-12)
    expected = []
    for train, test in splits(fold):
        accuracy = [((dist[train] < t) == same[train]).mean() for t in np.arange(0, 4, 0.01)]
        threshold = np.arange(0, 4, 0.01)[int(np.argmax(accuracy))]
        expected.append(((dist[test] < threshold) == same[test]).mean())
    found = COMPAT["insightface"].accuracy(vectors, same, fold)
    np.testing.assert_allclose(found.folds, expected, atol=1e-15)
    assert found.summary(COMPAT["insightface"].std_ddof)["std"] == pytest.approx(np.std(expected))


@pytest.mark.parametrize("seed", range(3))
def test_insightface_val(seed):
    vectors, same, fold = problem(seed, each=40)
    dist = squared_distance(vectors)
    grid = np.arange(0, 4, 0.001)
    wanted = 0.0333
    vals, fars = [], []
    for train, test in splits(fold):
        impostor = dist[train & ~same]
        rates = np.array([(impostor < t).mean() for t in grid])
        last = max(i for i, rate in enumerate(rates) if rate <= wanted)
        share = (wanted - rates[last]) / (rates[last + 1] - rates[last])
        threshold = grid[last] + share * 0.001
        vals.append((dist[test & same] < threshold).mean())
        fars.append((dist[test & ~same] < threshold).mean())
    found = insightface_val(vectors, same, fold, wanted)
    assert found["mean"] == pytest.approx(np.mean(vals))
    assert found["std"] == pytest.approx(np.std(vals))
    assert found["far_mean"] == pytest.approx(np.mean(fars))


def test_insightface_val_accepts_nothing_where_the_far_is_never_reached():
    vectors, same, fold = problem(0)
    opposite = np.where(same[:, None], vectors.first, -vectors.first)
    far_apart = PairVectors(vectors.first, opposite, *[vectors.first_names] * 2, "X")
    assert insightface_val(far_apart, same, fold)["mean"] == 0


@pytest.mark.parametrize("seed", range(3))
def test_facex(seed):
    vectors, same, fold = problem(seed)
    a, b = vectors.unit()
    score = (a * b).sum(1)
    expected = []
    for train, test in splits(fold):
        low, high = score[train].min(), score[train].max()
        grid = [low + (high - low) / 1000 * step for step in range(1, 1001)]
        gap = [(score[train & same] > t).mean() - (score[train & ~same] > t).mean() for t in grid]
        t = grid[int(np.argmax(gap))]
        right = (score[test & same] > t).sum() + (score[test & ~same] < t).sum()
        expected.append(right / test.sum())
    found = COMPAT["facex"].accuracy(vectors, same, fold)
    np.testing.assert_allclose(found.folds, expected, atol=1e-15)


@pytest.mark.parametrize("seed", range(2))
def test_sphereface(seed):
    vectors, same, fold = problem(seed, folds=4, each=10)
    expected = []
    for train, test in splits(fold):
        features = np.r_[vectors.first[train], vectors.second[train]].astype(np.float64)
        a, b = (normalize(v - features.mean(0)) for v in (vectors.first, vectors.second))
        score = (a * b).sum(1)
        grid = np.arange(-10_000, 10_001) / 10_000
        right = [(score[train & same] > t).sum() + (score[train & ~same] < t).sum() for t in grid]
        t = grid[np.array(right) == max(right)].mean()
        hits = (score[test & same] > t).sum() + (score[test & ~same] < t).sum()
        expected.append(hits / test.sum())
    found = COMPAT["sphereface"].accuracy(vectors, same, fold)
    np.testing.assert_allclose(found.folds, expected, atol=1e-15)


@pytest.mark.parametrize("name", COMPAT)
def test_swapping_the_images_and_stretching_them_changes_nothing(name):
    vectors, same, fold = problem(7)
    swapped = PairVectors(
        vectors.second, vectors.first, vectors.second_names, vectors.first_names, "X"
    )
    stretched = PairVectors(
        vectors.first * 4, vectors.second * 4, vectors.first_names, vectors.second_names, "X"
    )
    rule = COMPAT[name].accuracy
    expected = rule(vectors, same, fold).folds
    np.testing.assert_allclose(rule(swapped, same, fold).folds, expected)
    np.testing.assert_allclose(rule(stretched, same, fold).folds, expected)


@pytest.mark.parametrize("seed", range(3))
def test_sphereface_pytorch(seed):
    vectors, same, fold = problem(seed)
    a, b = vectors.first.astype(np.float64), vectors.second.astype(np.float64)
    score = (a * b).sum(1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1) + 1e-5)
    expected = []
    for train, test in splits(fold):
        best, threshold = 0, 0
        for t in np.arange(-1.0, 1.0, 0.005):
            accuracy = ((score[train] > t) == same[train]).mean()
            if accuracy >= best:
                best, threshold = accuracy, t
        expected.append(((score[test] > threshold) == same[test]).mean())
    found = COMPAT["sphereface-pytorch"].accuracy(vectors, same, fold)
    np.testing.assert_allclose(found.folds, expected, atol=1e-15)


@pytest.mark.parametrize("seed", range(3))
def test_facenet(seed):
    vectors, same, fold = problem(seed)
    first, second = (normalize(v.astype(np.float64)) for v in (vectors.first, vectors.second))
    expected = []
    for train, test in splits(fold):
        mean = np.r_[first[train], second[train]].mean(0)
        a, b = normalize(first - mean), normalize(second - mean)
        dist = np.arccos((a * b).sum(1)) / np.pi
        accuracy = [((dist[train] < t) == same[train]).mean() for t in np.arange(0, 4, 0.01)]
        threshold = np.arange(0, 4, 0.01)[int(np.argmax(accuracy))]
        expected.append(((dist[test] < threshold) == same[test]).mean())
    found = COMPAT["facenet"].accuracy(vectors, same, fold)
    np.testing.assert_allclose(found.folds, expected, atol=1e-15)


@pytest.mark.parametrize("seed", range(3))
def test_coco_is_the_best_one_threshold_can_do(seed):
    vectors, same, fold = problem(seed)
    a, b = vectors.unit()
    score = (a * b).sum(1)
    best = max(((score > t) == same).mean() for t in [-2, *score])
    found = COMPAT["coco"].accuracy(vectors, same, fold)
    assert found.folds.mean() == pytest.approx(best, abs=1e-15)


def test_one_fold_has_no_deviation_whatever_the_rule():
    vectors, same, fold = problem(0, folds=1)
    for rule in COMPAT.values():
        with pytest.raises(ValueError, match="expected two folds or more"):
            rule.accuracy(vectors, same, fold)
