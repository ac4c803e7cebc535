"""Margins on the target's cosine: AM-Softmax and ArcFace, each with or without support vectors.

A margin is a function f(cos theta_y) <= cos theta_y. Support-vector guidance (SV-Softmax) then
looks for negatives that beat f and makes them harder; with t = 1 it changes nothing, so the plain
losses are its special case and share this code.
"""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from models.losses.base import Loss, with_target


@dataclass(frozen=True, kw_only=True)
class SVSoftmax(Loss):
    r"""SV-Softmax (arXiv 1812.11317, eq. 5): hard negatives get t cos + t - 1 in place of cos.

    A negative k is hard (a support vector) when cos theta_k > f(cos theta_y), strictly. The factor
    h(t, theta_k) e^{s cos} of the paper equals e^{s (t cos + t - 1)}, so h itself, which overflows
    float32 at s = 64, is never formed. The indicator carries no gradient (eqs. 14, 15). The target
    is never counted among the hard ones.

    Attributes:
        scale: s, multiplies every logit.
        t: at least 1; 1 is no guidance. The authors use 1.2 and warn of divergence above 1.4.
    """

    scale: float = 30.0
    t: float = 1.2

    def __post_init__(self) -> None:
        if self.scale <= 0:
            raise ValueError(f"expected scale > 0, got {self.scale}")
        if self.t < 1:
            raise ValueError(f"expected t >= 1 (1 turns support vectors off), got {self.t}")

    def margined(self, cos: Tensor) -> Tensor:
        """f(cos theta_y): the target's cosine with the margin applied. Here: none."""
        return cos

    def logits(self, sim_Nc: Tensor, target_N: Tensor, index_N: Tensor, owned_N: Tensor) -> Tensor:
        """s f at the target, s (t cos + t - 1) at hard negatives, s cos elsewhere."""
        negatives_Nc = sim_Nc
        if self.t != 1:
            emphasised_Nc = self.t * sim_Nc + (self.t - 1)
            negatives_Nc = torch.where(self.hard(sim_Nc, target_N), emphasised_Nc, sim_Nc)
        own_N = self.margined(sim_Nc.gather(1, index_N.unsqueeze(1)).squeeze(1))
        return self.scale * with_target(negatives_Nc, own_N, index_N, owned_N)

    def hard(self, sim_Nc: Tensor, target_N: Tensor) -> Tensor:
        """Support vectors: cos theta_k > f(cos theta_y)."""
        return sim_Nc > self.margined(target_N).unsqueeze(1)

    def eased(self, fraction: float) -> "SVSoftmax":
        """t moved from 1 to its value."""
        return replace(self, t=1 + fraction * (self.t - 1))


@dataclass(frozen=True, kw_only=True)
class SVAM(SVSoftmax):
    r"""SV-AM-Softmax (arXiv 1812.11317, eq. 6): f = cos theta_y - m, m as in AM-Softmax.

    Attributes:
        margin: m, subtracted from the cosine before the scale.
    """

    margin: float = 0.35

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.margin <= 2:
            raise ValueError(f"expected 0 <= margin <= 2 (of a cosine), got {self.margin}")

    def margined(self, cos: Tensor) -> Tensor:
        """Cos minus m."""
        return cos - self.margin

    def eased(self, fraction: float) -> "SVAM":
        """Both t and m moved towards their value."""
        return replace(self, t=1 + fraction * (self.t - 1), margin=fraction * self.margin)


@dataclass(frozen=True, kw_only=True)
class AM(SVAM):
    """AM-Softmax, also called CosFace (arXiv 1801.05599, 1801.09414): s (cos theta_y - m)."""

    t: float = 1.0


@dataclass(frozen=True, kw_only=True)
class SVArc(SVSoftmax):
    r"""SV-Arc-Softmax (arXiv 1812.11317, eq. 6): f = cos(theta_y + m), m as in ArcFace.

    Past theta = pi - m, where cos(theta + m) would rise again, the target is cos theta - m sin m,
    so that f stays monotone. The gradient is the exact one, finite at cos = +-1.

    Attributes:
        margin: m, added to the angle, radians.
    """

    margin: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.margin <= math.pi / 2:
            raise ValueError(f"expected 0 <= margin <= pi/2 (radians), got {self.margin}")

    def margined(self, cos: Tensor) -> Tensor:
        """Cos(theta + m), or cos theta - m sin m past pi - m."""
        if self.margin == 0:
            return cos
        # 1 - cos^2 as a product keeps its digits near +-1; the floor keeps the root's slope finite.
        sin = ((1 - cos) * (1 + cos)).clamp_min(torch.finfo(cos.dtype).eps).sqrt()
        turned = cos * math.cos(self.margin) - sin * math.sin(self.margin)
        past = cos < -math.cos(self.margin)
        return torch.where(past, cos - self.margin * math.sin(self.margin), turned)

    def eased(self, fraction: float) -> "SVArc":
        """Both t and m moved towards their value."""
        return replace(self, t=1 + fraction * (self.t - 1), margin=fraction * self.margin)


@dataclass(frozen=True, kw_only=True)
class Arc(SVArc):
    """ArcFace (arXiv 1801.07698): s cos(theta_y + m), with the published, exact gradient."""

    t: float = 1.0
    scale: float = 64.0
