"""Partial FC and the head's optimisers against dense float64 references and torch's own."""

import pytest
import torch
import torch.nn.functional as F

from models import comm
from models.head.optimiser import HeadAdamW, HeadSGD
from models.head.sampling import draw_rows
from models.head.sharded_head import ShardedHead
from models.losses import SVAM, Coco, Softmax, Virtual
from tests.dist import run_processes
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


SAMPLED = {"sv_am": SVAM(scale=8.0, margin=0.2), "virtual": Virtual(), "coco": Coco(alpha=6.0)}


def sampled(classes, step):
    """Loss and gradients of this rank's rows, with the rows (as classes) that it drew."""
    x, y = batch(step, classes, n=12)
    n = 12 // comm.world_size()
    mine = slice(comm.rank() * n, (comm.rank() + 1) * n)
    answers = {}
    for name, loss in SAMPLED.items():
        head = ShardedHead(classes, 5, seed=2, std=1.0, sample_rate=0.3, chunk=4, **F64)
        emb = x[mine].clone().requires_grad_()
        value, *_ = head(emb, y[mine], loss, step=step)
        value.backward()
        answers[name] = [
            value.detach(), emb.grad, head.rows_r + head.start, head.drawn_rD.grad,
            head.drawn_rD.detach(),
        ]  # fmt: skip
    return answers


@pytest.mark.parametrize("world", [1, 2, 3])
def test_a_sampled_step_is_the_dense_loss_over_the_drawn_classes(world):
    x, y = batch(3, 41, n=12)
    ranks = run_processes(world, sampled, 41, 3)
    settings = {"sv_am": {"scale": 8.0, "margin": 0.2, "t": 1.2}, "coco": {"alpha": 6.0}}
    for name in SAMPLED:
        rows, weight = (torch.cat([r[name][k] for r in ranks]) for k in (2, 4))
        emb, weight = x.clone().requires_grad_(), weight.clone().requires_grad_()
        column = torch.searchsorted(rows, y)
        loss = dense_loss(name, emb, weight, column, **settings.get(name, {}))
        loss.backward()
        for rank in ranks:
            torch.testing.assert_close(rank[name][0], loss.detach(), rtol=0, atol=1e-9)
        for k, expected in ((1, emb.grad), (3, weight.grad)):
            got = torch.cat([rank[name][k] for rank in ranks])
            torch.testing.assert_close(got, expected, rtol=0, atol=1e-9)


def test_the_draw_repeats_differs_by_step_and_is_uniform():
    positive = torch.tensor([5, 9, 5, 70])
    rows = draw_rows(positive, 100, 0.2, seed=1)
    assert (
        rows.shape[0] == 20 and rows.unique().shape[0] == 20 and torch.equal(rows.sort()[0], rows)
    )
    assert torch.isin(torch.tensor([5, 9, 70]), rows).all()
    assert torch.equal(rows, draw_rows(positive, 100, 0.2, seed=1))
    assert not torch.equal(rows, draw_rows(positive, 100, 0.2, seed=2))
    for rate, seeds in ((0.1, 4000), (0.7, 1000)):  # by retries and by a shuffle
        hits = torch.zeros(50)
        for seed in range(seeds):
            hits[draw_rows(torch.tensor([0]), 50, rate, seed)] += 1
        others = hits[1:] / seeds
        expected = (int(rate * 50) - 1) / 49
        assert hits[0] == seeds
        assert (others - expected).abs().max() < 5 * (expected * (1 - expected) / seeds) ** 0.5


def test_more_positives_than_the_budget_are_all_kept():
    rows = draw_rows(torch.arange(30), 100, 0.1, seed=0)
    assert torch.equal(rows, torch.arange(30))


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
