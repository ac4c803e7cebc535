"""Margins that depend on the embedding's norm, taken as image quality: MagFace and AdaFace.

Each moves the target down by a `shift` of its own; the logits are then s cos.
"""

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from models.losses.margins import sine, turned
from models.losses.plain import NormFace


@dataclass(frozen=True, kw_only=True)
class MagFace(NormFace):
    r"""MagFace (arXiv 2103.06627; code: IrvingMeng/MagFace): s cos(theta_y + m(a)) + lambda_g g(a).

    a is ||x|| clipped to [norm_low, norm_high]; m(a) rises linearly over that range; the penalty is
    g(a) = a / norm_high^2 + 1 / a. Gradients pass through the norm, in m and g, inside the range.
    Unlike the code's default there is no easy margin; past pi - m the target goes on as in ArcFace.

    Attributes:
        norm_low, norm_high: l_a and u_a.
        margin_low, margin_high: l_m and u_m, radians.
        lambda_g: weight of the penalty; 0 is none.
    """

    scale: float = 64.0
    norm_low: float = 10.0
    norm_high: float = 110.0
    margin_low: float = 0.45
    margin_high: float = 0.8
    lambda_g: float = 20.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.norm_low < self.norm_high:
            raise ValueError(
                f"expected 0 < norm_low < norm_high, got {self.norm_low} and {self.norm_high}"
            )
        if not 0 <= self.margin_low <= self.margin_high <= torch.pi / 2:
            raise ValueError(
                f"expected 0 <= margin_low <= margin_high <= pi/2 (radians), got "
                f"{self.margin_low} and {self.margin_high}"
            )
        if self.lambda_g < 0:
            raise ValueError(f"expected lambda_g >= 0, got {self.lambda_g}")

    def shift(
        self, target_N: Tensor, x_norm_N: Tensor, w_norm_N: Tensor, draw_N: Tensor | None
    ) -> Tensor:
        """Cos theta - cos(theta + m(a))."""
        share_N = (self._clipped(x_norm_N) - self.norm_low) / (self.norm_high - self.norm_low)
        margin_N = self.margin_low + (self.margin_high - self.margin_low) * share_N
        return target_N - turned(target_N, margin_N)

    def penalty(self, x_norm_N: Tensor) -> Tensor:
        """lambda_g (a / u_a^2 + 1 / a)."""
        a_N = self._clipped(x_norm_N)
        return self.lambda_g * (a_N / self.norm_high**2 + 1 / a_N)

    def eased(self, fraction: float) -> Self:
        """Both margins at `fraction` of their value; the penalty stays."""
        return replace(
            self,
            margin_low=fraction * self.margin_low,
            margin_high=fraction * self.margin_high,
        )

    def _clipped(self, x_norm_N: Tensor) -> Tensor:
        return x_norm_N.clamp(self.norm_low, self.norm_high)


@dataclass(frozen=True, kw_only=True)
class AdaFace(NormFace):
    r"""AdaFace (arXiv 2204.00964; code: mk-minchul/AdaFace): s (cos(theta_y - m z) - m z - m).

    z = clip(h (||x|| - mean) / (std + 0.001), -1, 1) tells how good an image is, among all samples
    of the step on all ranks. The norm is clipped to 0.001 .. 100 and carries no gradient. z = -1 is
    ArcFace, 0 is CosFace. An angle theta - m z below 0 counts as 0, as in the code; past pi the
    target goes on as in ArcFace, where the code holds it at -1 without gradient. The code's running
    mean of the statistics is left out: they are the step's own.

    Attributes:
        margin: m.
        h: concentration of z.
    """

    scale: float = 64.0
    margin: float = 0.4
    h: float = 0.333

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.margin <= 1:
            raise ValueError(f"expected 0 <= margin <= 1, got {self.margin}")

    def shift(
        self, target_N: Tensor, x_norm_N: Tensor, w_norm_N: Tensor, draw_N: Tensor | None
    ) -> Tensor:
        """Cos theta - (cos(theta - m z) - m z - m)."""
        z_N = self._quality(x_norm_N.detach())
        later_N = turned(target_N, (-self.margin * z_N).clamp_min(0))
        sooner_N = _turned_back(target_N, (self.margin * z_N).clamp_min(0))
        angular_N = torch.where(z_N > 0, sooner_N, later_N)
        return target_N - (angular_N - self.margin * z_N - self.margin)

    def eased(self, fraction: float) -> Self:
        """m at `fraction` of its value."""
        return replace(self, margin=fraction * self.margin)

    def _quality(self, x_norm_N: Tensor) -> Tensor:
        """z from the norms of the whole batch."""
        norm_N = x_norm_N.clamp(0.001, 100)
        spread = norm_N.std(correction=min(1, len(norm_N) - 1))  # one sample has no spread
        return (self.h * (norm_N - norm_N.mean()) / (spread + 1e-3)).clamp(-1, 1)


def _turned_back(cos: Tensor, angle: Tensor) -> Tensor:
    """Cos(max(theta - angle, 0)), angle in 0 .. pi / 2."""
    value = cos * angle.cos() + sine(cos) * angle.sin()
    return torch.where(cos > angle.cos(), torch.ones_like(cos), value)
