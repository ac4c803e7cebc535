"""Margins as functions of the target's cosine: f(cos theta), monotone over the whole circle."""

import math

import torch
from torch import Tensor


def sine(cos: Tensor) -> Tensor:
    """Sin theta from cos theta, with a finite slope at +-1 (where the true one is infinite)."""
    # 1 - cos^2 as a product keeps its digits near +-1; rounding may take a cosine past 1.
    return ((1 - cos) * (1 + cos)).clamp_min(torch.finfo(cos.dtype).tiny).sqrt()


def turned(cos: Tensor, margin: float | Tensor) -> Tensor:
    """Cos(theta + margin), and past theta = pi - margin, where that would rise again, cos - gap.

    The gap is margin sin(margin), as in ArcFace's published code: the value steps down there.

    Args:
        cos: [N].
        margin: radians in 0 .. pi / 2, one for all or one a sample.
    """
    cos_m: float | Tensor
    sin_m: float | Tensor
    if isinstance(margin, Tensor):
        cos_m, sin_m = margin.cos(), margin.sin()
    else:
        cos_m, sin_m = math.cos(margin), math.sin(margin)
    return torch.where(cos < -cos_m, cos - margin * sin_m, cos * cos_m - sine(cos) * sin_m)


def combined(cos: Tensor, times: float, margin: float) -> Tensor:
    """Cos(times theta + margin), monotone: `turned` for times = 1, and so continued for others.

    Past the angle at which it reaches -1 it is cos theta less a constant, which leaves it below -1.
    A-Softmax continues cos(m theta) otherwise, by a staircase (`staircase`).

    Args:
        cos: [N].
        times: factor on the angle, above 0.
        margin: radians in 0 .. pi / 2.
    """
    if times == 1:
        return turned(cos, margin)
    value = torch.cos(times * torch.atan2(sine(cos), cos) + margin)
    last = (math.pi - margin) / times
    if last >= math.pi:
        return value
    gap = max(margin * math.sin(margin), 1 + math.cos(last))
    return torch.where(cos < math.cos(last), cos - gap, value)


def staircase(cos: Tensor, times: int) -> Tensor:
    """psi(theta) = (-1)^k cos(times theta) - 2k for theta in [k pi / times, (k + 1) pi / times].

    Cos(times theta) is a Chebyshev polynomial of the cosine: exact, and smooth at +-1.

    Args:
        cos: [N].
        times: factor on the angle, at least 1.
    """
    before, value = torch.ones_like(cos), cos
    for _ in range(times - 1):
        before, value = value, 2 * cos * value - before
    steps = sum((cos <= math.cos(j * math.pi / times)).to(cos.dtype) for j in range(1, times))
    return (1 - 2 * (steps % 2)) * value - 2 * steps


def straight_through(value: Tensor, cos: Tensor) -> Tensor:
    """`value` itself, with the gradient of `cos`."""
    return value.detach() + (cos - cos.detach())
