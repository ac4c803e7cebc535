"""Every statistic against brute force: all reference scores in one matrix."""

import numpy as np
import pytest
import torch

from eval.similarity import (
    PRECISIONS,
    Found,
    Plan,
    Shape,
    Vectors,
    engine,
    genuine_pairs,
    score_pairs,
    search,
)
from tests.dist import run_processes

BINS = 40


def messy(rows, dim, seed):
    """Ties: repeated rows, one of twice the length, opposite ones, zero rows; any length."""
    random = np.random.default_rng(seed)
    x = random.standard_normal((rows, dim)) * random.uniform(0.1, 30, (rows, 1))
    x[3], x[5], x[7] = x[1], 2 * x[1], -x[1]
    x[9] = x[rows // 2] = 0
    x[rows // 3 : rows // 3 + 4] = x[2]
    return x.astype(np.float32)


def people_of(rows, seed):
    """Some with many images, some with one."""
    return np.random.default_rng(seed).integers(0, 15, rows) ** 2 // 3


def all_scores(probes, gallery, compared):
    rows, cols = (each.ravel() for each in np.indices((len(probes), len(gallery))))
    scores = score_pairs(probes, gallery, rows, cols).reshape(len(probes), len(gallery))
    return np.where(compared, scores, -np.inf)


def thresholds_of(scores_PG):
    """Scores that occur, in and out of the bulk, none, all, and infinities."""
    own = np.where(np.isfinite(scores_PG), scores_PG, 0.25)[:, [0, 3, 17]]
    fixed = np.broadcast_to([0.0, -0.3, 0.9, np.inf, -np.inf], (len(own), 5))
    return np.concatenate([own, fixed], axis=1)


def check(found: Found, scores_PG, plan: Plan):
    """Equal, not near."""
    compared = np.isfinite(scores_PG)
    assert found.impostors == compared.sum()
    assert found.sizes[-1] == scores_PG.shape[1]
    for place, size in enumerate(found.sizes):
        part = np.where(np.arange(scores_PG.shape[1]) < size, scores_PG, -np.inf)
        padded = np.pad(part, ((0, 0), (0, plan.top)), constant_values=-np.inf)
        best = np.argsort(-padded, axis=1, kind="stable")[:, : plan.top]
        score = np.take_along_axis(padded, best, axis=1)
        assert np.array_equal(found.top.score[place], score)
        assert np.array_equal(found.top.row[place], np.where(np.isneginf(score), -1, best))
        if plan.above is not None:
            each = np.broadcast_to(plan.above, (len(part), plan.above.shape[-1]))
            seen = np.isfinite(part)[:, :, None]
            above = (part[:, :, None] > each[:, None]) & seen
            equal = (part[:, :, None] == each[:, None]) & seen
            assert np.array_equal(found.counts.above[place], above.sum(axis=1))
            assert np.array_equal(found.counts.equal[place], equal.sum(axis=1))
    probe, row = np.nonzero(compared)
    score = scores_PG[compared]
    order = np.lexsort((row, probe, -score))[: plan.tail]
    assert np.array_equal(found.tail.score, score[order])
    assert np.array_equal(found.tail.probe, probe[order])
    assert np.array_equal(found.tail.row, row[order])
    if plan.bins:
        place = np.searchsorted(np.linspace(-1, 1, plan.bins + 1), score, side="right") - 1
        wanted = np.bincount(place.clip(0, plan.bins - 1), minlength=plan.bins)
        assert np.array_equal(found.histogram, wanted)


@pytest.fixture(scope="module", params=[1, 7, 48])
def mess(request):
    """Probes, a gallery with people in common, and all impostor scores."""
    dim = request.param
    a, b = messy(45, dim, 0), messy(310, dim, 1)
    b[20], b[200] = a[11], a[11]
    probes, gallery = (Vectors(x, zeros="keep") for x in (a, b))
    labels = people_of(45, 2), people_of(310, 3)
    scores = all_scores(probes, gallery, labels[0][:, None] != labels[1])
    return probes, gallery, labels, scores


@pytest.mark.parametrize("screen", PRECISIONS)
@pytest.mark.parametrize(("panel", "tile"), [(45, 310), (13, 64), (100, 7)])
def test_everything_equals_brute_force(mess, screen, panel, tile):
    probes, gallery, labels, scores = mess
    plan = Plan(top=4, tail=25, above=thresholds_of(scores), bins=BINS, sizes=(1, 10, 100))
    found = search(
        probes, gallery, plan, labels=labels, screen=screen, shape=Shape(panel, tile)
    )  # fmt: skip
    check(found, scores, plan)


@pytest.mark.parametrize(("top", "tail"), [(1, 1), (310, 10**6), (400, 45 * 310)])
def test_as_many_as_there_are_or_more(mess, top, tail):
    probes, gallery, labels, scores = mess
    plan = Plan(top=top, tail=tail, sizes=(310,))
    check(search(probes, gallery, plan, labels=labels, shape=Shape(20, 100)), scores, plan)


@pytest.mark.parametrize("screen", ["bfloat16", "float32"])
@pytest.mark.parametrize("pairs", ["others", "once"])
@pytest.mark.parametrize("labelled", [True, False])
def test_a_set_with_itself(screen, pairs, labelled):
    x = Vectors(messy(130, 16, 4), zeros="keep")
    label = people_of(130, 5)
    i, j = np.indices((130, 130))
    compared = i < j if pairs == "once" else i != j
    if labelled:
        compared &= label[:, None] != label
    plan = Plan(top=3, tail=50, bins=BINS)
    labels = (label, label) if labelled else None
    for shape in (Shape(), Shape(33, 50)):
        found = search(x, x, plan, labels=labels, pairs=pairs, screen=screen, shape=shape)
        check(found, all_scores(x, x, compared), plan)


@pytest.mark.parametrize("screen", ["bfloat16", "int8"])
def test_larger_sets_in_which_most_pairs_are_never_rescored(screen):
    random = np.random.default_rng(6)
    a = random.standard_normal((50, 64)).astype(np.float32)
    b = random.standard_normal((6000, 64)).astype(np.float32)
    b[4000:4003] = a[7]
    probes, gallery = Vectors(a), Vectors(b)
    scores = all_scores(probes, gallery, True)
    plan = Plan(top=2, tail=60, above=np.array([0.3, 0.4]), sizes=(1000,))
    found = search(probes, gallery, plan, screen=screen, shape=Shape(50, 2500))
    check(found, scores, plan)
    assert found.rescored < scores.size / 10


@pytest.mark.parametrize("screen", PRECISIONS)
@pytest.mark.parametrize("tile", [3000, 700])
def test_many_thresholds_in_the_bulk_of_the_scores(screen, tile):
    random = np.random.default_rng(11)
    a = random.standard_normal((30, 48)).astype(np.float32)
    b = random.standard_normal((3000, 48)).astype(np.float32)
    b[50:80], b[900:1000], b[2500] = a, a[3], 0
    a[17] = a[4]
    probes, gallery = Vectors(a), Vectors(b, zeros="keep")
    scores = all_scores(probes, gallery, True)
    # Scores that occur, some twice, in no order; nearly equal ones; rows of unequal length. Half of
    # the probes have high ones only: few of their pairs are looked at.
    above = np.take_along_axis(scores, random.integers(0, 3000, (30, 40)), axis=1)
    above[:, 5], above[:, 7], above[::3, 20:] = above[:, 30], above[:, 31] + 1e-15, np.inf
    above[:15] = np.where(above[:15] > 0.25, above[:15], np.inf)
    plan = Plan(top=1, tail=9, above=above, sizes=(60, 2000))
    check(search(probes, gallery, plan, screen=screen, shape=Shape(20, tile)), scores, plan)


@pytest.mark.parametrize("screen", PRECISIONS)
def test_a_collapsed_model_whose_scores_are_all_nearly_one(screen):
    random = np.random.default_rng(7)
    x = 1 + 1e-4 * random.standard_normal((400, 32))
    x[100:200] = x[0]
    probes, gallery = Vectors(x[:40].astype(np.float32)), Vectors(x.astype(np.float32))
    scores = all_scores(probes, gallery, True)
    plan = Plan(top=3, tail=30, above=np.median(scores, axis=1)[:, None], bins=BINS)
    check(search(probes, gallery, plan, screen=screen), scores, plan)


def test_all_scores_below_zero():
    random = np.random.default_rng(8)
    x = np.abs(random.standard_normal((300, 20))).astype(np.float32)
    probes, gallery = Vectors(-x[:30]), Vectors(x)
    scores = all_scores(probes, gallery, True)
    plan = Plan(top=5, tail=40, above=np.median(scores, axis=1)[:, None])
    check(search(probes, gallery, plan, shape=Shape(30, 100)), scores, plan)


def numbers(found: Found) -> list[bytes]:
    """All bytes of a result, save how it was come by."""
    arrays = [found.top.score, found.top.row, found.tail.score, found.tail.probe, found.tail.row]
    arrays += [found.counts.above, found.counts.equal, found.histogram, np.int64(found.impostors)]
    return [array.tobytes().hex() for array in arrays]


def whole_run(state: str | None = None, screen: str = "bfloat16", tile: int = 40) -> list[str]:
    x = Vectors(messy(200, 24, 9), zeros="keep")
    label = people_of(200, 10)
    plan = Plan(top=3, tail=70, above=np.array([0.1, 0.5]), bins=BINS, sizes=(20, 90))
    how = {"pairs": "others", "shape": Shape(panel=60, tile=tile), "state": state}
    return numbers(search(x, x, plan, labels=(label, label), screen=screen, **how))


@pytest.mark.parametrize("screen", PRECISIONS)
@pytest.mark.parametrize("ranks", [2, 3])
def test_any_number_of_ranks_finds_the_same_bytes(ranks, screen):
    assert run_processes(ranks, whole_run, None, screen, 25) == [whole_run()] * ranks


class _Killed(BaseException):
    pass


@pytest.mark.parametrize("tiles", [1, 7, 19])
def test_a_run_that_was_killed_goes_on(tmp_path, monkeypatch, tiles):
    wanted = whole_run()
    monkeypatch.setattr(engine, "SAVE_EVERY", 0.0)
    made = []
    original = engine.Tile

    def counted(*args):
        made.append(1)
        if len(made) == tiles + 1:
            raise _Killed
        return original(*args)

    monkeypatch.setattr(engine, "Tile", counted)
    with pytest.raises(_Killed):
        whole_run(str(tmp_path))
    assert len(list(tmp_path.iterdir())) == 1
    assert whole_run(str(tmp_path)) == wanted
    assert len(made) == 1 + 4 * 7  # panels x tiles, and the one that failed
    assert not list(tmp_path.iterdir())


def test_a_note_of_other_inputs_is_not_used_and_a_broken_one_is_named(tmp_path, monkeypatch):
    x = Vectors(messy(30, 8, 0), zeros="keep")
    monkeypatch.setattr(engine, "SAVE_EVERY", 0.0)
    monkeypatch.setattr(engine.Restart, "forget", lambda self: None)
    plan = Plan(top=2)
    search(x, x, plan, state=str(tmp_path))
    (note,) = tmp_path.iterdir()
    other = Vectors(messy(30, 8, 1), zeros="keep")
    found = search(other, other, plan, state=str(tmp_path))
    assert np.array_equal(found.top.score, search(other, other, plan).top.score)
    assert len(list(tmp_path.iterdir())) == 2
    note.write_bytes(note.read_bytes()[:100])
    with pytest.raises(ValueError, match="not a note of this run"):
        search(x, x, plan, state=str(tmp_path))


def test_genuine_pairs_are_those_of_equal_label():
    label = np.array([5, 2, 5, 9, 2, 5])
    i, j = genuine_pairs(label)
    assert list(zip(i.tolist(), j.tolist())) == [(1, 4), (0, 2), (0, 5), (2, 5)]
    assert [len(side) for side in genuine_pairs(np.arange(4))] == [0, 0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"plan": lambda: Plan(top=-1)}, "top -1: expected 0 or more"),
        ({"plan": lambda: Plan(above=np.array([np.nan]))}, "a threshold is NaN"),
        ({"plan": lambda: Plan(sizes=(5, 5))}, r"gallery sizes \(5, 5\)"),
        ({"plan": lambda: Plan(sizes=(0, 5))}, r"gallery sizes \(0, 5\)"),
        ({"plan": lambda: Plan(sizes=(99,))}, "gallery size 99 asked for, but there are 12 rows"),
        ({"plan": lambda: Plan(above=np.zeros((3, 1)))}, "thresholds .3, 1."),
        ({"labels": (np.arange(12), np.arange(3))}, r"12 rows, but labels \(3,\)"),
        ({"pairs": "twice"}, "pairs 'twice': expected all, others or once"),
        ({"pairs": "once", "gallery": 5}, "5 rows, embeddings has 12"),
        ({"screen": "float16"}, "screening in 'float16': expected one of bfloat16"),
        ({"shape": (0, 5)}, "expected at least one row each"),
    ],
)
def test_what_does_not_fit_is_refused(change, message):
    x = Vectors(messy(12, 4, 0), zeros="keep")
    gallery = x.head(change.pop("gallery", 12))
    with pytest.raises(ValueError, match=message) as error:
        if "shape" in change:
            change["shape"] = Shape(*change["shape"])
        plan = change.pop("plan", lambda: Plan(top=1))()
        search(x, gallery, plan, **change)
    assert "\n" not in str(error.value)


def test_threads_change_nothing():
    one = whole_run()
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert whole_run() == one
    finally:
        torch.set_num_threads(threads)
