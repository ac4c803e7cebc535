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
        loss_memory: what a loss that remembers (CurricularFace) keeps from step to step; on the
            head's device once a step was taken.
        best: the best validation figure so far; None before the first validation.
        best_step: its step.
    """

    backbone: nn.Module
    head: ShardedHead
    optimiser: torch.optim.Optimizer
    head_optimiser: HeadOptimiser
    average: nn.Module | None = None
    step: int = 0
    loss_memory: float | Tensor = 0.0
    best: float | None = None
    best_step: int = 0

    @property
    def result(self) -> nn.Module:
        """The network to verify and to export: the running mean where one is kept."""
        return self.backbone if self.average is None else self.average

    @property
    def moments(self) -> dict[str, dict[str, Tensor]]:
        """The optimiser's running values, by kind (momentum; exp_avg, ...) and parameter's name."""
        found: dict[str, dict[str, Tensor]] = {}
        for name, parameter in self.backbone.named_parameters():
            for kind, value in self.optimiser.state.get(parameter, {}).items():
                found.setdefault(kind.removesuffix("_buffer"), {})[name] = value
        return found
