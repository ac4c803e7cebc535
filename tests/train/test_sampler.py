"""Orders of samples against a truth worked out by counting, one batch after the other."""

from collections import Counter, defaultdict
from functools import partial

import numpy as np
import pytest

from configs.schema import DataConfig
from train.balanced import build_order, composition
from train.sampler import StepBatches, _default, global_batch
from train.shuffle import mixed, shuffled

COUNTS = [7, 1, 4, 2, 5, 3, 4, 9, 1, 6, 2]
LABELS = np.random.default_rng(0).permutation(np.repeat(np.arange(len(COUNTS)) * 3, COUNTS))
"""44 images of 11 people; labels between have no images."""

GROUPS = [range(20), range(20, len(LABELS))]
DEFAULTS = {"sampler": "shuffled", "batch": 12, "images": 3, "weights": [], "seed": 5}


def order_of(**changes):
    return build_order(LABELS, GROUPS, **(DEFAULTS | changes))


def test_the_default_order_is_that_of_all_checkpoints_so_far():
    """Permutations of NumPy's default_rng([seed, epoch]), one after the other."""
    size, batch = len(LABELS), 12
    truth = np.concatenate([np.random.default_rng([5, e]).permutation(size) for e in range(4)])
    order = order_of()
    for step in (3, 0, 1, 2, 13, 4, 8):
        assert np.array_equal(order(step), truth[step * batch : (step + 1) * batch])


def test_a_permutation_without_a_table():
    for size in [*range(1, 70), 1000, 4097]:
        keys = np.full(size, 3, np.uint64) + mixed(np.arange(1), size)
        once = shuffled(np.arange(size), np.full(size, size), keys)
        assert sorted(once) == list(range(size))
        if size > 20:
            other = shuffled(np.arange(size), np.full(size, size), keys + np.uint64(1))
            assert (once != np.arange(size)).any() and (once != other).any()


@pytest.mark.parametrize("size", [2, 3, 5, 8, 13])
def test_every_entry_of_it_is_anything_as_often(size):
    """Over many keys: the pair (place, entry) as often as chance has it, within five deviations."""
    draws = 20_000
    keys = mixed(np.arange(draws), 7)
    for place in range(size):
        found = shuffled(np.full(draws, place), np.full(draws, size), keys)
        counts = np.bincount(found, minlength=size)
        spread = np.sqrt(draws / size * (1 - 1 / size))
        assert np.abs(counts - draws / size).max() < 5 * spread


def test_class_balanced_has_every_person_once_a_round_and_all_images_in_turn():
    people, batch = len(COUNTS), 12
    stream = np.concatenate([order_of(sampler="class_balanced")(step) for step in range(99)])
    visits = defaultdict(list)
    for start in range(0, len(stream) - people, people):
        once = stream[start : start + people]
        assert sorted(LABELS[once]) == sorted(set(LABELS.tolist()))
        for place in once.tolist():
            visits[int(LABELS[place])].append(place)
    assert len(stream) == 99 * batch
    for label, places in visits.items():
        images = np.flatnonzero(label == LABELS).tolist()
        for start in range(0, len(places) - len(images) + 1, len(images)):
            assert sorted(places[start : start + len(images)]) == images
    nine = visits[21]
    assert nine[:9] != nine[9:18]  # drawn anew


