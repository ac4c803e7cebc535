"""The sharded, chunked head against a dense float64 reference: loss and both gradients."""

import pytest
import torch
from torch import nn

from models import comm
from models.head import sharded_ce
from models.head.sharded_head import ShardedHead
from models.losses import AM, LOSSES
from tests.dist import run_processes
from tests.models.cases import (
    BATCH,
    CASES,
    DIM,
    NUM_CLASSES,
    VARIANTS,
    of_reference,
    problem,
    reduction_of,
)

CHUNKS = (1, 7, NUM_CLASSES)


def of_head():
    """{"chunk what": (loss, this rank's embedding gradient, this rank's weight gradient)}"""
    emb, weight, labels = problem()
    n = BATCH // comm.world_size()
    mine = slice(comm.rank() * n, (comm.rank() + 1) * n)
    answers = {}
    for chunk in CHUNKS:
        head = ShardedHead(NUM_CLASSES, DIM, chunk=chunk, dtype=torch.float64)
        head.weight_cD.data.copy_(weight[head.start : head.end])
        for what, (_, loss, _, reduction) in VARIANTS.items():
            emb_nD = emb[mine].clone().requires_grad_()
            head.weight_cD.grad = None
            value, *_ = head(emb_nD, labels[mine], loss, reduction=reduction_of(*reduction))
            value.backward()
            answers[f"{chunk} {what}"] = (value.detach(), emb_nD.grad, head.weight_cD.grad)
    return answers


@pytest.fixture(scope="module")
def references():
    """{what: (loss, gradients)} with the numbers that a head of seed 0 draws at step 0."""
    head = ShardedHead(NUM_CLASSES, DIM, dtype=torch.float64)
    draw = head._draws(problem()[2], step=0)
    return {what: of_reference(what, draw) for what in VARIANTS}


def test_every_loss_of_the_table_has_a_case():
    assert set(CASES) == set(LOSSES)


@pytest.mark.parametrize("world", [1, 2, 3, 4])
def test_loss_and_gradients_equal_the_dense_reference(world, references):
    ranks = run_processes(world, of_head)
    for key in ranks[0]:
        loss, grad_emb, grad_weight = references[key.split(" ", 1)[1]]
        for value, _, _ in (rank[key] for rank in ranks):
            torch.testing.assert_close(value, loss, rtol=0, atol=1e-9, msg=key)
        got_emb = torch.cat([rank[key][1] for rank in ranks])
        got_weight = torch.cat([rank[key][2] for rank in ranks])
        torch.testing.assert_close(got_emb, grad_emb, rtol=0, atol=1e-9, msg=key)
        torch.testing.assert_close(got_weight, grad_weight, rtol=0, atol=1e-9, msg=key)


def test_the_problem_has_what_is_to_be_tested():
    emb, weight, labels = problem()
    cos = nn.functional.normalize(emb) @ nn.functional.normalize(weight).T
    own = cos.gather(1, labels[:, None])
    hard = (cos > own - 0.3).sum(1) - 1  # less the target itself
    assert hard.min() == 1 and hard.max() == NUM_CLASSES - 1
    assert own.min() < -0.95 and own.max() > 0.9  # past every margin, and easy
    assert (emb.norm(dim=1) < 2).any() and (emb.norm(dim=1) > 6.5).any()  # MagFace's bounds


def backbone_gradient():
    emb, weight, labels = problem()
    torch.manual_seed(0)
    backbone = nn.Linear(DIM, DIM).double()
    wrapped = comm.replicate(backbone, torch.device("cpu"))
    head = ShardedHead(NUM_CLASSES, DIM, dtype=torch.float64)
    head.weight_cD.data.copy_(weight[head.start : head.end])
    n = BATCH // comm.world_size()
    mine = slice(comm.rank() * n, (comm.rank() + 1) * n)
    loss, *_ = head(comm.undo_average(wrapped(emb[mine])), labels[mine], CASES["sv_am"][0])
    loss.backward()
    return backbone.weight.grad


def test_the_gradient_under_ddp_is_that_of_the_global_mean():
    alone = run_processes(1, backbone_gradient)[0]
    for gradient in run_processes(3, backbone_gradient):
        torch.testing.assert_close(gradient, alone, rtol=0, atol=1e-12)


def head_weights(num_classes):
    head = ShardedHead(num_classes, 3, seed=5)
    return head.weight_cD.detach()


@pytest.mark.parametrize("num_classes", [2, 2500])  # fewer classes than ranks; more than a block
def test_initial_weights_do_not_depend_on_the_number_of_ranks(num_classes):
    whole = run_processes(1, head_weights, num_classes)[0]
    assert torch.equal(torch.cat(run_processes(3, head_weights, num_classes)), whole)
    assert whole.unique(dim=0).shape[0] == num_classes


def more_ranks_than_classes():
    head = ShardedHead(2, 3, dtype=torch.float64)
    emb = torch.full((1, 3), 1.0 + comm.rank(), dtype=torch.float64, requires_grad=True)
    value, *_ = head(emb, torch.tensor([comm.rank() % 2]), AM())
    value.backward()
    return value.item(), bool(emb.grad.isfinite().all())


def test_a_rank_without_classes():
    answers = run_processes(3, more_ranks_than_classes)
    assert len({value for value, _ in answers}) == 1 and all(finite for _, finite in answers)


@pytest.mark.parametrize("name", sorted(CASES))
def test_extremes_stay_finite(name):
    """Zero embeddings, cosines of exactly 1 and -1, large norms, in float32."""
    loss = CASES[name][0]
    emb = torch.tensor([[0.0, 0.0], [3.0, 0.0], [-2.0, 0.0], [1e4, 1e4]], requires_grad=True)
    head = ShardedHead(2, 2)
    head.weight_cD.data.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
    value, *_ = head(emb, torch.tensor([0, 0, 0, 1]), loss)
    value.backward()
    assert value.isfinite() and emb.grad.isfinite().all()
    assert head.weight_cD.grad.isfinite().all()
    assert (emb.grad[0] == 0).all() or not loss.normalise_x


@pytest.mark.parametrize("kept", [0, 1000, 1 << 26])
def test_what_is_kept_for_the_backward_pass_changes_nothing(kept, monkeypatch):
    """No, some and all products kept, for the plain chunks of one process."""
    monkeypatch.setattr(sharded_ce, "KEPT_BYTES", kept)
    emb, weight, labels = problem()
    head = ShardedHead(NUM_CLASSES, DIM, chunk=2, dtype=torch.float64)
    head.weight_cD.data.copy_(weight)
    _, grad_emb, grad_weight = of_reference("sv_am", None)
    x = emb.clone().requires_grad_()
    value, *_ = head(x, labels, CASES["sv_am"][0])
    value.backward(retain_graph=True)
    torch.testing.assert_close(x.grad, grad_emb, rtol=0, atol=1e-9)
    torch.testing.assert_close(head.weight_cD.grad, grad_weight, rtol=0, atol=1e-9)
    value.backward()  # once more: what was kept is used up, all is computed again
    torch.testing.assert_close(x.grad, 2 * grad_emb, rtol=0, atol=1e-9)
