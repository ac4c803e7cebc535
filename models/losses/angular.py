"""Margins on the target's cosine that are the same for all samples: AM, Arc and both combined.

Each class is also a part to build with: guided.py puts support vectors on any of them.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

from torch import Tensor

from models.losses.base import Pullback, scaled, set_target
from models.losses.margins import combined, straight_through
from models.losses.plain import NormFace

Slope = Callable[[Tensor], Tensor]
"""A gradient at g's values, times g's slope; its argument is used up."""


@dataclass(frozen=True, kw_only=True)
class Margined(NormFace):
    """s f(cos theta_y) at the target, s g(cos theta_k) elsewhere. Here f and g are the identity.

    Classes that say what f is and classes that say what g is override one function each and are
    joined by inheriting from both.
    """

    def margined(self, cos: Tensor) -> Tensor:
        """f: the target's cosine with the margin applied, differentiable."""
        return cos

    def own(self, cos: Tensor) -> Tensor:
        """The target's logit over s, where it is not f (an easy margin)."""
        return self.margined(cos)

    def negatives(self, sim_Nc: Tensor, target_N: Tensor) -> tuple[Tensor, Slope | None]:
        """g of all similarities as a new tensor, and the way back through it.

        Or `sim_Nc` itself and None, where g is the identity. What they are at the target is not
        used.
        """
        return sim_Nc, None

    def logits(self, sim_Nc: Tensor, target_N: Tensor, index_N: Tensor, owned_N: Tensor) -> Tensor:
        """s f at the target, s g elsewhere."""
        own_N = self.own_logits(sim_Nc.gather(1, index_N.unsqueeze(1)).squeeze(1))
        logits_Nc, _ = self.other_logits(sim_Nc, target_N)
        return set_target(logits_Nc, own_N, index_N, owned_N)

    def own_logits(self, own_N: Tensor) -> Tensor:
        """s f."""
        return self.scale * self.own(own_N)

    def other_logits(self, sim_Nc: Tensor, target_N: Tensor) -> tuple[Tensor, Pullback]:
        """s g, by the slope of g."""
        negatives_Nc, slope = self.negatives(sim_Nc, target_N)
        if slope is None:
            return self.scale * negatives_Nc, scaled(self.scale)
        return negatives_Nc.mul_(self.scale), lambda grad_Nc: slope(grad_Nc).mul_(self.scale)

    def hard(self, sim_Nc: Tensor, target_N: Tensor) -> Tensor:
        """Support vectors: cos theta_k > f(cos theta_y), strictly."""
        return sim_Nc > self.margined(target_N).unsqueeze(1)


@dataclass(frozen=True, kw_only=True)
class AM(Margined):
    """AM-Softmax (arXiv 1801.05599): s (cos theta_y - m), at its authors' s = 30 and m = 0.35.

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

    def eased(self, fraction: float) -> Self:
        """m at `fraction` of its value."""
        return replace(super().eased(fraction), margin=fraction * self.margin)


@dataclass(frozen=True, kw_only=True)
class CosFace(AM):
    """CosFace (arXiv 1801.09414): AM-Softmax at s = 64, m = 0.35 (arcface_torch takes m = 0.40)."""

    scale: float = 64.0


@dataclass(frozen=True, kw_only=True)
class Arc(Margined):
    r"""ArcFace (arXiv 1801.07698): s cos(theta_y + m).

    Past theta = pi - m, where cos(theta + m) would rise again, the target is cos theta - m sin m,
    so that f stays monotone. The gradient is finite at cos = +-1.

    Attributes:
        margin: m, added to the angle, radians.
        margin_grad: "exact" is the published gradient; "detach" lets the gradient of the cosine
            through unchanged, as arcface_torch does; the exact one has a factor of
            sin(theta + m) / sin theta more.
    """

    scale: float = 64.0
    margin: float = 0.5
    margin_grad: str = "exact"

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_angle("margin", self.margin)
        if self.margin_grad not in ("exact", "detach"):
            raise ValueError(f"expected margin_grad exact or detach, got {self.margin_grad!r}")

    def margined(self, cos: Tensor) -> Tensor:
        """Cos(theta + m), or cos theta - m sin m past pi - m."""
        value = combined(cos, 1, self.margin)
        return value if self.margin_grad == "exact" else straight_through(value, cos)

    def eased(self, fraction: float) -> Self:
        """m at `fraction` of its value."""
        return replace(super().eased(fraction), margin=fraction * self.margin)


@dataclass(frozen=True, kw_only=True)
class Combined(Margined):
    """The combined margin (arXiv 1801.07698, eq. 4): s (cos(m1 theta_y + m3) - m2).

    Numbered as in SV-Softmax: m1 of A-Softmax, m2 of AM, m3 of Arc. The ArcFace paper swaps the
    last two; its CM1 and CM2 are, in our order, (1, 0.2, 0.3), the default, and (0.9, 0.15, 0.4).
    With two of the three off this is exactly the third's loss, save that cos(m1 theta) does not go
    on by A-Softmax's staircase past pi / m1 but, as ArcFace does, by cos theta less a constant.

    Attributes:
        m1: factor on the angle; 1 is none.
        m2: subtracted from the cosine, before the scale.
        m3: added to the angle, radians.
    """

    scale: float = 64.0
    m1: float = 1.0
    m2: float = 0.2
    m3: float = 0.3

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.m1 <= 0:
            raise ValueError(f"expected m1 > 0 (factor on the angle, 1 is none), got {self.m1}")
        if not 0 <= self.m2 <= 2:
            raise ValueError(f"expected 0 <= m2 <= 2 (of a cosine), got {self.m2}")
        _check_angle("m3", self.m3)

    def margined(self, cos: Tensor) -> Tensor:
        """Cos(m1 theta + m3) - m2, monotone over the whole circle."""
        return combined(cos, self.m1, self.m3) - self.m2

    def eased(self, fraction: float) -> Self:
        """The three moved from none to their value."""
        return replace(
            super().eased(fraction),
            m1=1 + fraction * (self.m1 - 1),
            m2=fraction * self.m2,
            m3=fraction * self.m3,
        )


def _check_angle(name: str, value: float) -> None:
    if not 0 <= value <= math.pi / 2:
        raise ValueError(f"expected 0 <= {name} <= pi/2 (radians), got {value}")
