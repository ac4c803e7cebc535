"""Geometry of embeddings whose geometry is known, and sample by sample."""

import numpy as np
import pytest

from experiments.geometry import BINS, geometry


def test_two_classes_at_a_right_angle():
    """Each class is two directions 2a apart: cos a to the mean, whatever the lengths."""
    a = 0.3
    x = [[np.cos(a), np.sin(a)], [np.cos(a), -np.sin(a)]]
    y = [[np.sin(a), np.cos(a)], [-np.sin(a), np.cos(a)]]
    emb = np.array([*x, *y], dtype=np.float32) * np.array([[1], [5], [2], [0.1]])
    found = geometry(emb, np.array([7, 7, 9, 9]))
    assert found.intra == pytest.approx(np.cos(a), abs=1e-6)
    assert found.between == pytest.approx(0.0, abs=1e-6)
    assert found.ratio == pytest.approx(1 - np.cos(a), abs=1e-6)
    assert found.histogram[int(np.cos(a) * BINS)] == 4 == sum(found.histogram)


def test_against_every_sample_by_itself():
    rng = np.random.default_rng(0)
    emb, labels = rng.normal(size=(60, 5)).astype(np.float32), rng.integers(4, size=60)
    unit = [v / np.linalg.norm(v) for v in emb.astype(np.float64)]
    mean = {}
    for label in set(labels):
        total = sum(v for v, own in zip(unit, labels) if own == label)
        mean[label] = total / np.linalg.norm(total)
    own = [v @ mean[label] for v, label in zip(unit, labels)]
    pairs = [mean[i] @ mean[j] for i in mean for j in mean if i < j]
    found = geometry(emb, labels)
    assert found.intra == pytest.approx(np.mean(own), abs=1e-6)
    assert found.between == pytest.approx(np.mean(pairs), abs=1e-6)
    assert found.histogram[0] == sum(value < 1 / BINS for value in own)


@pytest.mark.parametrize("rows, labels", [([[0, 0], [1, 0]], [0, 1]), ([[1, 0], [1, 0]], [3, 3])])
def test_refusals(rows, labels):
    with pytest.raises(ValueError, match="expected"):
        geometry(np.array(rows, dtype=np.float32), np.array(labels))
