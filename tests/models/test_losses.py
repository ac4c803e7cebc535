"""Conventions of the papers, schedules and refusals."""

import math
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch

from docs.losses_figure import families
from models.head.sharded_head import ShardedHead
from models.lookup import lookup
from models.losses import (
    AM,
    LOSSES,
    MVAM,
    SVAM,
    AdaFace,
    Arc,
    ASoftmax,
    Circle,
    Coco,
    Combined,
    Curricular,
    ElasticArc,
    ElasticCos,
    HeatedBN,
    HeatedLN,
    LSoftmax,
    MagFace,
    MVArc,
    Noisy,
    NormFace,
    Softmax,
    SVCombined,
    SVSoftmax,
    Virtual,
)
from models.losses.base import Loss
from models.losses.margins import staircase
from models.losses.reduction import Focal, HardMining
from tests.models.cases import CASES, cosines, moved, same, value_of

# Conventions of the papers


def test_a_tie_is_an_easy_negative_and_the_target_is_never_hard():
    sim = torch.tensor([[0.5, 0.5, 0.6]], dtype=torch.float64)
    args = sim, sim[:, 0], torch.tensor([0]), torch.tensor([True])
    for loss, hard in [
        (SVSoftmax(scale=1.0, t=1.2), 1.2 * 0.6 + 0.2),
        (MVAM(scale=1.0, margin=0.0, mode="fixed"), 0.6 + 0.2),
        (Curricular(scale=1.0, margin=0.0, t=0.1, rate=0.0), 0.6 * (0.1 + 0.6)),
    ]:
        expected = torch.tensor([[0.5, 0.5, hard]], dtype=torch.float64)
        torch.testing.assert_close(loss.logits(*args), expected, rtol=0, atol=1e-15)
        assert loss.hard(*args[:2])[0].tolist()[1:] == [False, True]


@pytest.mark.parametrize("name", sorted(CASES))
def test_no_argument_is_changed(name):
    loss, args = CASES[name][0], cosines()
    more = args[1], torch.rand(40) + 1, torch.rand(40) + 1, torch.randn(40)
    before = [a.clone() for a in (*args, *more)]
    loss.logits(*args)
    loss.hard(*args[:2])
    loss.shift(*more)
    loss.penalty(more[1])
    assert all(torch.equal(a, b) for a, b in zip((*args, *more), before))


WHOLE_CIRCLE = [
    *(loss for name, (loss, _) in CASES.items() if name != "virtual"),
    Arc(margin=math.pi / 2),
    Combined(m1=4.0),
    Combined(m1=0.5, m3=1.5),
    ASoftmax(lambda_min=0.0),
    LSoftmax(margin=3),
]


@pytest.mark.parametrize("loss", WHOLE_CIRCLE, ids=str)
def test_the_targets_logit_is_monotone_over_the_whole_circle(loss):
    cos = torch.linspace(-1, 1, 4001, dtype=torch.float64)
    for place in (0.0, 3.0, 50.0):  # norms: below, inside and above the others
        norms = torch.full_like(cos, 3.0)
        norms[::2] = place
        one = slice(0, None, 2)
        own = cos if loss.normalise_x else cos * norms
        logit = moved(loss, own, norms, draw=torch.full_like(cos, 1.5))[one]
        rises = logit.diff()
        assert (rises >= -1e-9).all(), (place, rises.min())
        if not isinstance(loss, AdaFace) and place:
            assert (rises > 0).all()


def test_arcs_exact_and_detached_slopes():
    cos = torch.linspace(-1, 1, 4001, dtype=torch.float64, requires_grad=True)
    exact, detached = Arc(), Arc(margin_grad="detach")
    assert torch.equal(exact.margined(cos), detached.margined(cos))
    (slope,) = torch.autograd.grad(exact.margined(cos).sum(), cos)
    (straight,) = torch.autograd.grad(detached.margined(cos).sum(), cos)
    assert slope.isfinite().all()
    inside = slice(1000, 3900)
    theta = torch.acos(cos.detach()[inside])
    ratio = torch.sin(theta) / torch.sin(theta + 0.5)
    torch.testing.assert_close((straight / slope)[inside], ratio, rtol=1e-9, atol=0)


def test_the_staircase_is_sphereface_s():
    theta = torch.linspace(0, math.pi, 2001, dtype=torch.float64)
    for m in (1, 2, 3, 4, 5):
        k = torch.floor(m * theta / math.pi).clamp_max(m - 1)
        expected = (-1) ** k * torch.cos(m * theta) - 2 * k
        torch.testing.assert_close(staircase(theta.cos(), m), expected, rtol=0, atol=1e-12)
    cos = torch.tensor([1.0, -1.0], dtype=torch.float64, requires_grad=True)
    staircase(cos, 4).sum().backward()
    assert cos.grad.tolist() == [16, 16]  # m squared, where acos has no slope


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


def test_a_virtual_logit_with_normalised_embeddings_is_refused():
    with pytest.raises(TypeError, match="not normalised"):

        @dataclass(frozen=True, kw_only=True)
        class Degenerate(NormFace):
            def virtual_logit(self, x_norm_N, w_norm_N):
                return x_norm_N

    for kind in LOSSES.values():
        assert kind.virtual_logit is Loss.virtual_logit or not kind.normalise_x


def test_an_easy_margin_spares_the_target_but_not_the_mask():
    sim = torch.tensor([[-0.2, -0.4, -0.9]], dtype=torch.float64)
    args = sim, sim[:, 0], torch.tensor([0]), torch.tensor([True])
    logits = MVAM(scale=1.0, margin=0.35, mode="fixed", easy_margin=True).logits(*args)
    torch.testing.assert_close(logits, torch.tensor([[-0.2, -0.2, -0.9]], dtype=torch.float64))


