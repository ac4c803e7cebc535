"""Layers that train faster on CPUs than torch's own, with the same parameters and results.

Only while gradients are taken, uncompiled, on a CPU; else they are torch's own.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

_PART = 2**19
"""Bytes of the input that the gradient of PReLU takes at a time: they stay in the cache."""
_WIDTH = 16
"""Input channels a group below which oneDNN leaves its fast kernels."""


def _as_torch(x: Tensor) -> bool:
    """Whether torch's own layer is the one to use."""
    compiling = torch.compiler.is_compiling()
    return x.device.type != "cpu" or compiling or not torch.is_grad_enabled()


class PReLU(nn.PReLU):
    """`nn.PReLU`, whose gradient torch takes one number at a time on CPUs."""

    def forward(self, x: Tensor) -> Tensor:
        """[n, C, ...] to the same."""
        if _as_torch(x) or self.num_parameters != x.shape[1]:
            return super().forward(x)
        out: Tensor = _Sloped.apply(x, self.weight)
        return out


class _Sloped(torch.autograd.Function):
    """PReLU with a slope for each channel, and its gradient in vectorised passes over parts."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, slope_C: Tensor) -> Tensor:
        ctx.save_for_backward(x, slope_C)
        with torch.autocast("cpu", enabled=False):
            return F.prelu(x, slope_C.to(x.dtype))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        x, slope_C = ctx.saved_tensors
        slope = slope_C.to(x.dtype).view(-1, *[1] * (x.dim() - 2))
        others = [dim for dim in range(x.dim()) if dim != 1]
        grad_x, grad_slope_C = torch.empty_like(x), torch.zeros_like(slope_C)
        rows = max(_PART // (x.shape[1:].numel() * x.element_size()), 1)
        for own, given, out in zip(x.split(rows), grad.split(rows), grad_x.split(rows)):
            torch.ops.aten.threshold_backward.grad_input(given, own, 0, grad_input=out)
            below = given - out  # the gradient where x <= 0, and 0 elsewhere
            out.addcmul_(below, slope)
            grad_slope_C += below.mul_(own).sum(others, dtype=slope_C.dtype)
        return grad_x, grad_slope_C


class Conv2d(nn.Conv2d):
    """`nn.Conv2d`, whose narrow groups train in bfloat16 as wider ones, filled up with zeros."""

    def forward(self, x: Tensor) -> Tensor:
        """[n, C, H, W] to [n, out, rows, columns]."""
        by = _WIDTH * self.groups // self.in_channels
        narrow = by > 1 and self.groups % by == 0 and self.padding_mode == "zeros"
        if not narrow or _as_torch(x) or not torch.is_autocast_enabled("cpu"):
            return super().forward(x)
        weight, groups = widened(self.weight, self.groups, by), self.groups // by
        return F.conv2d(
            x, weight, self.bias, self.stride, self.padding, self.dilation, groups=groups
        )


def widened(weight: Tensor, groups: int, by: int) -> Tensor:
    """The same convolution's weights with `by` groups joined to one.

    Args:
        weight: [out, in a group, rows, columns].
        groups: of the convolution, a multiple of `by`.
        by: how many make one.

    Returns:
        [out, by * in a group, rows, columns]: between groups that were apart, 0.
    """
    out, inside, *kernel = weight.shape
    apart = weight.reshape(groups // by, by, out // groups, 1, inside, *kernel)
    own = torch.eye(by, dtype=weight.dtype, device=weight.device).view(1, by, 1, by, 1, 1, 1)
    return (apart * own).reshape(out, by * inside, *kernel)
