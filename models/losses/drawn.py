"""Margins with chance in them: Noisy Softmax and ElasticFace.

Numbers are standard normal, one a sample and step, the same on all ranks.
"""

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from torch import Tensor

from models.losses.margins import turned
from models.losses.plain import NormFace, Softmax


@dataclass(frozen=True, kw_only=True)
class Noisy(Softmax):
    r"""Noisy Softmax (CVPR 2017): the target's logit z less alpha ||W|| ||x|| (1 - cos) |xi|.

    That is z - alpha (||W|| ||x|| - z) |xi|, xi standard normal; nothing normalised, no bias.
    Gradients pass through both norms.

    Attributes:
        alpha: strength of the noise, at least 0.
    """

    draws: ClassVar[bool] = True
    alpha: float = 0.1

    def __post_init__(self) -> None:
        if self.alpha < 0:
            raise ValueError(f"expected alpha >= 0, got {self.alpha}")

    def shift(
        self, target_N: Tensor, x_norm_N: Tensor, w_norm_N: Tensor, draw_N: Tensor | None
    ) -> Tensor:
        """alpha (||W|| ||x|| - z) |xi|."""
        assert draw_N is not None
        return self.alpha * (x_norm_N * w_norm_N - target_N) * draw_N.abs()

    def eased(self, fraction: float) -> Self:
        """alpha at `fraction` of its value."""
        return replace(self, alpha=fraction * self.alpha)


@dataclass(frozen=True, kw_only=True)
class ElasticCos(NormFace):
    """ElasticFace-Cos (arXiv 2109.09416; code: fdbtrs/ElasticFace): s (cos theta_y - N(m, sigma)).

    The "+" variants, which hand margins out by the order of the targets, are left out: when margins
    are chosen, a rank knows only the targets of its own classes.

    Attributes:
        margin: m, mean of the margin, of a cosine.
        sigma: its standard deviation; 0.0125 in the code.
    """

    draws: ClassVar[bool] = True
    scale: float = 64.0
    margin: float = 0.35
    sigma: float = 0.0125

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.margin <= math.pi / 2:
            raise ValueError(f"expected 0 <= margin <= pi/2, got {self.margin}")
        if self.sigma < 0:
            raise ValueError(f"expected sigma >= 0, got {self.sigma}")

    def shift(
        self, target_N: Tensor, x_norm_N: Tensor, w_norm_N: Tensor, draw_N: Tensor | None
    ) -> Tensor:
        """The margin itself."""
        assert draw_N is not None
        return self.margin + self.sigma * draw_N

    def eased(self, fraction: float) -> Self:
        """m and sigma at `fraction` of their value."""
        return replace(self, margin=fraction * self.margin, sigma=fraction * self.sigma)


@dataclass(frozen=True, kw_only=True)
class ElasticArc(ElasticCos):
    """ElasticFace-Arc (arXiv 2109.09416): s cos(theta_y + N(m, sigma)).

    Margins beyond 0 .. pi / 2 count as the bound they passed; past pi the target goes on as in
    ArcFace.

    Attributes:
        margin: m, mean of the margin, radians.
    """

    margin: float = 0.5

    def shift(
        self, target_N: Tensor, x_norm_N: Tensor, w_norm_N: Tensor, draw_N: Tensor | None
    ) -> Tensor:
        """Cos theta - cos(theta + margin)."""
        margin_N = super().shift(target_N, x_norm_N, w_norm_N, draw_N).clamp(0, math.pi / 2)
        return target_N - turned(target_N, margin_N)
