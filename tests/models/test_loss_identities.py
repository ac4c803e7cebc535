"""Losses that are others under some settings, bit for bit where the sums are the same."""

import math

import pytest
import torch

from models.losses import (
    AM,
    MVAM,
    SVAM,
    AdaFace,
    Arc,
    Coco,
    Combined,
    CosFace,
    ElasticArc,
    ElasticCos,
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
)
from tests.models.cases import cosines, moved, same, value_of


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
