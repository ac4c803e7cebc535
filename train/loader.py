"""Batches of a rank, decoded ahead of the step that takes them.

Workers are threads, not processes: reading and decoding happen outside of Python's lock, straight
into the batch's memory. So nothing is copied between processes, no shared memory has to be had,
and a worker starts at once, whatever the size of the set.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from data_prep.dataset import FaceDataset
from train.sampler import StepBatches

PIECE = 32
"""Images that a thread takes at once: handing over costs as much as reading one of them."""

AHEAD = 2
"""Whole batches begun beside the one that the step takes, where that keeps all threads busy."""


class Loader:
    """uint8 pixels [n, H, W, 3] and labels [n] of each batch, in order.

    Attributes:
        dataset: what is read.
        batch_sampler: the places of each batch.
    """

    def __init__(
        self,
        dataset: FaceDataset,
        batch_sampler: StepBatches,
        *,
        size: tuple[int, int],
        workers: int,
        pin_memory: bool = False,
        instead: Callable[[int, str], int] | None = None,
    ) -> None:
        """Starts nothing yet.

        Args:
            dataset: records.
            batch_sampler: this rank's share of each batch.
            size: (height, width) of all images, pixels.
            workers: threads; with 0 the caller's own does the work when a batch is asked for.
            pin_memory: make batches in memory that a GPU reads by itself.
            instead: see `FaceDataset.read`; called from the threads.
        """
        self.dataset, self.batch_sampler = dataset, batch_sampler
        self.size, self.workers = size, workers
        self.pin_memory, self.instead = pin_memory, instead

    def __len__(self) -> int:
        return len(self.batch_sampler)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches.

        Raises:
            ValueError: an image cannot be read, and `instead` names no other.
        """
        if self.workers == 0:
            for places in self.batch_sampler:
                batch = self._empty(places)
                self._read(batch)
                yield batch.tensors
            return
        under_way: deque[tuple[_Batch, list[Future[None]]]] = deque()
        with ThreadPoolExecutor(self.workers, thread_name_prefix="loader") as pool:
            try:
                for places in self.batch_sampler:
                    self.dataset.expect(places)
                    batch = self._empty(places)
                    pieces = [pool.submit(self._read, piece) for piece in batch.pieces()]
                    under_way.append((batch, pieces))
                    if len(under_way) > AHEAD + 2 * self.workers // len(pieces):
                        yield _complete(*under_way.popleft())
                while under_way:
                    yield _complete(*under_way.popleft())
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def _empty(self, places: list[int]) -> "_Batch":
        shape, pin = (len(places), *self.size, 3), self.pin_memory
        pixels = torch.empty(shape, dtype=torch.uint8, pin_memory=pin)
        labels = torch.empty(len(places), dtype=torch.int64, pin_memory=pin)
        return _Batch(np.array(places), pixels.numpy(), labels.numpy(), (pixels, labels))

    def _read(self, batch: "_Batch") -> None:
        self.dataset.read(batch.places, batch.pixels, batch.labels, self.instead)


class _Batch(NamedTuple):
    """Places, and the memory for what is there: as arrays to fill, and as tensors to hand on."""

    places: np.ndarray
    pixels: np.ndarray
    labels: np.ndarray
    tensors: tuple[Tensor, Tensor]

    def pieces(self) -> Iterator["_Batch"]:
        for start in range(0, len(self.places), PIECE):
            part = slice(start, start + PIECE)
            arrays = self.places[part], self.pixels[part], self.labels[part]
            yield _Batch(*arrays, self.tensors)


def _complete(batch: _Batch, pieces: list[Future[None]]) -> tuple[Tensor, Tensor]:
    for piece in pieces:
        piece.result()
    return batch.tensors
