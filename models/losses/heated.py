"""Heated-up softmax: a scale that falls late in the run, so that easy samples get gradient too."""

from dataclasses import dataclass, replace
from typing import ClassVar, Self

from torch import Tensor

from models.losses.base import Loss, Pullback, scaled


@dataclass(frozen=True, kw_only=True)
class HeatedLN(Loss):
    r"""Heated-up softmax, LN (arXiv 1809.04157): alpha cos, alpha 16 and from some point on 4.

    alpha is an *inverse* temperature: heating up lowers it. The paper switches once, and lowers the
    learning rate to a tenth at the same step (a milestone of the optimiser's schedule); it found a
    smooth fall to do as well. Before the switch this is NormFace at scale alpha. The numbers were
    tuned for 98 to 11,000 classes, all in the denominator: with more, or with sampling, take them
    as a start. The paper has no experiments on faces.

    Attributes:
        alpha: before the switch.
        heated: at the end of the run.
        switch: share of the run after which alpha changes; the authors' code has 61 of 80 epochs.
        schedule: "step" goes to `heated` at the switch, "smooth" falls from there to the end,
            geometrically.
    """

    alpha: float = 16.0
    heated: float = 4.0
    switch: float = 0.75
    schedule: str = "step"

    def __post_init__(self) -> None:
        if not (self.alpha > 0 and self.heated > 0):
            raise ValueError(
                f"expected alpha > 0 and heated > 0, got {self.alpha} and {self.heated}"
            )
        if not 0 <= self.switch < 1:
            raise ValueError(f"expected switch in 0 .. 1 (share of the run), got {self.switch}")
        if self.schedule not in ("step", "smooth"):
            raise ValueError(f"expected schedule step or smooth, got {self.schedule!r}")

    def logits(self, sim_Nc: Tensor, target_N: Tensor, index_N: Tensor, owned_N: Tensor) -> Tensor:
        """alpha cos."""
        return self.alpha * sim_Nc

    def other_logits(self, sim_Nc: Tensor, target_N: Tensor) -> tuple[Tensor, Pullback]:
        """A factor."""
        return self.alpha * sim_Nc, scaled(self.alpha)

    def at(self, progress: float) -> Self:
        """The loss of one moment, with alpha as it then is."""
        if progress < self.switch:
            alpha = self.alpha
        elif self.schedule == "step":
            alpha = self.heated
        else:
            passed = (progress - self.switch) / (1 - self.switch)
            alpha = self.alpha * (self.heated / self.alpha) ** passed
        return replace(self, alpha=alpha, heated=alpha)


@dataclass(frozen=True, kw_only=True)
class HeatedBN(HeatedLN):
    """Heated-up softmax, BN (arXiv 1809.04157): alpha \\hat w x, x not L2-normalised.

    The backbone's last layer must be a batch norm without learnt scale, divided by the root of the
    embedding's dimension, so that embeddings have norm 1 on average. The iresnets and
    `small_resnet` end in that batch norm, undivided: give alpha divided by the root instead.
    """

    normalise_x: ClassVar[bool] = False
