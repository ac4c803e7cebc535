import numpy as np
import pytest

from eval.embeddings import unit_rows
from eval.metrics import open_set
from eval.metrics.roc import tar_at_far

FARS = ["1e-3", "0.05", "0.3", "1"]


def images(seed, n=50, people=15, dim=4, grid=None):
    rng = np.random.default_rng(seed)
    label = rng.integers(people, size=n)
    vectors = rng.normal(size=(people, dim))[label] + 0.7 * rng.normal(size=(n, dim))
    vectors = np.round(vectors * grid) / grid + 1e-3 if grid else vectors
    return unit_rows(vectors, [str(i) for i in range(n)], "X"), label


@pytest.mark.parametrize("grid", [None, 1])
@pytest.mark.parametrize("seed", range(3))
def test_all_pairs_equal_the_list_of_them(monkeypatch, seed, grid):
    monkeypatch.setattr(open_set, "_TILE", 100 if grid else 8)  # equal rows: one product
    unit, label = images(seed, grid=grid)
    score = unit @ unit.T
    first, second = np.triu_indices(len(label), 1)
    same = label[first] == label[second]
    score = score[first, second]
    found = open_set.all_pairs(unit, label, FARS)
    for row, expected in zip(found, tar_at_far(score[same], score[~same], FARS)):
        for key in ("far", "k", "impostors", "genuine", "resolvable", "true_accepts", "tar"):
            assert row[key] == expected[key]
        assert row["false_accepts"] == expected["false_accepts"] or row["k"] == row["impostors"]


@pytest.mark.parametrize("rank", [1, 3])
@pytest.mark.parametrize("seed", range(4))
def test_identification_by_counting(seed, rank):
    unit, label = images(seed, n=80, people=20)
    gallery = np.flatnonzero((label < 12) & (np.arange(80) % 2 == 0))
    probes = np.setdiff1d(np.arange(80), gallery)
    found = open_set.identification(
        unit[gallery], label[gallery], unit[probes], label[probes], FARS, rank
    )
    best_unknown, mated = [], []
    for p in probes:
        scores = {g: float(unit[p] @ unit[g]) for g in gallery}
        own = [s for g, s in scores.items() if label[g] == label[p]]
        if own:
            ahead = sum(s >= max(own) for g, s in scores.items() if label[g] != label[p])
            mated.append((max(own), ahead < rank))
        else:
            best_unknown.append(max(scores.values()))
    for row in found:
        if not row["resolvable"]:
            continue
        passed = sum(s > row["threshold"] for s in best_unknown)
        assert passed == row["false_accepts"] <= row["k"]
        hits = sum(s > row["threshold"] and ok for s, ok in mated)
        assert row["tar"] == hits / len(mated)
    assert [row["resolvable"] for row in found] == [False, True, True, True]


def test_one_kind_only_is_refused():
    unit, label = images(0)
    with pytest.raises(ValueError, match="one kind only"):
        open_set.all_pairs(unit, np.zeros_like(label), ["0.1"])
    with pytest.raises(ValueError, match="expected some and not all"):
        open_set.identification(unit, label, unit, label, ["0.1"])
