"""Centres and similarities against plain loops."""

import numpy as np
import pytest

from data_prep.clean import centres as module
from data_prep.clean.centres import centres, classes_of, nearest, person_of, spread
from data_prep.embeddings import Embeddings


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(module, "_BLOCK", 7)
    monkeypatch.setattr(module, "_CENTRES", 4)


def embedded(names, seed=0, dim=6):
    vectors = np.random.default_rng(seed).normal(size=(len(names), dim)) + 0.5
    return Embeddings(list(names), vectors.astype(np.float32), {}, "x")


def units(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


NAMES = [f"{p}/{i}.jpg" for i in range(9) for p in "cabde" if i < ord(p) - 95] + ["alone/1.jpg"]
PERSONS = [name.split("/")[0] for name in NAMES]


def test_people_are_folders():
    assert person_of("Tom/1.jpg") == "Tom" and person_of("a/Tom/1.jpg") == "a/Tom"
    assert person_of("000003") == "000003"
    classes = classes_of(["b", "a", "b", "loose"])
    assert classes.people == ["a", "b", "loose"]
    assert classes.label.tolist() == [1, 0, 1, 2] and classes.count.tolist() == [1, 2, 1]


def test_plain_centres():
    x, classes = embedded(NAMES), classes_of(PERSONS)
    found, own = centres(x, np.arange(len(NAMES)), classes, trimmed=False)
    unit = units(x.vectors.astype(float))
    for label, person in enumerate(classes.people):
        members = [i for i, name in enumerate(NAMES) if person_of(name) == person]
        np.testing.assert_allclose(found[label], units(unit[members].mean(axis=0)), atol=1e-6)
        for i in members:
            rest = [j for j in members if j != i]
            expected = unit[i] @ units(unit[rest].mean(axis=0)) if rest else 1
            assert own[i] == pytest.approx(expected, abs=1e-5)


def test_trimmed_centres():
    """Each round keeps the better half, judged without oneself."""
    x, classes = embedded(NAMES, seed=4), classes_of(PERSONS)
    found, own = centres(x, np.arange(len(NAMES)), classes, trimmed=True)
    unit = units(x.vectors.astype(float))
    for label in range(len(classes.people)):
        members = np.flatnonzero(classes.label == label).tolist()
        chosen = members

        def similarity(i, chosen):
            rest = [j for j in chosen if j != i]
            return unit[i] @ units(unit[rest].sum(axis=0)) if rest else 1.0

        for _ in range(module.ROUNDS):
            half = max((len(members) + 1) // 2, 2)
            chosen = sorted(members, key=lambda i, c=chosen: -similarity(i, c))[:half]
        np.testing.assert_allclose(found[label], units(unit[chosen].sum(axis=0)), atol=1e-6)
        np.testing.assert_allclose(
            own[members], [similarity(i, chosen) for i in members], atol=1e-5
        )


def test_strangers_below_half_of_a_class_have_no_part_in_its_centre():
    draw = np.random.default_rng(1)
    person, stranger = units(draw.normal(size=(2, 64)))
    vectors = np.array([person] * 11 + [stranger] * 9) + 0.02 * draw.normal(size=(20, 64))
    names = [f"p/{i}" for i in range(20)]
    x = Embeddings(names, vectors.astype(np.float32), {}, "x")
    found, own = centres(x, np.arange(20), classes_of(["p"] * 20), trimmed=True)
    assert found[0] @ person > 0.95
    assert own[:11].min() > 0.9 and own[11:].max() < 0.4


def test_rows_may_be_in_any_order():
    x, classes = embedded(NAMES), classes_of(PERSONS)
    order = np.random.default_rng(2).permutation(len(NAMES))
    mixed = Embeddings([NAMES[i] for i in order], x.vectors[order], {}, "x")
    one = centres(x, np.arange(len(NAMES)), classes, trimmed=True)
    other = centres(mixed, mixed.rows_of(NAMES, "x"), classes, trimmed=True)
    for a, b in zip(one, other):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_nearest_is_the_best_of_all():
    draw = np.random.default_rng(3)
    queries = units(draw.normal(size=(23, 5))).astype(np.float32)
    others = units(draw.normal(size=(11, 5))).astype(np.float32)
    all_of_them = queries @ others.T
    best, place = nearest(queries, others)
    np.testing.assert_array_equal(place, all_of_them.argmax(axis=1))
    np.testing.assert_allclose(best, all_of_them.max(axis=1), rtol=1e-6)
    passed_over = draw.integers(0, 11, 23)
    all_of_them[np.arange(23), passed_over] = -9
    best, place = nearest(queries, others, passed_over)
    np.testing.assert_array_equal(place, all_of_them.argmax(axis=1))
    np.testing.assert_allclose(best, all_of_them.max(axis=1), rtol=1e-6)
    mean, deviation = spread(queries, others)
    everything = (queries.astype(float) @ others.T.astype(float)).ravel()
    assert (mean, deviation) == pytest.approx((everything.mean(), everything.std()), abs=1e-9)
