"""Every loss at the edges of numbers, in float32, against the dense float64 reference."""

from dataclasses import asdict, replace

import pytest
import torch

from models.head.sharded_head import ShardedHead
from models.losses import LOSSES, Circle
from tests.models.cases import CASES, problem
from tests.models.reference import dense_loss


def strong(name):
    """The loss at s = 64, t = 1.2 where it has them, and the reference's settings."""
    loss = LOSSES[name](alpha=64.0) if name == "coco" else LOSSES[name]()
    fields = asdict(loss)
    if "scale" in fields and not isinstance(loss, Circle):
        loss = replace(loss, scale=64.0)
    return loss, asdict(loss)


AXES = torch.tensor([[1.0, 0.0], [0.0, 2.0], [-0.5, 0.0], [0.0, -1.0]])
POINTS = torch.tensor([[0.0, 0.0], [3.0, 0.0], [-2.0, 0.0], [1e4, 1e4], [0.0, 1e-15], [0.3, 0.4]])


def head_on(loss, emb, weight, labels, product_dtype=None):
    """The loss and gradients in the dtype of what is given, and the numbers drawn."""
    shape = weight.shape
    head = ShardedHead(*shape, dtype=weight.dtype, product_dtype=product_dtype)
    head.weight_cD.data.copy_(weight)
    emb = emb.clone().requires_grad_()
    value, *_ = head(emb, labels, loss)
    value.backward()
    return value.detach(), emb.grad, head.weight_cD.grad, head._draws(labels, 0).double()


def check_extreme(loss, name, settings, emb, weight, labels):
    value, grad_emb, grad_weight, draw = head_on(loss, emb, weight, labels)
    assert value.isfinite() and grad_emb.isfinite().all() and grad_weight.isfinite().all()
    wide = emb.double(), weight.double()
    right = dense_loss(name, *wide, labels, draw=draw, **settings)
    # float32's digits at the largest logit, 64 or the product of the norms
    norms = 1 if loss.normalise_x else emb.norm(dim=1).max() * weight.norm(dim=1).max()
    torch.testing.assert_close(value.double(), right, rtol=1e-5, atol=2e-5 + 2e-6 * float(norms))
    return grad_emb


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_cosines_of_1_and_minus_1_zero_and_huge_embeddings(name):
    loss, settings = strong(name)
    for label in range(len(AXES)):
        labels = torch.full((len(POINTS),), label)
        grad = check_extreme(loss, name, settings, POINTS, AXES, labels)
        assert (grad[0] == 0).all() or not loss.normalise_x
        for one in range(len(POINTS)):  # a single sample, so that none hides behind another
            check_extreme(loss, name, settings, POINTS[one : one + 1], AXES, labels[:1])


@pytest.mark.parametrize("name", sorted(LOSSES))
@pytest.mark.parametrize("off", [1e-2, 1e-4])
def test_gradients_close_to_cosines_of_1_and_minus_1(name, off):
    loss, settings = strong(name)
    weight = torch.eye(3, dtype=torch.float64)
    emb = torch.tensor([[5, off, 0], [-8, off, off], [off, -off, 3]], dtype=torch.float64)
    labels = torch.tensor([0, 0, 1])
    *got, draw = head_on(loss, emb, weight, labels)
    emb.requires_grad_(), weight.requires_grad_()
    right = dense_loss(name, emb, weight, labels, draw=draw, **settings)
    right.backward()
    for value, wanted in zip(got, (right.detach(), emb.grad, weight.grad)):
        torch.testing.assert_close(value, wanted, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", sorted(LOSSES))
@pytest.mark.parametrize("label", [0, 1], ids=["cosine 1", "cosine -1"])
def test_gradients_at_cosines_of_1_and_minus_1(name, label):
    """Margins on the angle have a cone's tip there: the gradient is the mean of those around it."""
    loss, settings = strong(name)
    emb = torch.tensor([[1.5, 0.0]], dtype=torch.float64)
    weight = torch.tensor([[1.0, 0.0], [-2.0, 0.0], [0.0, 0.7]], dtype=torch.float64)
    labels = torch.tensor([label])
    *got, draw = head_on(loss, emb, weight, labels)
    around = []
    for side in (1e-5, -1e-5):
        x = (emb + torch.tensor([0, side])).requires_grad_()
        w = weight.clone().requires_grad_()
        right = dense_loss(name, x, w, labels, draw=draw, **settings)
        around.append((right.detach(), *torch.autograd.grad(right, (x, w))))
    for value, *sides in zip(got, *around):
        torch.testing.assert_close(value, sum(sides) / 2, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_one_class(name):
    loss, settings = strong(name)
    labels = torch.zeros(len(POINTS), dtype=torch.int64)
    check_extreme(loss, name, settings, POINTS, AXES[:1], labels)


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_logits_near_the_limit_of_float32(name):
    loss, settings = strong(name)
    emb, weight = torch.tensor([[1e18, 0.0], [6e17, 8e17]]), torch.eye(2) * 1e19
    for field in ("scale", "alpha"):
        if field in settings and loss.normalise_w:
            loss = replace(loss, **{field: 1e37 if loss.normalise_x else 1e19})
            settings = asdict(loss)
    value, grad_emb, grad_weight, draw = head_on(loss, emb, weight, torch.tensor([1, 0]))
    assert value.isfinite() and grad_emb.isfinite().all() and grad_weight.isfinite().all()
    right = dense_loss(
        name, emb.double(), weight.double(), torch.tensor([1, 0]), draw=draw, **settings
    )
    torch.testing.assert_close(value.double(), right, rtol=1e-5, atol=0)


@pytest.mark.parametrize("name", sorted(CASES))
def test_float32_and_bfloat16_products(name):
    """Relative errors of loss and gradients: 2e-5 in float32, 3e-2 with products in bfloat16."""
    loss, settings = CASES[name]
    emb, weight, labels = problem()
    draw = ShardedHead(1, 1)._draws(labels, 0).double()
    emb.requires_grad_(), weight.requires_grad_()
    right = dense_loss(name, emb, weight, labels, draw=draw, **settings)
    right.backward()
    for tolerance, product_dtype in ((2e-5, None), (3e-2, torch.bfloat16)):
        got = head_on(loss, emb.detach().float(), weight.detach().float(), labels, product_dtype)
        for value, wanted in zip(got, (right.detach(), emb.grad, weight.grad)):
            error = (value.double() - wanted).norm() / wanted.norm()
            assert error < tolerance, (product_dtype, error)
