"""Hard negatives made harder: SV-Softmax, MV-Softmax and CurricularFace, on any margin.

A negative is hard when its cosine beats the target's after the margin, strictly: a tie is easy. The
target is never counted among them, and the indicator carries no gradient. Under class sampling a
hard negative is drawn with probability rate, so the hardest is mostly missing.
"""

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch
from torch import Tensor

from models.losses.angular import AM, Arc, Combined, Margined, Slope


@dataclass(frozen=True, kw_only=True)
class Guided(Margined):
    """g(cos theta_k) is cosine + `emphasis` for hard negatives, and the cosine for others."""

    def negatives(self, sim_Nc: Tensor, target_N: Tensor) -> tuple[Tensor, Slope]:
        """Sim + hard x emphasis.

        `torch.where` would say it plainly, and takes ten times as long on a CPU.
        """
        threshold_N1 = self.margined(target_N).unsqueeze(1)
        hard_Nc = torch.gt(sim_Nc.detach(), threshold_N1, out=torch.empty_like(sim_Nc))
        values_Nc = self.emphasis(sim_Nc, target_N).mul_(hard_Nc).add_(sim_Nc)

        def slope(grad_Nc: Tensor) -> Tensor:
            by = self.emphasis_slope(sim_Nc, target_N)
            if isinstance(by, Tensor):
                return grad_Nc.addcmul_(grad_Nc, hard_Nc.mul_(by))
            return grad_Nc.addcmul_(grad_Nc, hard_Nc, value=by)

        return values_Nc, slope

    def emphasis(self, sim_Nc: Tensor, target_N: Tensor) -> Tensor:
        """What is added to a hard negative's cosine, as a new tensor."""
        raise NotImplementedError

    def emphasis_slope(self, sim_Nc: Tensor, target_N: Tensor) -> Tensor | float:
        """Its derivative in the cosine."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class SVSoftmax(Guided):
    r"""SV-Softmax (arXiv 1812.11317, eq. 5): hard negatives get t cos + t - 1 in place of cos.

    The paper's product h(t, theta_k) e^{s cos}, which overflows float32 at s = 64, is formed as the
    one logit s (t cos + t - 1). The indicator has no gradient (eqs. 14, 15).

    Attributes:
        scale: s; the authors' 30.
        t: at least 1; 1 is no guidance. The authors use 1.2 and warn of divergence above 1.4.
    """

    scale: float = 30.0
    t: float = 1.2

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.t < 1:
            raise ValueError(f"expected t >= 1 (1 turns support vectors off), got {self.t}")

    def emphasis(self, sim_Nc: Tensor, target_N: Tensor) -> Tensor:
        """(t - 1) (1 + cos)."""
        return torch.add(sim_Nc.new_full((), self.t - 1), sim_Nc, alpha=self.t - 1)

    def emphasis_slope(self, sim_Nc: Tensor, target_N: Tensor) -> float:
        """t - 1."""
        return self.t - 1

    def eased(self, fraction: float) -> Self:
        """t moved from 1 to its value, and the margin as its own class says."""
        return replace(super().eased(fraction), t=1 + fraction * (self.t - 1))


@dataclass(frozen=True, kw_only=True)
class SVAM(SVSoftmax, AM):
    """SV-AM-Softmax (arXiv 1812.11317, eq. 6): f = cos theta_y - m. s = 30, m = 0.35, t = 1.2."""


@dataclass(frozen=True, kw_only=True)
class SVArc(SVSoftmax, Arc):
    """SV-Arc-Softmax (arXiv 1812.11317, eq. 6): f = cos(theta_y + m). s = 30, m = 0.5, t = 1.2."""


@dataclass(frozen=True, kw_only=True)
class SVCombined(SVSoftmax, Combined):
    """SV-Softmax on the combined margin (arXiv 1812.11317, eq. 6): cos(m1 theta_y + m3) - m2."""


@dataclass(frozen=True, kw_only=True)
class MVSoftmax(Guided):
    r"""MV-Softmax (AAAI 2020; code: xiaoboCASIA/SV-X-Softmax): misclassified vectors.

    Hard negatives get (t + 1) cos + t (adaptive) or cos + t (fixed). Adaptive without easy margin
    is SV-Softmax at 1 + t.

    Attributes:
        scale: s; 32 in the authors' code.
        t: at least 0; 0 is no guidance, 0.2 in the authors' code.
        mode: "adaptive" or "fixed".
        easy_margin: whether the margin is only applied to targets with cos > 0; which negatives are
            hard is told with the margin all the same, as in the authors' code. True there; False
            here, since the target's logit then falls by the whole margin as cos passes above 0.
    """

    scale: float = 32.0
    t: float = 0.2
    mode: str = "adaptive"
    easy_margin: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.t < 0:
            raise ValueError(f"expected t >= 0 (0 turns guidance off), got {self.t}")
        if self.mode not in ("adaptive", "fixed"):
            raise ValueError(f"expected mode adaptive or fixed, got {self.mode!r}")

    def own(self, cos: Tensor) -> Tensor:
        """f, or cos where an easy margin spares it."""
        margined = self.margined(cos)
        return torch.where(cos > 0, margined, cos) if self.easy_margin else margined

    def emphasis(self, sim_Nc: Tensor, target_N: Tensor) -> Tensor:
        """t (1 + cos), or t."""
        if self.mode == "adaptive":
            return torch.add(sim_Nc.new_full((), self.t), sim_Nc, alpha=self.t)
        return torch.full_like(sim_Nc, self.t)

    def emphasis_slope(self, sim_Nc: Tensor, target_N: Tensor) -> float:
        """t, or 0."""
        return self.t if self.mode == "adaptive" else 0.0

    def eased(self, fraction: float) -> Self:
        """t at `fraction` of its value, and the margin as its own class says."""
        return replace(super().eased(fraction), t=fraction * self.t)


@dataclass(frozen=True, kw_only=True)
class MVAM(MVSoftmax, AM):
    """MV-AM-Softmax: f = cos theta_y - m, m = 0.35."""


@dataclass(frozen=True, kw_only=True)
class MVArc(MVSoftmax, Arc):
    """MV-Arc-Softmax: f = cos(theta_y + m), m = 0.5."""


@dataclass(frozen=True, kw_only=True)
class Curricular(Guided, Arc):
    """CurricularFace (CVPR 2020; code: HuangYG123/CurricularFace): cos (t + cos) where hard.

    t is a running mean of the batch's mean target cosine, brought up to date with this batch's
    before it is used. The loss holds no state: `logits` starts from the `t` of the steps before,
    and `memory_after` gives the t of the next step. Sampling does not change t.

    Attributes:
        scale: s.
        t: the running mean before this step; 0 at the start of a run.
        rate: weight of a new batch in it; 0.01 (TFace takes 0.1).
    """

    remembers: ClassVar[bool] = True

    scale: float = 64.0
    t: float = 0.0
    rate: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.rate <= 1:
            raise ValueError(f"expected rate in 0 .. 1, got {self.rate}")

    def emphasis(self, sim_Nc: Tensor, target_N: Tensor) -> Tensor:
        """Cos (t + cos) - cos."""
        return sim_Nc * (self._t(target_N) - 1 + sim_Nc)

    def emphasis_slope(self, sim_Nc: Tensor, target_N: Tensor) -> Tensor:
        """t - 1 + 2 cos."""
        return self._t(target_N) - 1 + 2 * sim_Nc

    def _t(self, target_N: Tensor) -> Tensor:
        """The running mean with this batch in it."""
        return (1 - self.rate) * self.t + self.rate * target_N.mean()

    def recalling(self, memory: float) -> Self:
        """With t as the run has it."""
        return replace(self, t=memory)

    def memory_after(self, mean_target: float) -> float:
        """t with one more batch in it."""
        return (1 - self.rate) * self.t + self.rate * mean_target
