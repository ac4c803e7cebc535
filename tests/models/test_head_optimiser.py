"""Partial FC and the head's optimisers against dense float64 references and torch's own."""

from itertools import product

import pytest
import torch
import torch.nn.functional as F

from models import comm
from models.head import sampling
from models.head.optimiser import HeadAdamW, HeadSGD
from models.head.sampling import draw_rows
from models.head.sharded_head import ShardedHead
from models.head.sharding import class_range
from models.losses import SVAM, Coco, Softmax
from tests.dist import run_processes
from tests.models import cases
from tests.models.reference import dense_loss

F64 = {"dtype": torch.float64}


def batch(step, classes, n=8, dim=5):
    generator = torch.Generator().manual_seed(step)
    x = torch.randn(n, dim, generator=generator, **F64)
    return x, torch.randint(classes, (n,), generator=generator)


@pytest.mark.parametrize("kind", ["sgd", "adamw"])
def test_the_whole_head_moves_as_torchs_optimiser_moves_it(kind):
    head = ShardedHead(7, 5, seed=1, std=1.0, **F64)
    twin = torch.nn.Parameter(head.weight_cD.detach().clone())
    if kind == "sgd":
        ours = HeadSGD(head, momentum=0.9, weight_decay=0.01)
        theirs = torch.optim.SGD([twin], lr=0.1, momentum=0.9, weight_decay=0.01)
    else:
        ours = HeadAdamW(head, weight_decay=0.01)
        theirs = torch.optim.AdamW([twin], lr=0.1, weight_decay=0.01)
    for step in range(5):
        x, y = batch(step, 7)
        head(x.requires_grad_(), y, Softmax())[0].backward()
        ours.step(0.1)
        theirs.zero_grad()
        F.cross_entropy(x.detach() @ twin.T, y).backward()
        theirs.step()
    torch.testing.assert_close(head.weight_cD.detach(), twin.detach(), rtol=0, atol=1e-12)


@pytest.mark.parametrize("make", [HeadSGD, HeadAdamW])
def test_undrawn_rows_do_not_move_at_all_and_drawn_ones_as_if_alone(make):
    extra = {"momentum": 0.9} if make is HeadSGD else {}
    head = ShardedHead(60, 5, seed=1, std=1.0, sample_rate=0.2, **F64)
    optimiser = make(head, weight_decay=0.1, **extra)
    for step in range(6):
        x, y = batch(step, 60)
        before = head.weight_cD.detach().clone()
        states = {name: t.clone() for name, t in optimiser.state.items()}
        head(x.requires_grad_(), y, SVAM(scale=8.0), step=step)[0].backward()
        rows = head.rows_r
        assert rows.shape[0] == 12 and torch.isin(y, rows).all()
        # a small head of these classes alone, with their part of the state, must move alike
        small = ShardedHead(12, 5, **F64)
        small.weight_cD.data.copy_(before[rows])
        twin = make(small, weight_decay=0.1, **extra)
        for name, values in states.items():
            twin.state[name].copy_(values[rows])
        small(x.detach(), torch.searchsorted(rows, y), SVAM(scale=8.0))[0].backward()
        optimiser.step(0.1), twin.step(0.1)
        still = torch.ones(60, dtype=torch.bool)
        still[rows] = False
        torch.testing.assert_close(head.weight_cD.detach()[rows], small.weight_cD.detach())
        assert torch.equal(head.weight_cD.detach()[still], before[still])
        for name, values in optimiser.state.items():
            assert torch.equal(values[still], states[name][still])
            torch.testing.assert_close(values[rows], twin.state[name])


def sampled():
    """{"chunk what": loss, gradients, drawn classes} of a step of each loss over some classes."""
    emb, weight, labels = cases.problem()
    n = cases.BATCH // comm.world_size()
    mine = slice(comm.rank() * n, (comm.rank() + 1) * n)
    answers = {}
    for chunk, (what, (_, loss, _, reduction)) in product((1, 7, 100), cases.VARIANTS.items()):
        head = ShardedHead(cases.NUM_CLASSES, cases.DIM, sample_rate=0.6, chunk=chunk, **F64)
        head.weight_cD.data.copy_(weight[head.start : head.end])
        x = emb[mine].clone().requires_grad_()
        how = cases.reduction_of(*reduction)
        value, *_ = head(x, labels[mine], loss, reduction=how, step=3)
        value.backward()
        drawn = head.drawn_rD
        answers[f"{chunk} {what}"] = [value.detach(), x.grad, drawn.grad, head.rows_r + head.start]
    return answers


