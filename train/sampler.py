"""Which samples make which batch: a pure function of (seed, step), for any number of ranks."""

from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np

Order = Callable[[int], np.ndarray]
"""Places [batch] of all ranks' samples at a step, counted from 0."""


def global_batch(step: int, *, size: int, batch: int, seed: int) -> np.ndarray:
    """Indices [batch] of step `step`, counted from 0.

    The run reads an endless sequence of permutations of 0 .. size - 1, one an epoch; batch `step`
    is its samples step * batch onwards, so batches may reach into the next epoch and none is
    dropped.
    """
    return _default(size, seed)(step * batch, batch)


@lru_cache(maxsize=1)
def _default(size: int, seed: int) -> "Permutations":
    return Permutations(size, seed)


class Permutations:
    """The endless sequence of permutations of 0 .. size - 1 that follows from a seed."""

    def __init__(self, size: int, *seed: int) -> None:
        """Sequences of other seeds (up to three numbers, the last one not 0) are others."""
        self.size, self.seed = size, seed
        self._epoch, self._order = -1, np.empty(0, np.int64)

    def __call__(self, start: int, count: int) -> np.ndarray:
        """Its entries from `start` on, int64 [count]."""
        epochs, inside = np.divmod(np.arange(start, start + count), self.size)
        found = np.empty(count, np.int64)
        for epoch in range(epochs[0], epochs[-1] + 1):
            here = epochs == epoch
            found[here] = self._permutation(epoch)[inside[here]]
        return found

    def _permutation(self, epoch: int) -> np.ndarray:
        """The order of one epoch; the last one asked for is kept."""
        if epoch != self._epoch:
            first, *others = self.seed
            draw = np.random.default_rng([first, epoch, *others])
            self._epoch, self._order = epoch, draw.permutation(self.size)
        return self._order


class StepBatches:
    """This rank's share of each batch from `start` to `total`.

    A rank takes consecutive samples of the batch, so groups of BatchNorm are the same for any
    number of ranks.
    """

    def __init__(
        self, order: Order, *, batch: int, start: int, total: int, rank: int, world: int
    ) -> None:
        """Refuses a batch that the ranks cannot share evenly."""
        if batch % world:
            raise ValueError(f"batch: expected one that {world} ranks share evenly, got {batch}")
        self.order, self.start, self.total = order, start, total
        self.local = batch // world
        self.offset = rank * self.local

    def __len__(self) -> int:
        return self.total - self.start

    def __iter__(self) -> Iterator[list[int]]:
        for step in range(self.start, self.total):
            yield self.order(step)[self.offset : self.offset + self.local].tolist()
