"""What changes while training, in one place: all that a checkpoint holds."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.head.optimiser import HeadOptimiser
from models.head.sharded_head import ShardedHead


@dataclass
class TrainState:
    """The running state. Order, augmentation and all random numbers follow from `step` alone.

    Attributes:
        backbone: unwrapped (never the DDP module).
        head: this rank's classes.
        optimiser: of the backbone.
        head_optimiser: of the head.
        average: running mean of the backbone over steps (train.average); None if not kept.
        step: steps done.
        loss_memory: what a loss that remembers (CurricularFace) keeps from step to step.
        best: the best validation figure so far; None before the first validation.
        best_step: its step.
    """

    backbone: nn.Module
    head: ShardedHead
    optimiser: torch.optim.Optimizer
    head_optimiser: HeadOptimiser
    average: nn.Module | None = None
    step: int = 0
    loss_memory: float = 0.0
    best: float | None = None
    best_step: int = 0

    @property
    def result(self) -> nn.Module:
        """The network to verify and to export: the running mean where one is kept."""
        return self.backbone if self.average is None else self.average

    def momentum(self, parameter: Tensor) -> Tensor:
        """The momentum of a backbone parameter, made (as zeros) where no step was taken yet."""
        state = self.optimiser.state[parameter]
        if state.get("momentum_buffer") is None:
            state["momentum_buffer"] = torch.zeros_like(parameter)
        return state["momentum_buffer"]
