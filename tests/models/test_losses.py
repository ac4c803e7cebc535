"""Identities between losses, conventions of the papers, schedules, extremes and refusals."""

import math
from dataclasses import asdict, dataclass, replace

import pytest
import torch

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
    CosFace,
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
    SVArc,
    SVCombined,
    SVSoftmax,
    Virtual,
)
from models.losses.base import Loss
from models.losses.margins import staircase
from models.losses.reduction import Focal, HardMining
from tests.models.cases import CASES, problem
from tests.models.reference import dense_loss


def cosines(n=40, c=9, seed=0):
    generator = torch.Generator().manual_seed(seed)
    sim = torch.rand(n, c, generator=generator, dtype=torch.float64) * 2 - 1
    index = torch.randint(0, c, (n,), generator=generator)
    owned = torch.ones(n, dtype=torch.bool)
    return sim, sim.gather(1, index[:, None])[:, 0], index, owned


def same(one, other):
    return torch.equal(one.logits(*cosines()), other.logits(*cosines()))


def value_of(loss, draw=None):
    """The head's loss in float64 on the common batch."""
    emb, weight, labels = problem()
    head = ShardedHead(len(weight), weight.shape[1], dtype=torch.float64)
    head.weight_cD.data.copy_(weight)
    value, *_ = head(emb, labels, loss)
    return value.item()


def moved(loss, cos, x_norm=None, w_norm=None, draw=None):
    """A target's logit from its similarity, as the head makes it: shift, then logits."""
    x_norm = torch.ones_like(cos) if x_norm is None else x_norm
    shift = loss.shift(cos, x_norm, torch.ones_like(cos) if w_norm is None else w_norm, draw)
    own = cos if shift is None else cos - shift
    sim, n = own[:, None], len(cos)
    index, owned = torch.zeros(n, dtype=torch.int64), torch.ones(n, dtype=torch.bool)
    return loss.logits(sim, own.detach(), index, owned)[:, 0]


# Identities


@pytest.mark.parametrize(
    "sv, base",
    [
        (SVSoftmax(t=1.0), NormFace()),
        (SVAM(t=1.0, margin=0.2), AM(margin=0.2)),
        (SVArc(t=1.0, scale=64, margin=0.5), Arc(margin=0.5)),
        (SVCombined(t=1.0, scale=64, m1=1.1), Combined(m1=1.1)),
        (MVAM(t=0.0, scale=30), AM()),
        (MVArc(t=0.0, scale=64, mode="fixed"), Arc()),
    ],
)
def test_without_emphasis_guidance_is_the_base_loss_bit_for_bit(sv, base):
    assert same(sv, base)


def test_without_margin_a_loss_is_its_base_bit_for_bit():
    assert same(SVAM(margin=0.0), SVSoftmax()) and same(SVArc(margin=0.0), SVSoftmax())
    assert same(SVCombined(m1=1.0, m2=0.0, m3=0.0), SVSoftmax())
    for none in (AM(margin=0.0), Arc(margin=0.0, scale=30), Combined(m2=0.0, m3=0.0, scale=30)):
        assert same(none, NormFace(scale=30))


def test_names_for_one_thing():
    assert same(Coco(alpha=21.475), NormFace(scale=21.475))
    assert same(HeatedLN().at(0.74), NormFace(scale=16)) and same(CosFace(), AM(scale=64))
    assert same(Coco(num_classes=9, alpha="paper"), Coco(num_classes=9))


@pytest.mark.parametrize("t", [0.0, 0.2, 0.4])
@pytest.mark.parametrize("sv, mv", [(SVAM, MVAM), (SVArc, MVArc)])
def test_adaptive_mv_is_sv_at_1_plus_t(sv, mv, t):
    one, other = sv(t=1 + t, scale=32), mv(t=t)
    torch.testing.assert_close(one.logits(*cosines()), other.logits(*cosines()), rtol=0, atol=1e-12)


def test_combined_is_each_of_its_parts():
    assert same(Combined(m1=1.0, m2=0.35, m3=0.0), AM(scale=64))
    assert same(Combined(m1=1.0, m2=0.0, m3=0.5), Arc())
    theta = torch.linspace(0, math.pi / 4, 99, dtype=torch.float64)
    got = Combined(m1=4.0, m2=0.0, m3=0.0, scale=1.0).margined(theta.cos())
    torch.testing.assert_close(
        got, torch.cos(4 * theta), rtol=0, atol=1e-7
    )  # cos loses digits at 0
    inside = theta[1:]
    got = Combined(m1=0.9, m2=0.15, m3=0.4).margined(inside.cos())
    torch.testing.assert_close(got, torch.cos(0.9 * inside + 0.4) - 0.15, rtol=0, atol=1e-12)


