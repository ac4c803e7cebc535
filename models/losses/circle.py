"""Circle loss in its class-level form: every logit weighted by how far it is from its optimum."""

from dataclasses import dataclass

from torch import Tensor

from models.losses.base import Loss, set_target


@dataclass(frozen=True, kw_only=True)
class Circle(Loss):
    r"""Circle loss (arXiv 2002.10857, class-level; code: JDAI-CV/FaceX-Zoo).

    Target: s [1 + m - cos]_+ (cos - (1 - m)). Negatives: s [cos + m]_+ (cos - m). The brackets are
    weights without gradient. A smaller m asks for more, so `eased` does nothing.

    Attributes:
        scale: gamma.
        margin: m, the relaxation, in 0 .. 1.
    """

    scale: float = 256.0
    margin: float = 0.25

    def __post_init__(self) -> None:
        if self.scale <= 0:
            raise ValueError(f"expected scale > 0, got {self.scale}")
        if not 0 <= self.margin <= 1:
            raise ValueError(f"expected 0 <= margin <= 1, got {self.margin}")

    def logits(self, sim_Nc: Tensor, target_N: Tensor, index_N: Tensor, owned_N: Tensor) -> Tensor:
        """Weighted distances from the optima, times s."""
        m = self.margin
        own_N = sim_Nc.gather(1, index_N.unsqueeze(1)).squeeze(1)
        own_N = (1 + m - own_N.detach()).clamp_min(0) * (own_N - (1 - m))
        negatives_Nc = (sim_Nc.detach() + m).clamp_min(0) * (sim_Nc - m)
        return self.scale * set_target(negatives_Nc, own_N, index_N, owned_N)
