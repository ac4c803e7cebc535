"""Identities between losses, conventions of the papers, and refusals."""

import math

import pytest
import torch

from models.head.sharded_head import ShardedHead
from models.lookup import lookup
from models.losses import AM, LOSSES, SVAM, Arc, Coco, SVArc, SVSoftmax, Virtual


def cosines(n=40, c=9, seed=0):
    generator = torch.Generator().manual_seed(seed)
    sim = torch.rand(n, c, generator=generator, dtype=torch.float64) * 2 - 1
    index = torch.randint(0, c, (n,), generator=generator)
    owned = torch.ones(n, dtype=torch.bool)
    return sim, sim.gather(1, index[:, None])[:, 0], index, owned


def test_sv_at_t_1_is_the_base_loss_bit_for_bit():
    args = cosines()
    assert torch.equal(
        SVAM(t=1.0, margin=0.2).logits(*args), AM(scale=30, margin=0.2).logits(*args)
    )
    assert torch.equal(
        SVArc(t=1.0, scale=64, margin=0.5).logits(*args), Arc(margin=0.5).logits(*args)
    )


def test_sv_x_without_margin_is_sv_and_am_without_margin_is_normface():
    args = cosines()
    assert torch.equal(SVAM(margin=0.0).logits(*args), SVSoftmax().logits(*args))
    assert torch.equal(SVArc(margin=0.0).logits(*args), SVSoftmax().logits(*args))
    assert torch.equal(AM(margin=0.0, scale=21.475).logits(*args), Coco(alpha=21.475).logits(*args))


def test_a_tie_is_an_easy_negative_and_the_target_is_never_hard():
    sim = torch.tensor([[0.5, 0.5, 0.6]], dtype=torch.float64)
    target, index, owned = sim[:, 0], torch.tensor([0]), torch.tensor([True])
    logits = SVSoftmax(scale=1.0, t=1.2).logits(sim, target, index, owned)
    torch.testing.assert_close(
        logits, torch.tensor([[0.5, 0.5, 1.2 * 0.6 + 0.2]], dtype=torch.float64)
    )


def test_no_argument_is_changed():
    for name, kind in LOSSES.items():
        loss = kind(alpha=8.0) if name == "coco" else kind()
        args = cosines()
        before = [a.clone() for a in args]
        loss.logits(*args)
        assert all(torch.equal(a, b) for a, b in zip(args, before)), name


def test_arc_is_monotone_over_the_whole_circle_and_has_the_exact_slope():
    cos = torch.linspace(-1, 1, 4001, dtype=torch.float64, requires_grad=True)
    loss = Arc(margin=0.5)
    value = loss.margined(cos)
    assert (value.diff() > 0).all()
    value.sum().backward()
    assert cos.grad.isfinite().all()
    inside = slice(1000, 3900)
    theta = torch.acos(cos.detach()[inside])
    torch.testing.assert_close(
        cos.grad[inside], torch.sin(theta + 0.5) / torch.sin(theta), rtol=1e-9, atol=0
    )


def test_cocos_alpha_is_the_papers():
    for classes, alpha in [(10, 4.10), (10_575, 7.63), (87_020, 8.69)]:  # papers' table
        assert Coco(num_classes=classes).scale == pytest.approx(alpha, abs=0.005)


def test_virtual_is_never_below_log_2():
    torch.manual_seed(0)
    head = ShardedHead(5, 8, std=10.0, dtype=torch.float64)
    aligned = head.weight_cD.detach() * 50  # as well as can be: the bound itself
    value, *_ = head(aligned, torch.arange(5), Virtual())
    assert value.item() == pytest.approx(math.log(2), abs=1e-9)
    value, *_ = head(torch.randn(5, 8, dtype=torch.float64), torch.arange(5), Virtual())
    assert value.item() > math.log(2)


def test_eased_margins_run_from_none_to_whole():
    loss = SVAM(margin=0.4, t=1.2)
    assert loss.eased(0) == SVAM(margin=0, t=1) and loss.eased(1) == loss
    assert loss.eased(0.5) == SVAM(margin=0.2, t=1.1)


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: SVAM(t=0.9), "t >= 1"),
        (lambda: AM(scale=0), "scale > 0"),
        (lambda: AM(margin=3), "margin <= 2"),
        (lambda: Arc(margin=2), "pi/2"),
        (lambda: Coco(num_classes=1), "at least 2 classes"),
        (lambda: lookup(LOSSES, "sv_amm", "loss"), "did you mean 'sv_am'"),
    ],
)
def test_refusals_say_what_was_expected(make, words):
    with pytest.raises(ValueError, match=words):
        make()
