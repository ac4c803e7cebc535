"""What lets the gradient of a step be summed over micro-batches as if it were taken at once."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import Tensor, nn

from models import comm
from models.backbones.norm import BatchNorm2d
from models.head.sharded_head import ShardedHead


class StepHead(ShardedHead):
    """A sharded head whose rows (Partial FC) are drawn once a step, for all its micro-batches.

    Without it each micro-batch would draw its own, and the optimiser see the last one's only.
    """

    _sum_rD: Tensor | None = None

    def begin_step(self, label_n: Tensor, step: int) -> None:
        """Draws the rows of a step.

        Args:
            label_n: this rank's labels of the whole step, in the host's memory.
            step: seeds the draw.
        """
        self._sum_rD = None
        if self.sample_rate < 1:
            self.fixed_rows_r = self.draw(comm.gather_rows(label_n), step)

    def add_gradient(self) -> None:
        """Adds the drawn rows' gradient of a micro-batch to that of those before it."""
        if self.drawn_rD is None:  # all rows take part: autograd adds
            return
        grad_rD = self.drawn_rD.grad
        assert grad_rD is not None
        self._sum_rD = grad_rD if self._sum_rD is None else self._sum_rD.add_(grad_rD)
        self.drawn_rD.grad = self._sum_rD


def norms_of(backbone: nn.Module) -> list[tuple[BatchNorm2d, float]]:
    """Every BatchNorm with the momentum of its running statistics."""
    found = [part for part in backbone.modules() if isinstance(part, BatchNorm2d)]
    return [(norm, norm.momentum) for norm in found if norm.momentum is not None]


@contextmanager
def micro_batch(
    wrapped: nn.Module, norms: list[tuple[BatchNorm2d, float]], part: int, parts: int
) -> Iterator[None]:
    """Forward and backward of micro-batch `part` of `parts`.

    Gradients are averaged over ranks in the last one only. Running statistics end where the whole
    batch would have moved them: with momentum m / (P - (P - p) m) in part p = 1 .. P each part's
    statistics weigh m / P in the end, and what was there before 1 - m.
    """
    no_sync = getattr(wrapped, "no_sync", nullcontext)  # DistributedDataParallel has it
    alone: AbstractContextManager[None] = no_sync() if part + 1 < parts else nullcontext()
    for norm, momentum in norms:
        norm.momentum = momentum / (parts - (parts - 1 - part) * momentum)
    try:
        with alone:
            yield
    finally:
        for norm, momentum in norms:
            norm.momentum = momentum


def split(parts: int, *tensors: Tensor) -> list[tuple[Tensor, ...]]:
    """The micro-batches of a rank's batch: consecutive samples, `parts` of equal size."""
    return list(zip(*(torch.chunk(tensor, parts) for tensor in tensors)))
