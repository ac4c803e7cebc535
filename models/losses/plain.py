"""Softmax over inner products, and over scaled cosines: no margin."""

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from models.losses.base import Loss


@dataclass(frozen=True, kw_only=True)
class Softmax(Loss):
    """Softmax of W x, without bias, nothing normalised: the baseline of all papers."""

    normalise_x: ClassVar[bool] = False
    normalise_w: ClassVar[bool] = False

    def logits(self, sim_Nc: Tensor, target_N: Tensor, index_N: Tensor, owned_N: Tensor) -> Tensor:
        """The similarities themselves."""
        return sim_Nc


@dataclass(frozen=True, kw_only=True)
class Coco(Loss):
    r"""COCO v2 (arXiv 1710.00870): alpha \hat c_k \hat x, cosine softmax with trainable centroids.

    Equal to NormFace at a fixed scale. The centroids are reparameterised (the gradient passes
    through their normalisation); the authors' code projects them instead.

    Attributes:
        alpha: the scale. None takes the paper's 0.5 log(K - 1) + 3, which leaves a loss floor of
            2.75 at K = 87,020; the authors' released face network used 21.475.
        num_classes: K, all classes of the run (never a shard's); only used when alpha is None.
    """

    alpha: float | None = None
    num_classes: int | None = None

    def __post_init__(self) -> None:
        if self.alpha is None and (self.num_classes is None or self.num_classes < 2):
            raise ValueError(
                f"coco: alpha by the paper's formula needs at least 2 classes, got "
                f"{self.num_classes}; give alpha a value"
            )
        if self.alpha is not None and self.alpha <= 0:
            raise ValueError(f"coco: expected alpha > 0, got {self.alpha}")

    @property
    def scale(self) -> float:
        """alpha in use."""
        if self.alpha is not None:
            return self.alpha
        assert self.num_classes is not None
        return 0.5 * math.log(self.num_classes - 1) + 3

    def logits(self, sim_Nc: Tensor, target_N: Tensor, index_N: Tensor, owned_N: Tensor) -> Tensor:
        """alpha cos."""
        return self.scale * sim_Nc
