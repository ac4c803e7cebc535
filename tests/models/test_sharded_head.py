"""The sharded, chunked head against a dense float64 reference: loss and both gradients."""

import math

import pytest
import torch
from torch import nn

from models import comm
from models.head.sharded_head import ShardedHead
from models.losses import AM, LOSSES, SVAM, Arc, Coco, Softmax, SVArc, SVSoftmax, Virtual
from tests.dist import run_processes
from tests.models.reference import dense_loss

CASES = {
    "softmax": (Softmax(), {}),
    "am": (AM(scale=16.0, margin=0.3), {"scale": 16.0, "margin": 0.3}),
    "arc": (Arc(scale=16.0, margin=0.4), {"scale": 16.0, "margin": 0.4}),
    "sv": (SVSoftmax(scale=16.0, t=1.2), {"scale": 16.0, "t": 1.2}),
    "sv_am": (SVAM(scale=16.0, margin=0.3, t=1.2), {"scale": 16.0, "margin": 0.3, "t": 1.2}),
    "sv_arc": (SVArc(scale=16.0, margin=0.4, t=1.2), {"scale": 16.0, "margin": 0.4, "t": 1.2}),
    "virtual": (Virtual(), {}),
    "coco": (Coco(num_classes=13), {"scale": 0.5 * math.log(12) + 3}),
}
NUM_CLASSES, DIM, BATCH = 13, 6, 12  # 13 over 2, 3, 4 ranks is uneven; 12 divides by 1, 2, 3, 4


def problem():
    generator = torch.Generator().manual_seed(7)
    emb = torch.randn(BATCH, DIM, generator=generator, dtype=torch.float64)
    weight = torch.randn(NUM_CLASSES, DIM, generator=generator, dtype=torch.float64)
    # every label in the first third: with 3 or 4 ranks some rank owns no label at all
    labels = torch.randint(0, 4, (BATCH,), generator=generator)
    emb[: BATCH // 2] += 4 * weight[labels[: BATCH // 2]]  # easy ones among the hard
    return emb, weight, labels


def of_reference(name):
    emb, weight, labels = problem()
    emb.requires_grad_(), weight.requires_grad_()
    loss = dense_loss(name, emb, weight, labels, **CASES[name][1])
    loss.backward()
    return loss.detach(), emb.grad, weight.grad


def of_head(chunk):
    """{name: (loss, this rank's embedding gradient, this rank's weight gradient)}"""
    emb, weight, labels = problem()
    n = BATCH // comm.world_size()
    mine = slice(comm.rank() * n, (comm.rank() + 1) * n)
    answers = {}
    for name, (loss, _) in CASES.items():
        head = ShardedHead(NUM_CLASSES, DIM, chunk=chunk, dtype=torch.float64)
        head.weight_cD.data.copy_(weight[head.start : head.end])
        emb_nD = emb[mine].clone().requires_grad_()
        value, *_ = head(emb_nD, labels[mine], loss)
        value.backward()
        answers[name] = (value.detach(), emb_nD.grad, head.weight_cD.grad)
    return answers


def test_every_loss_of_the_table_has_a_case():
    assert set(CASES) == set(LOSSES)


@pytest.mark.parametrize("world", [1, 2, 3, 4])
@pytest.mark.parametrize("chunk", [1, 7, NUM_CLASSES])
def test_loss_and_gradients_equal_the_dense_reference(world, chunk):
    ranks = run_processes(world, of_head, chunk)
    for name in CASES:
        loss, grad_emb, grad_weight = of_reference(name)
        for value, _, _ in (rank[name] for rank in ranks):
            torch.testing.assert_close(value, loss, rtol=0, atol=1e-9, msg=name)
        got_emb = torch.cat([rank[name][1] for rank in ranks])
        got_weight = torch.cat([rank[name][2] for rank in ranks])
        torch.testing.assert_close(got_emb, grad_emb, rtol=0, atol=1e-9, msg=name)
        torch.testing.assert_close(got_weight, grad_weight, rtol=0, atol=1e-9, msg=name)


def test_the_problem_has_hard_and_easy_negatives():
    emb, weight, labels = problem()
    cos = nn.functional.normalize(emb) @ nn.functional.normalize(weight).T
    hard = (cos > cos.gather(1, labels[:, None]) - 0.3).sum(1) - 1  # less the target itself
    assert hard.min() == 1 and hard.max() == NUM_CLASSES - 1


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
