"""Which samples make which batch: a pure function of (seed, step), for any number of ranks."""

from collections.abc import Iterator

import numpy as np


def global_batch(step: int, *, size: int, batch: int, seed: int) -> np.ndarray:
    """Indices [batch] of step `step`, counted from 0.

    The run reads an endless sequence of permutations of 0 .. size - 1, one an epoch; batch `step`
    is its samples step * batch onwards, so batches may reach into the next epoch and none is
    dropped.
    """
    place = np.arange(step * batch, (step + 1) * batch)
    epochs, inside = np.divmod(place, size)
    indices = np.empty(batch, dtype=np.int64)
    for epoch in range(epochs[0], epochs[-1] + 1):
        here = epochs == epoch
        indices[here] = permutation(seed, epoch, size)[inside[here]]
    return indices


_last: tuple[tuple[int, int, int], np.ndarray] | None = None


def permutation(seed: int, epoch: int, size: int) -> np.ndarray:
    """The order of one epoch; the last one asked for is kept."""
    global _last
    key = (seed, epoch, size)
    if _last is None or _last[0] != key:
        _last = (key, np.random.default_rng([seed, epoch]).permutation(size))
    return _last[1]


class StepBatches:
    """This rank's share of each batch from `start` to `total`, as a loader's batch sampler.

    A rank takes consecutive samples of the batch, so groups of BatchNorm are the same for any
    number of ranks.
    """

    def __init__(
        self, *, size: int, batch: int, seed: int, start: int, total: int, rank: int, world: int
    ) -> None:
        """Refuses a batch that the ranks cannot share evenly."""
        if batch % world:
            raise ValueError(f"expected a batch that {world} ranks share evenly, got {batch}")
        self.size, self.batch, self.seed = size, batch, seed
        self.start, self.total = start, total
        self.local = batch // world
        self.offset = rank * self.local

    def __len__(self) -> int:
        return self.total - self.start

    def __iter__(self) -> Iterator[list[int]]:
        for step in range(self.start, self.total):
            whole = global_batch(step, size=self.size, batch=self.batch, seed=self.seed)
            yield whole[self.offset : self.offset + self.local].tolist()
