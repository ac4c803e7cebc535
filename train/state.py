"""What changes while training, in one place: all that a checkpoint holds."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.head.optimiser import HeadOptimiser
from models.head.sharded_head import ShardedHead


@dataclass
class TrainState:
    """The running state.

    Attributes:
        backbone: unwrapped (never the DDP module).
        head: this rank's classes.
        optimiser: of the backbone.
        head_optimiser: of the head.
        step: steps done.
        loss_memory: what a loss that remembers (CurricularFace) keeps from step to step.
    """

    backbone: nn.Module
    head: ShardedHead
    optimiser: torch.optim.Optimizer
    head_optimiser: HeadOptimiser
    step: int = 0
    loss_memory: float = 0.0

    def momentum(self, parameter: Tensor) -> Tensor:
        """The momentum of a backbone parameter, made (as zeros) where no step was taken yet."""
        state = self.optimiser.state[parameter]
        if state.get("momentum_buffer") is None:
            state["momentum_buffer"] = torch.zeros_like(parameter)
        return state["momentum_buffer"]
