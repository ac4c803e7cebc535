"""Focal and hard-mining weightings: slopes, ties, and samples without loss."""

import pytest
import torch

from models.losses.reduction import Focal, HardMining


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