@pytest.mark.parametrize(("batch", "images"), [(12, 3), (12, 4), (10, 1), (33, 3), (20, 10)])
def test_identity_balanced_batches_are_different_people_with_as_many_images(batch, images):
    people = batch // images
    order = order_of(sampler="identity_balanced", batch=batch, images=images)
    rounds, seen = len(COUNTS) // people, Counter()
    for step in range(60 * rounds):
        if step % rounds == 0:
            met: set[int] = set()
        places = order(step).reshape(people, images)
        for row in places.tolist():
            (label,) = set(LABELS[row].tolist())
            assert label not in met  # a round has nobody twice, so no batch has
            met.add(label)
            owned = np.flatnonzero(label == LABELS).tolist()
            times = Counter(row)
            assert set(times) <= set(owned)
            # all different while there are enough; otherwise each as often, give or take one
            assert max(times.values()) == -(-images // len(owned))
            assert len(times) == min(images, len(owned))
            seen.update(row)
    assert len(seen) == len(LABELS)


def test_shares_of_several_sets():
    order = order_of(weights=[3.0, 1.0], batch=16)
    first = [step_places[step_places < 20] for step_places in map(order, range(50))]
    second = [step_places[step_places >= 20] for step_places in map(order, range(50))]
    assert {len(part) for part in first} == {12} and {len(part) for part in second} == {4}
    # within a set, permutations of it one after the other
    stream = np.concatenate([np.sort(part) for part in first])
    counts = np.bincount(np.concatenate(first), minlength=20)
    assert len(stream) == 600 and (counts == 30).all()
    for epoch in range(8):
        three = np.concatenate(second)[epoch * 24 : (epoch + 1) * 24]
        assert set(three.tolist()) <= set(range(20, 44))
    # sets are not in blocks: a rank's share of the batch is not one set's
    assert sum((order(step)[:8] < 20).all() for step in range(50)) < 25


@pytest.mark.parametrize("sampler", ["class_balanced", "identity_balanced"])
def test_shares_of_people_of_several_sets(sampler):
    order = order_of(sampler=sampler, weights=[1.0, 2.0], batch=18)
    for step in range(30):
        places = order(step)
        assert (places < 20).sum() == 6
        if sampler == "identity_balanced":
            for part in (places[places < 20], places[places >= 20]):
                labels = LABELS[part].reshape(-1, 3)
                assert (labels == labels[:, :1]).all()
                assert len(set(labels[:, 0].tolist())) == len(labels)


def test_composition_is_the_nearest_in_whole_numbers():
    assert composition([1], 7) == [7]
    assert composition([0.7, 0.3], 128) == [90, 38]
    assert composition([1, 1, 1], 128) in ([43, 43, 42],)
    for weights in ([5, 2, 1], [0.1, 0.6, 0.25, 0.05], [9, 9, 9, 9, 1]):
        counts = composition(weights, 64)
        assert sum(counts) == 64
        assert all(abs(c - w / sum(weights) * 64) < 1 for c, w in zip(counts, weights))
    with pytest.raises(
        ValueError, match=r"data\.weights: expected every set .* raise the smallest"
    ):
        composition([1000, 1], 64)


KINDS = [
    {},
    {"sampler": "class_balanced"},
    {"sampler": "identity_balanced"},
    {"weights": [1.0, 2.0]},
    {"sampler": "identity_balanced", "weights": [1.0, 3.0]},
]


@pytest.mark.parametrize("kind", KINDS)
def test_an_order_is_a_function_of_seed_and_step_for_any_number_of_ranks(kind):
    truth = [order_of(**kind)(step) for step in range(20)]
    assert any(not np.array_equal(a, order_of(**kind, seed=6)(s)) for s, a in enumerate(truth))
    for world in (1, 2, 3, 4, 6):
        for start in (17, 0, 5):  # a fresh object each, as after a kill
            share = {"batch": 12, "start": start, "total": 20, "world": world}
            ranks = [list(StepBatches(order_of(**kind), rank=r, **share)) for r in range(world)]
            for step, parts in enumerate(zip(*ranks), start=start):
                assert [place for part in parts for place in part] == truth[step].tolist()


def test_orders_that_cannot_be_are_refused_in_one_line():
    with pytest.raises(
        ValueError, match=r"batch: expected a multiple of data\.identity_images \(5"
    ):
        order_of(sampler="identity_balanced", images=5)
    with pytest.raises(ValueError, match=r"at most 11 people x 1 images .*got 12 people"):
        order_of(sampler="identity_balanced", images=1)
    with pytest.raises(ValueError, match=r"data\.weights: expected one for each of 2 records"):
        DataConfig(records=["a", "b"], weights=[1.0])
    with pytest.raises(ValueError, match=r"data\.weights: expected all above 0"):
        DataConfig(records=["a", "b"], weights=[1.0, 0.0])


def test_the_shuffled_order_costs_no_new_permutation_within_an_epoch(monkeypatch):
    _default.cache_clear()  # of a test before, or of this one, run again
    draw, made = np.random.default_rng, []
    monkeypatch.setattr(np.random, "default_rng", lambda seed: made.append(seed) or draw(seed))
    order = partial(global_batch, size=1001, batch=10, seed=77)
    for step in range(100):
        order(step)
    assert made == [[77, 0]]
