"""From the cross-entropy of each sample to one number: the mean, and weightings of it.

They combine with every loss: each sees the same [N] on all ranks, so needs no collective.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Reduction = Callable[[Tensor], Tensor]
"""Cross-entropies [N] to a scalar; differentiated."""


def mean(ce_N: Tensor) -> Tensor:
    """The mean over all samples."""
    return ce_N.mean()


@dataclass(frozen=True, kw_only=True)
class Focal:
    """F-Softmax: -(1 - p_y)^gamma log p_y (arXiv 1708.02002; 1812.11317, eq. 3).

    The gradient passes through the weight, as in the SV-Softmax authors' later code.

    Attributes:
        gamma: exponent; 0 is the mean.
    """

    gamma: float = 2.0

    def __post_init__(self) -> None:
        if self.gamma < 0:
            raise ValueError(f"focal: expected gamma >= 0, got {self.gamma}")

    def __call__(self, ce_N: Tensor) -> Tensor:
        """The weighted mean over all samples."""
        # Rounding may leave a cross-entropy of -1e-16, and roots have no slope at 0.
        wrong_N = (-(-ce_N).expm1()).clamp_min(torch.finfo(ce_N.dtype).tiny)
        return (wrong_N.pow(self.gamma) * ce_N).mean()


@dataclass(frozen=True, kw_only=True)
class HardMining:
    """HM-Softmax: the mean over the samples of highest loss (arXiv 1812.11317, eq. 3).

    Attributes:
        keep: share of the samples kept, rounded up; 0.9 in the authors' code. Ties go to the
            samples that come first.
    """

    keep: float = 0.9

    def __post_init__(self) -> None:
        if not 0 < self.keep <= 1:
            raise ValueError(f"hard_mining: expected keep above 0 and at most 1, got {self.keep}")

    def __call__(self, ce_N: Tensor) -> Tensor:
        """The mean over the kept samples."""
        order = ce_N.argsort(descending=True, stable=True)
        kept = math.ceil(round(self.keep * ce_N.shape[0], 6))  # 0.7 * 10 is above 7 in floats
        return ce_N[order[:kept]].mean()


REDUCTIONS: dict[str, Callable[..., Reduction]] = {
    "mean": lambda: mean,
    "focal": Focal,
    "hard_mining": HardMining,
}
