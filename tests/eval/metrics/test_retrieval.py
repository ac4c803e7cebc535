from math import log

import numpy as np
import pytest

from eval.embeddings import unit_rows
from eval.metrics import retrieval
from eval.similarity import Shape, Vectors


def exact(unit):
    return Vectors(np.asarray(unit, dtype=np.float32))


def images(seed, n=60, classes=12, dim=3):
    rng = np.random.default_rng(seed)
    label = rng.integers(classes, size=n)
    vectors = rng.normal(size=(classes, dim))[label] + 0.8 * rng.normal(size=(n, dim))
    return unit_rows(vectors.astype(np.float32), [str(i) for i in range(n)], "X"), label


@pytest.mark.parametrize("seed", range(4))
def test_ranks_equal_a_sort_of_every_other_image(monkeypatch, seed):
    monkeypatch.setattr(retrieval, "_PAIRS", 7)
    unit, label = images(seed)
    found = retrieval.ranks(exact(unit), label, shape=Shape(7, 7))
    for query in range(len(label)):
        others = sorted(
            (i for i in range(len(label)) if i != query), key=lambda i: -(unit[query] @ unit[i])
        )
        hits = [place for place, i in enumerate(others, 1) if label[i] == label[query]]
        assert found[query] == (hits[0] if hits else 0)
    assert 0 < (found == 1).mean() < 1


def test_equal_cosines_count_against_the_model_and_the_lonely_do_not_count():
    unit = np.array([[1.0, 0], [0, 1], [0, 1], [0, 1], [-1, 0]])
    label = np.array([0, 0, 1, 2, 3])
    assert retrieval.ranks(exact(unit), label).tolist() == [3, 4, 0, 0, 0]


@pytest.mark.parametrize("seed", range(3))
def test_nmi_equals_its_formula(seed):
    rng = np.random.default_rng(seed)
    label, cluster = rng.integers(4, size=50), rng.integers(5, size=50)

    def entropy(values):
        return -sum((values == v).mean() * log((values == v).mean()) for v in set(values.tolist()))

    mutual = 0.0
    for a in range(4):
        for b in range(5):
            both = ((label == a) & (cluster == b)).mean()
            if both:
                mutual += both * log(both / (label == a).mean() / (cluster == b).mean())
    h, k = entropy(label), entropy(cluster)
    assert retrieval.nmi(label, cluster) == pytest.approx(2 * mutual / (h + k))
    assert retrieval.nmi(label, cluster, "geometric") == pytest.approx(mutual / (h * k) ** 0.5)
    assert retrieval.nmi(label, 7 - label) == pytest.approx(1)


def test_clusters_of_what_lies_apart_are_the_classes():
    centres = np.eye(4)
    label = np.repeat(range(4), 5)
    noise = 0.01 * np.random.default_rng(0).normal(size=(20, 4))
    unit = exact(centres[label] + noise)
    found = retrieval.clusters(unit, 4, seed=0)
    assert retrieval.nmi(label, found) == pytest.approx(1)
    np.testing.assert_array_equal(found, retrieval.clusters(unit, 4, seed=0))


def test_more_images_than_memory_holds_are_clustered_in_batches(monkeypatch):
    label = np.repeat(range(4), 50)
    random = np.random.default_rng(0)
    apart = exact(np.eye(4)[label] + 0.01 * random.normal(size=(200, 4)))
    monkeypatch.setattr(retrieval, "_AT_ONCE", 100)
    monkeypatch.setattr(retrieval, "_BATCH", 64)
    assert not retrieval.fits(apart)
    found = retrieval.clusters(apart, 4, seed=0)
    assert retrieval.nmi(label, found) == pytest.approx(1)
    np.testing.assert_array_equal(found, retrieval.clusters(apart, 4, seed=0))
