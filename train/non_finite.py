"""Losses and gradients that are no number: noticed on the device, looked at when values are logged.

Nothing here waits for the device, save `Watch.found`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models import comm
from models.head.optimiser import HeadOptimiser

IN_A_ROW = 20
"""After so many steps skipped without one between there is no point in going on."""


class DivergedError(ArithmeticError):
    """The loss or its gradient is no longer a number."""


@dataclass(frozen=True, kw_only=True)
class BadStep:
    """A step whose loss or gradient is not finite.

    Attributes:
        step: counted from 1, as in the log.
        loss, gradient_norm: their values.
        ranks: those whose own embeddings are not finite; none if it came about after them.
    """

    step: int
    loss: float
    gradient_norm: float
    ranks: list[int]

    def __str__(self) -> str:
        what = f"loss {self.loss}, gradient's norm {self.gradient_norm} at step {self.step}"
        if not self.ranks:
            return f"{what}; the embeddings of all ranks were finite"
        return f"{what}; embeddings of rank {', '.join(map(str, self.ranks))} were not finite"


class Watch:
    """Remembers, on the device, the steps since the last look.

    Attributes:
        bad: 1.0 if the step under way is not finite, else 0.0; the same on all ranks.
    """

    def __init__(self, steps: int, device: torch.device) -> None:
        """Makes room for `steps` between two looks."""
        self.bad = torch.zeros((), device=device)
        self._seen = torch.zeros(steps, 4, device=device)  # bad, loss, norm, own embeddings bad
        self._first = self._count = self._row = 0

    def see(self, step: int, loss: Tensor, norm: Tensor, own_bad: Tensor) -> None:
        """Takes note of a step. Loss and norm are the same on all ranks, and so is the verdict.

        The head's gradient needs no look of its own: it is made of what the embeddings' is made of,
        which passes through the backbone into `norm`.
        """
        self.bad.copy_(~(loss.isfinite() & norm.isfinite()))
        if self._count == 0:
            self._first = step
        self._seen[self._count] = torch.stack([self.bad, loss.float(), norm.float(), own_bad])
        self._count += 1

    def found(self) -> list[BadStep]:
        """The bad ones among the steps since the last look; called by all ranks.

        Raises:
            DivergedError: so many in a row that going on is pointless.
        """
        seen = self._seen[: self._count].tolist()  # the device is waited for here
        self._count = 0
        bad = [place for place, values in enumerate(seen) if values[0]]
        for values in seen:
            self._row = self._row + 1 if values[0] else 0
        if not bad:
            return []
        owners = comm.gather_objects([place for place in bad if seen[place][3]])
        return [
            BadStep(
                step=self._first + place,
                loss=seen[place][1],
                gradient_norm=seen[place][2],
                ranks=[rank for rank, places in enumerate(owners) if place in places],
            )
            for place in bad
        ]

    @property
    def hopeless(self) -> bool:
        """Whether the steps before the last look were bad, many in a row."""
        return self._row >= IN_A_ROW


class Unless(HeadOptimiser):
    """A head's optimiser that leaves everything as it was in a bad step."""

    def __init__(self, inner: HeadOptimiser, bad: Tensor) -> None:
        """Moves what `inner` moves, by its rule, unless `bad` is 1 then."""
        super().__init__(inner.head, inner.weight_decay)
        self.inner, self.bad, self.state = inner, bad, inner.state

    def _update(self, weight: Tensor, grad: Tensor, state: dict[str, Tensor], lr: float) -> None:
        moved = [weight, *state.values()]
        before = [tensor.clone() for tensor in moved]
        self.inner._update(weight, grad, state, lr)
        for tensor, old in zip(moved, before):
            tensor.copy_(torch.where(self.bad > 0, old, tensor))


class Buffers:
    """A network's buffers as they were before a step that may turn out bad."""

    def __init__(self, network: nn.Module) -> None:
        """Copies them (BatchNorm's statistics: a few thousand numbers)."""
        self.now = [buffer for buffer in network.buffers() if buffer.is_floating_point()]
        self.before = [buffer.clone() for buffer in self.now]

    def restore_if(self, bad: Tensor) -> None:
        """Puts them back if `bad` is 1."""
        for buffer, old in zip(self.now, self.before):
            buffer.copy_(torch.where(bad > 0, old, buffer))
