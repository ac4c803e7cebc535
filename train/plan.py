"""What happens at which step: schedules and choices as the loop needs them, without settings."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch

from models.losses.base import Loss
from models.losses.reduction import Reduction


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What happens at which step.

    Attributes:
        total: steps of the run.
        batch: images a step over all ranks.
        seed: of whatever draws random numbers in a step.
        accumulate: micro-batches of a step.
        lr: learning rate of a step.
        head_lr: factor on it for the head.
        loss: loss of a step (margins may warm up, scales move).
        compile_head: whether the head's elementwise work is compiled, at steps whose loss stays.
        reduction: from the samples' losses to one.
        autocast: dtype of the backbone's products; None for float32.
        clip: largest norm of the backbone's gradient; 0 does not clip.
        average: decay of the running mean of the backbone; 0 keeps none.
        non_finite: what to do with a loss or gradient that is no number.
        log_every: steps between two looks at the device.
        save_every: steps that a kill may cost at most: a save begins twice in so many, and has to
            be complete after as many (train.saver). A fraction may be asked.
        validate_every: steps between two verifications; a fraction may be asked.
        best: the validation figure whose highest value makes a checkpoint the best.
    """

    total: int
    batch: int
    seed: int
    accumulate: int
    lr: Callable[[int], float]
    head_lr: float
    loss: Callable[[int], Loss]
    compile_head: bool = False
    reduction: Reduction
    autocast: torch.dtype | None
    clip: float
    average: float
    non_finite: Literal["stop", "skip"]
    log_every: int
    save_every: float
    validate_every: float
    best: str

    def compiles_head(self, step: int) -> bool:
        """Whether a step's head is compiled; a moving loss would be compiled at every step."""
        loss = self.loss(step)
        return self.compile_head and not loss.remembers and loss == self.loss(step + 1)
