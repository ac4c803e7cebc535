"""Updates of the class weights, whole or of drawn rows only, in place and without temporaries.

Undrawn rows do not move at all: no gradient, no momentum, no decay.

c: this shard's classes. r: rows of a step. D: embedding dimension.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from models.head.sharded_head import ShardedHead
from models.head.sharding import pieces

_BLOCK, _BLOCK_ON_GPU = 256, 1 << 14
"""Rows updated at once: weight, gradient and momentum stay in a core's cache, or fill a GPU."""


class HeadOptimiser(ABC):
    """Moves a head's weights by the gradients of its last backward pass.

    Attributes:
        state: tensors [c, ...] that belong to the rows, by name; a checkpoint holds them.
    """

    def __init__(self, head: ShardedHead, weight_decay: float) -> None:
        """Keeps the head; `weight_decay` is of the weights, per step and learning rate."""
        self.head, self.weight_decay = head, weight_decay
        self.state: dict[str, Tensor] = {}

    @torch.no_grad()
    def step(self, lr: float) -> None:
        """One update with learning rate `lr`; the gradients are dropped."""
        weight_cD, rows_r = self.head.weight_cD, self.head.rows_r
        block = _BLOCK_ON_GPU if weight_cD.is_cuda else _BLOCK
        if rows_r is None:
            if weight_cD.grad is not None:
                for low, high in pieces(0, weight_cD.shape[0], block):
                    state = {name: t[low:high] for name, t in self.state.items()}
                    self._update(weight_cD[low:high], weight_cD.grad[low:high], state, lr)
                    self._project(weight_cD[low:high])
                self.head.spare[:] = [weight_cD.grad]
            weight_cD.grad = None
            return
        drawn_rD = self.head.drawn_rD
        assert drawn_rD is not None and drawn_rD.grad is not None
        for low, high in pieces(0, rows_r.shape[0], block):
            rows, new = rows_r[low:high], drawn_rD[low:high].detach()
            state = {name: t[rows] for name, t in self.state.items()}
            self._update(new, drawn_rD.grad[low:high], state, lr)
            self._project(new)
            weight_cD[rows] = new
            for name, values in state.items():
                self.state[name][rows] = values
        self.head.drawn_rD = self.head.rows_r = None

    def _project(self, weight: Tensor) -> None:
        """Sets rows to unit length where the head asks for it."""
        if self.head.projected:
            weight /= weight.norm(dim=1, keepdim=True).clamp_min(1e-12)

    @abstractmethod
    def _update(self, weight: Tensor, grad: Tensor, state: dict[str, Tensor], lr: float) -> None:
        """Moves rows of weights and of the state, in place; `grad` may be used up."""


class HeadSGD(HeadOptimiser):
    """SGD with momentum, torch's rule: v = momentum v + g + decay w; w = w - lr v."""

    def __init__(self, head: ShardedHead, *, momentum: float, weight_decay: float) -> None:
        """Momentum starts at zero."""
        super().__init__(head, weight_decay)
        self.momentum = momentum
        self.state["momentum"] = torch.zeros_like(head.weight_cD, requires_grad=False)

    def _update(self, weight: Tensor, grad: Tensor, state: dict[str, Tensor], lr: float) -> None:
        velocity = state["momentum"]
        velocity.mul_(self.momentum).add_(grad).add_(weight, alpha=self.weight_decay)
        weight.add_(velocity, alpha=-lr)


class HeadAdamW(HeadOptimiser):
    """AdamW (arXiv 1711.05101), with the number of updates counted for each row by itself."""

    def __init__(
        self,
        head: ShardedHead,
        *,
        weight_decay: float,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        """Moments start at zero."""
        super().__init__(head, weight_decay)
        self.betas, self.eps = betas, eps
        weight = head.weight_cD.detach()
        self.state["first_moment"] = torch.zeros_like(weight)
        self.state["second_moment"] = torch.zeros_like(weight)
        self.state["updates"] = torch.zeros_like(weight[:, :1])

    def _update(self, weight: Tensor, grad: Tensor, state: dict[str, Tensor], lr: float) -> None:
        (beta1, beta2), updates = self.betas, state["updates"]
        updates += 1
        first = state["first_moment"].lerp_(grad, 1 - beta1)
        second = state["second_moment"].mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
        weight.mul_(1 - lr * self.weight_decay)
        spread = (second / (1 - beta2**updates)).sqrt_().add_(self.eps)
        weight.sub_(lr * first / (1 - beta1**updates) / spread)
