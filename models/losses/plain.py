"""Softmax over inner products, and over scaled cosines: no margin."""

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from models.losses.base import Loss, Pullback, scaled


@dataclass(frozen=True, kw_only=True)
class Softmax(Loss):
    """Softmax of W x, without bias, nothing normalised: the baseline of all papers."""

    normalise_x: ClassVar[bool] = False
    normalise_w: ClassVar[bool] = False

    def logits(self, sim_Nc: Tensor, target_N: Tensor, index_N: Tensor, owned_N: Tensor) -> Tensor:
        """The similarities themselves."""
        return sim_Nc

    def other_logits(self, sim_Nc: Tensor, target_N: Tensor) -> tuple[Tensor, Pullback]:
        """The identity."""
        return sim_Nc, lambda grad_Nc: grad_Nc


@dataclass(frozen=True, kw_only=True)
class NormFace(Loss):
    """NormFace (arXiv 1704.06369): s cos, with a fixed s.

    The paper learns s. A learnt s does not fit here, where a loss holds no weights.

    Attributes:
        scale: s, multiplies every logit. The loss cannot fall below
            log(1 + (C - 1) exp(-s C / (C - 1))): 30 is enough for any number of classes.
    """

    scale: float = 30.0

    def __post_init__(self) -> None:
        if self.scale <= 0:
            raise ValueError(f"expected scale > 0, got {self.scale}")

    def logits(self, sim_Nc: Tensor, target_N: Tensor, index_N: Tensor, owned_N: Tensor) -> Tensor:
        """s cos."""
        return self.scale * sim_Nc

    def other_logits(self, sim_Nc: Tensor, target_N: Tensor) -> tuple[Tensor, Pullback]:
        """A factor."""
        return self.scale * sim_Nc, scaled(self.scale)

    def hard(self, sim_Nc: Tensor, target_N: Tensor) -> Tensor | None:
        """Negatives nearer than the target: cos theta_k > cos theta_y."""
        return sim_Nc > target_N.unsqueeze(1)


@dataclass(frozen=True, kw_only=True)
class Coco(Loss):
    r"""COCO v2 (arXiv 1710.00870): alpha \hat c_k \hat x, cosine softmax with trainable centroids.

    Equal to NormFace at a fixed scale. The centroids are reparameterised (the gradient passes
    through their normalisation); the authors' code projects them instead, which is the matter of
    the head's optimiser. Under class sampling K stays the number of all classes: fewer in the
    denominator would make the paper's alpha smaller by 0.5 log(1 / rate).

    Attributes:
        alpha: the scale, or "paper" for 0.5 log(K - 1) + 3, which leaves a loss floor
            of 2.75 at K = 87,020; the authors' released face network used 21.475.
        num_classes: K, all classes of the run (never a shard's); only used by the paper's formula.
    """

    alpha: float | str = "paper"
    num_classes: int | None = None

    def __post_init__(self) -> None:
        if self.alpha == "paper":
            if self.num_classes is None or self.num_classes < 2:
                raise ValueError(
                    f"coco: alpha by the paper's formula needs at least 2 classes, got "
                    f"{self.num_classes}; give alpha a value"
                )
        elif isinstance(self.alpha, str) or not self.alpha > 0:
            raise ValueError(f'coco: expected alpha > 0 or "paper", got {self.alpha!r}')

    @property
    def scale(self) -> float:
        """alpha in use."""
        if isinstance(self.alpha, int | float):
            return self.alpha
        assert self.num_classes is not None
        return 0.5 * math.log(self.num_classes - 1) + 3

    def logits(self, sim_Nc: Tensor, target_N: Tensor, index_N: Tensor, owned_N: Tensor) -> Tensor:
        """alpha cos."""
        return self.scale * sim_Nc

    def other_logits(self, sim_Nc: Tensor, target_N: Tensor) -> tuple[Tensor, Pullback]:
        """A factor."""
        return self.scale * sim_Nc, scaled(self.scale)