def test_the_norm_based_margins_are_arc_and_cosface_where_all_norms_are_alike():
    cos = torch.linspace(-1, 1, 101, dtype=torch.float64)
    norms = torch.full_like(cos, 10.0)
    alike = {"rtol": 0, "atol": 1e-12}
    torch.testing.assert_close(moved(MagFace(), cos, norms), moved(Arc(margin=0.45), cos), **alike)
    norms = torch.full_like(cos, 500.0)
    torch.testing.assert_close(moved(MagFace(), cos, norms), moved(Arc(margin=0.8), cos), **alike)
    torch.testing.assert_close(moved(AdaFace(), cos), moved(CosFace(margin=0.4), cos), **alike)
    low = torch.full_like(cos, 20.0).index_fill(0, torch.tensor([50]), 0.0)  # one of 101: z = -1
    got = moved(AdaFace(), cos, low)[50]
    torch.testing.assert_close(got, moved(Arc(margin=0.4), cos)[50], **alike)


def test_without_spread_elastic_is_its_base_and_without_noise_noisy_is_softmax():
    cos = torch.linspace(-1, 1, 101, dtype=torch.float64)
    draw = torch.ones_like(cos)
    close = {"rtol": 0, "atol": 1e-12}
    got = moved(ElasticCos(sigma=0.0), cos, draw=draw)
    torch.testing.assert_close(got, moved(CosFace(), cos), **close)
    got = moved(ElasticArc(sigma=0.0), cos, draw=draw)
    torch.testing.assert_close(got, moved(Arc(), cos), **close)
    assert torch.equal(moved(Noisy(alpha=0.0), cos, draw=draw), cos)
    assert value_of(LSoftmax(margin=1)) == pytest.approx(value_of(Softmax()), abs=1e-12)


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
    assert loss.updated(mean).t == pytest.approx(0.9 * 0.2 + 0.1 * mean)
    torch.testing.assert_close(
        loss.logits(*args), replace(loss.updated(mean), rate=0).logits(*args)
    )
    assert NormFace().updated(mean) == NormFace()


def test_sphereface_s_lambda_is_nearly_a_straight_rise_of_the_margins_share():
    loss, end = ASoftmax(), 1658  # 1000 / (1 + 0.12 it) reaches 5
    for it in range(0, end, 50):
        theirs = 1 / (1 + max(5, 1000 / (1 + 0.12 * it)))
        ours = 1 / (1 + loss.eased(it / end).lambda_min)
        assert ours == pytest.approx(theirs, abs=0.011)


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


# Extremes


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


def check_extreme(loss, name, settings, emb, weight, labels, rtol=1e-5):
    value, grad_emb, grad_weight, draw = head_on(loss, emb, weight, labels)
    assert value.isfinite() and grad_emb.isfinite().all() and grad_weight.isfinite().all()
    wide = emb.double(), weight.double()
    right = dense_loss(name, *wide, labels, draw=draw, **settings)
    torch.testing.assert_close(value.double(), right, rtol=rtol, atol=2e-5)
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


# Reductions


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.5, 2.0])
def test_focal_is_finite_where_a_sample_has_no_loss_or_rounding_left_less(gamma):
    ce = torch.tensor([0.0, -1e-7, 1e-30, 200.0], requires_grad=True)
    value = Focal(gamma=gamma)(ce)
    value.backward()
    assert value.isfinite() and ce.grad.isfinite().all() and value.item() == pytest.approx(50)


def test_focals_slope_is_the_papers():
    ce = torch.tensor([0.3, 2.0], dtype=torch.float64, requires_grad=True)
    Focal(gamma=2.0)(ce).backward()
    p = torch.exp(-ce.detach())
    wanted = (1 - p) ** 2 + 2 * (1 - p) * p * ce.detach()  # g - g' p l, g = (1 - p)^2
    torch.testing.assert_close(ce.grad, wanted / 2, rtol=1e-12, atol=0)


def test_hard_mining_keeps_the_share_it_says_and_the_first_of_equals():
    ce = torch.arange(10.0)
    assert HardMining(keep=0.7)(ce).item() == pytest.approx(6)  # 3 .. 9: seven of ten
    ce = torch.tensor([1.0, 2.0, 1.0, 2.0], requires_grad=True)
    HardMining(keep=0.75)(ce).backward()
    assert ce.grad.tolist() == pytest.approx([1 / 3, 1 / 3, 0, 1 / 3])


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