def test_curricular_counts_the_batch_at_hand_before_it_uses_t():
    args = cosines()
    loss = Curricular(t=0.2, rate=0.1)
    mean = args[1].mean().item()
    assert loss.memory_after(mean) == pytest.approx(0.9 * 0.2 + 0.1 * mean)
    torch.testing.assert_close(
        loss.logits(*args), replace(loss.recalling(loss.memory_after(mean)), rate=0).logits(*args)
    )
    assert NormFace().recalling(mean) == NormFace()


def test_sphereface_s_lambda_is_nearly_a_straight_rise_of_the_margins_share():
    loss, end = ASoftmax(), 1658  # 1000 / (1 + 0.12 it) reaches 5
    for it in range(0, end, 50):
        theirs = 1 / (1 + max(5, 1000 / (1 + 0.12 * it)))
        ours = 1 / (1 + loss.eased(it / end).lambda_min)
        assert ours == pytest.approx(theirs, abs=0.011)


def test_the_guide_and_its_figure_know_every_loss():
    guide = (Path(__file__).parents[2] / "docs" / "losses.md").read_text()
    assert [name for name in LOSSES if f"`{name}`" not in guide] == []
    drawn = " ".join(one.label for row in families().values() for one in row)
    assert [name for name in LOSSES if name not in drawn] == []


# Schedules


@pytest.mark.parametrize("name", sorted(CASES))
def test_eased_and_at_return_losses_of_the_same_kind_and_end_at_the_whole(name):
    loss = CASES[name][0]
    assert loss.eased(1) == loss and type(loss.eased(0.5)) is type(loss)
    assert math.isfinite(value_of(loss.eased(0))) and math.isfinite(value_of(loss.eased(0.3)))
    assert type(loss.at(0.5)) is type(loss)


def test_eased_margins_run_from_none_to_whole():
    loss = SVAM(margin=0.4, t=1.2)
    assert loss.eased(0) == SVAM(margin=0, t=1)
    assert loss.eased(0.5) == SVAM(margin=0.2, t=1.1)
    assert same(SVCombined().eased(0), NormFace()) and same(MVArc().eased(0), NormFace(scale=32))
    assert value_of(LSoftmax().eased(0)) == pytest.approx(value_of(Softmax()), abs=1e-12)
    for loss in (MagFace(lambda_g=0), AdaFace(), ElasticCos(), ElasticArc()):
        assert value_of(loss.eased(0)) == pytest.approx(value_of(NormFace(scale=64)), abs=1e-9)
    assert value_of(Noisy().eased(0)) == pytest.approx(value_of(Softmax()), abs=1e-12)


def test_heating_switches_once_or_falls_smoothly():
    loss = HeatedLN()
    assert [loss.at(p).alpha for p in (0, 0.7499, 0.75, 1)] == [16, 16, 4, 4]
    smooth = replace(loss, schedule="smooth", switch=0.5)
    assert [smooth.at(p).alpha for p in (0.5, 0.75, 1)] == pytest.approx([16, 8, 4])
    assert loss.at(0.9).at(0.1) == loss.at(0.9)  # a loss of one moment stays of that moment
    assert type(HeatedBN().at(0.9)) is HeatedBN


# Refusals


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: SVAM(t=0.9), "t >= 1"),
        (lambda: AM(scale=0), "scale > 0"),
        (lambda: AM(margin=3), "margin <= 2"),
        (lambda: Arc(margin=2), "pi/2"),
        (lambda: Arc(margin_grad="none"), "exact or detach"),
        (lambda: Combined(m1=0), "m1 > 0"),
        (lambda: Combined(m2=3), "m2 <= 2"),
        (lambda: Combined(m3=-1), "m3 <= pi/2"),
        (lambda: MVAM(t=-1), "t >= 0"),
        (lambda: MVAM(mode="soft"), "adaptive or fixed"),
        (lambda: Curricular(rate=2), "rate in"),
        (lambda: LSoftmax(margin=0), "integer margin"),
        (lambda: LSoftmax(margin=2.5), "integer margin"),
        (lambda: ASoftmax(lambda_min=-1), "lambda_min >= 0"),
        (lambda: HeatedLN(alpha=0), "alpha > 0"),
        (lambda: HeatedLN(switch=1), "switch in"),
        (lambda: HeatedBN(schedule="linear"), "step or smooth"),
        (lambda: Noisy(alpha=-1), "alpha >= 0"),
        (lambda: ElasticCos(sigma=-1), "sigma >= 0"),
        (lambda: ElasticArc(margin=2), "pi/2"),
        (lambda: MagFace(norm_low=0), "norm_low"),
        (lambda: MagFace(margin_high=2), "margin_high"),
        (lambda: MagFace(lambda_g=-1), "lambda_g"),
        (lambda: AdaFace(margin=2), "margin <= 1"),
        (lambda: Circle(margin=2), "margin <= 1"),
        (lambda: Circle(scale=0), "scale > 0"),
        (lambda: Focal(gamma=-1), "gamma >= 0"),
        (lambda: HardMining(keep=0), "keep above 0"),
        (lambda: Coco(num_classes=1), "at least 2 classes"),
        (lambda: Coco(alpha="papers"), "paper"),
        (lambda: Coco(alpha=0), "alpha > 0"),
        (lambda: lookup(LOSSES, "sv_amm", "loss"), "did you mean 'sv_am'"),
    ],
)
def test_refusals_say_what_was_expected(make, words):
    with pytest.raises(ValueError, match=words):
        make()