@pytest.mark.parametrize("world", [1, 2, 3, 4])
def test_a_sampled_step_of_every_loss_is_the_dense_loss_over_the_drawn_classes(world):
    emb, weight, labels = cases.problem()
    draw = ShardedHead(cases.NUM_CLASSES, cases.DIM, **F64)._draws(labels, step=3)
    ranks, one = run_processes(world, sampled), sampled()
    for what in ranks[0]:
        name, _, settings, reduction = cases.VARIANTS[what.split(" ", 1)[1]]
        rows = torch.cat([rank[what][3] for rank in ranks])
        assert len(rows) < cases.NUM_CLASSES and torch.isin(labels, rows).all()
        assert torch.equal(rows, one[what][3])
        x, w = emb.clone().requires_grad_(), weight[rows].clone().requires_grad_()
        column = torch.searchsorted(rows, labels)
        loss = dense_loss(name, x, w, column, draw, reduction, **settings)
        loss.backward()
        for rank in ranks:
            torch.testing.assert_close(rank[what][0], loss.detach(), rtol=0, atol=1e-9, msg=what)
        for place, expected in ((1, x.grad), (2, w.grad)):
            got = torch.cat([rank[what][place] for rank in ranks])
            torch.testing.assert_close(got, expected, rtol=0, atol=1e-9, msg=what)


def whole(positive, classes, rate, seed):
    return draw_rows(torch.as_tensor(positive), classes, rate, seed, start=0, end=classes)


def test_the_draw_repeats_differs_by_step_and_is_uniform():
    positive = torch.tensor([5, 9, 5, 70])
    rows = whole(positive, 100, 0.2, 1)
    assert rows.shape[0] == 20 and torch.equal(rows, rows.unique())
    assert torch.isin(torch.tensor([5, 9, 70]), rows).all()
    assert torch.equal(rows, whole(positive, 100, 0.2, 1))
    assert not torch.equal(rows, whole(positive, 100, 0.2, 2))
    for rate, seeds in ((0.1, 4000), (0.7, 1000)):
        hits = torch.zeros(50)
        for seed in range(seeds):
            hits[whole([0], 50, rate, seed)] += 1
        others = hits[1:] / seeds
        expected = (int(rate * 50) - 1) / 49
        assert hits[0] == seeds
        assert (others - expected).abs().max() < 5 * (expected * (1 - expected) / seeds) ** 0.5


def test_more_positives_than_the_budget_are_all_kept():
    assert torch.equal(whole(torch.arange(30), 100, 0.1, 0), torch.arange(30))


@pytest.mark.parametrize("block", [7, 64, 1 << 15])
def test_the_draw_is_the_same_on_any_number_of_ranks(monkeypatch, block):
    monkeypatch.setattr(sampling, "_BLOCK", block)
    labels = torch.tensor([3, 0, 99, 50, 50])
    alone = whole(labels, 100, 0.25, 4)
    if block > 100:
        assert len(alone) == 25
    for world in (2, 3, 8):
        parts = []
        for rank in range(world):
            start, end = class_range(100, rank, world)
            parts.append(start + draw_rows(labels, 100, 0.25, 4, start=start, end=end))
        assert torch.equal(torch.cat(parts), alone)


def test_blocks_share_the_classes_wanted_and_draw_apart(monkeypatch):
    monkeypatch.setattr(sampling, "_BLOCK", 10)
    rows = whole(torch.zeros(0, dtype=torch.int64), 95, 0.33, 6)
    assert len(rows) == int(0.33 * 95)
    assert {len(rows[(rows >= low) & (rows < low + 10)]) for low in range(0, 90, 10)} == {3, 4}
    inside = [tuple((rows[rows // 10 == block] % 10).tolist()) for block in range(9)]
    assert len(set(inside)) > 4


def test_projected_centroids_follow_the_authors_update():
    """W stays of unit length; its gradient is s sum_i (p - t) x_i, without a Jacobian."""
    head = ShardedHead(6, 5, seed=3, projected=True, **F64)
    optimiser = HeadSGD(head, momentum=0.9, weight_decay=0.01)
    weight, velocity = head.weight_cD.detach().clone(), torch.zeros(6, 5, **F64)
    for step in range(4):
        x, y = batch(step, 6)
        unit = F.normalize(x)
        p = (4.0 * unit @ weight.T).softmax(1) - F.one_hot(y, 6)
        velocity = 0.9 * velocity + 4.0 * p.T @ unit / len(y) + 0.01 * weight
        weight = F.normalize(weight - 0.1 * velocity)
        head(x.requires_grad_(), y, Coco(alpha=4.0))[0].backward()
        optimiser.step(0.1)
        torch.testing.assert_close(head.weight_cD.detach(), weight, rtol=0, atol=1e-12)
