"""Near pairs against comparing every two."""

import numpy as np
import pytest

from data_prep.clean import near
from data_prep.clean.near import pairs_across, pairs_within


def planted(n=600, people=40, seed=0):
    """Random signs, with 60 of them copied, some to another person, some mirrored."""
    draw = np.random.default_rng(seed)
    signs, mirrored = draw.integers(0, 2**63, (2, n, 2), dtype=np.uint64)
    for target in draw.choice(n, 60, replace=False):
        origin = int(draw.integers(n))
        a, b = (signs, mirrored) if draw.random() < 0.5 else (mirrored, signs)
        flips = np.zeros(128, np.uint8)
        flips[draw.choice(128, int(draw.integers(0, 30)), replace=False)] = 1
        mask = np.packbits(flips).view(np.uint64)
        signs[target], mirrored[target] = a[origin] ^ mask, b[origin] ^ mask
    return signs, mirrored, draw.integers(0, people, n)


def every_two(signs, mirrored, label, most, same_person):
    found = {}
    for i in range(len(signs)):
        for j in range(i + 1, len(signs)):
            if (label[i] == label[j]) != same_person:
                continue
            plain = int(np.bitwise_count(signs[i] ^ signs[j]).sum())
            turned = int(
                min(
                    np.bitwise_count(signs[i] ^ mirrored[j]).sum(),
                    np.bitwise_count(mirrored[i] ^ signs[j]).sum(),
                )
            )
            if min(plain, turned) <= most:
                found[i, j] = plain > most
    return found


def as_dict(pairs):
    return dict(zip(zip(pairs.one.tolist(), pairs.other.tolist()), pairs.mirrored.tolist()))


def test_within_a_person_nothing_is_missed():
    signs, mirrored, label = planted()
    label[:300] = label[0]
    expected = every_two(signs, mirrored, label, 24, same_person=True)
    assert as_dict(pairs_within(signs, mirrored, label, 24)) == expected
    assert len(expected) > 10 and len(set(expected.values())) == 2


@pytest.mark.parametrize(("run", "runs"), [(16, 8), (21, 6), (32, 4)])
def test_across_people_fewer_signs_than_runs_are_never_missed(monkeypatch, run, runs):
    monkeypatch.setattr(near, "_RUNS", (run,))
    signs, mirrored, label = planted(seed=run)
    expected = every_two(signs, mirrored, label, 24, same_person=False)
    found = as_dict(pairs_across(signs, mirrored, label, 24))
    assert found.items() <= expected.items()
    certain = every_two(signs, mirrored, label, runs - 1, same_person=False)
    assert certain and certain.keys() <= found.keys()


def test_runs_get_longer_with_the_set():
    sharing = near._SHARING
    assert [next(r for r in near._RUNS if n <= sharing << r) for n in (10, 5_800_000)] == [16, 21]


def test_a_crowd_of_equal_images_ends():
    signs = np.zeros((9_000, 2), np.uint64)
    label = np.arange(9_000)
    pairs = near._near(signs, signs ^ ~np.uint64(0), [label * 0], 0, limit=3)
    assert len(pairs) == 3 * 9_000 - 6


def test_nothing():
    empty = np.empty((0, 2), np.uint64)
    assert len(pairs_within(empty, empty, np.empty(0, np.int64), 9)) == 0
    assert len(pairs_across(empty, empty, np.empty(0, np.int64), 9)) == 0
