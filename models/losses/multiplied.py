"""Margins that multiply the angle of unnormalised features: L-Softmax and A-Softmax.

The target's logit depends on norms, so the margin is a `shift` of the target, not part of `logits`.
"""

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch
from torch import Tensor

from models.losses.margins import staircase
from models.losses.plain import Softmax


@dataclass(frozen=True, kw_only=True)
class LSoftmax(Softmax):
    r"""L-Softmax (arXiv 1612.02295): the target's logit is ||W|| ||x|| psi(theta), blended.

    psi(theta) = (-1)^k cos(m theta) - 2k for theta in [k pi / m, (k + 1) pi / m], and the logit is
    (lambda z + ||W|| ||x|| psi) / (1 + lambda) with z = W x. Gradients pass through both norms.

    The authors' code lowers lambda by the iteration: max(lambda_min, base (1 + gamma it)^-power),
    with base 1000, gamma 2.5e-5, power 35 and lambda_min 0 here, and 1000, 0.12, 1 and 5 in
    A-Softmax. Here `eased` raises the margin's share 1 / (1 + lambda) in a straight line from 0, so
    lambda falls from infinity to `lambda_min`: at power 1 theirs is within 0.01 of such a line,
    of 1,658 iterations for A-Softmax's numbers; L-Softmax's share is half at iteration 8,727.

    Attributes:
        margin: m, an integer of at least 1; 1 is no margin.
        lambda_min: lambda at full margin, at least 0.
    """

    margin: int = 4
    lambda_min: float = 0.0

    def __post_init__(self) -> None:
        if int(self.margin) != self.margin or self.margin < 1:
            raise ValueError(f"expected an integer margin >= 1 (times angle), got {self.margin}")
        if not self.lambda_min >= 0:
            raise ValueError(f"expected lambda_min >= 0, got {self.lambda_min}")

    def shift(
        self, target_N: Tensor, x_norm_N: Tensor, w_norm_N: Tensor, draw_N: Tensor | None
    ) -> Tensor:
        """(z - ||W|| ||x|| psi) / (1 + lambda)."""
        norms_N = x_norm_N if self.normalise_w else x_norm_N * w_norm_N
        cos_N = target_N / norms_N.clamp_min(torch.finfo(norms_N.dtype).tiny)
        return (target_N - norms_N * staircase(cos_N, int(self.margin))) / (1 + self.lambda_min)

    def eased(self, fraction: float) -> Self:
        """1 / (1 + lambda) at `fraction` of its value."""
        if fraction == 0:
            return replace(self, lambda_min=math.inf)
        return replace(self, lambda_min=self.lambda_min / fraction + (1 - fraction) / fraction)


@dataclass(frozen=True, kw_only=True)
class ASoftmax(LSoftmax):
    """A-Softmax, SphereFace (arXiv 1704.08063): L-Softmax with ||W|| = 1, raw ||x|| and no bias."""

    normalise_w: ClassVar[bool] = True
    lambda_min: float = 5.0
