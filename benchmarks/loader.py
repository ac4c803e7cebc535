"""Our loader against a textbook one on the same records in one run, and against the bare decoder.

    python -m benchmarks.loader [--json] [--quick]

JPEG crops of 112x112, some 5 KB each, in a set as `pack` writes it; page cache warm; batches of
128 in shuffled order; torch and OpenCV keep to one thread. Every batch arrives mirrored by chance
and normalised, float32, in the training process.

textbook: a map-style dataset of record -> PIL -> ToTensor -> RandomHorizontalFlip -> Normalize for
each sample, and torch's DataLoader with its own collation and worker processes, as the tutorials
and the field's repositories have it.
ours: `train.loader.Loader` (threads), then `Augment.prepare` as the step does.

vs_textbook_w0, _w1, _w2: our images a second over the textbook's with as many workers.
images_per_second_w0, _w1, _w2: ours.
of_decoder: the loader's own images a second, record to uint8 batch, no workers, over those of
    cv2.imdecode in a bare loop over bytes in memory. All on one thread.
of_decoder_mirrored: the same with the mirroring, which is the step's, on its device.
of_decoder_float_w0: mirrored, with the normalised float32 batch written too.
of_decoder_float_w1: with one worker: it decodes while the training process mirrors and normalises.
decoder_per_second: of that bare loop.
"""

import io
import tempfile
from collections.abc import Callable
from functools import partial
from itertools import count, cycle, islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, RandomSampler
from torchvision import transforms

from benchmarks.measure import arguments, in_turn, show
from benchmarks.record_speed import make_tree, write
from data_prep.augment import Augment
from data_prep.dataset import FaceDataset
from data_prep.records.reader import RecordSet
from data_prep.transforms import Transform
from train.loader import Loader
from train.sampler import StepBatches, global_batch

BATCH, SIZE = 128, (112, 112)
PLACE = {"seed": 0, "step": 0, "start": 0, "total": BATCH}


class Textbook(Dataset[Any]):
    """One sample at a time, as tutorials have it."""

    def __init__(self, prefix: Path) -> None:
        self.records = RecordSet(prefix)
        self.labels = self.records.labels
        self.transform = transforms.Compose(
            [
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize([0.5, 0.5, 0.5], [0.5, 0.5, 0.5]),
            ]
        )

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, i: int) -> tuple[Tensor, int]:
        image = Image.open(io.BytesIO(self.records.image_bytes(i))).convert("RGB")
        return self.transform(image), int(self.labels[i])


def textbook(prefix: Path, workers: int, batches: int) -> Callable[[], None]:
    """So many batches; workers live on from call to call, with nothing decoded ahead."""
    dataset = Textbook(prefix)
    sampler = RandomSampler(dataset, num_samples=batches * BATCH)
    keep = workers > 0
    loader = DataLoader(
        dataset, BATCH, sampler=sampler, num_workers=workers, persistent_workers=keep
    )

    def run() -> None:
        for _ in loader:
            pass

    return run


def ours(
    prefix: Path, workers: int, batches: int, use: Callable[[Tensor], Tensor]
) -> Callable[[], None]:
    """So many batches; threads are started in each call."""
    faces = FaceDataset(prefix)
    order = partial(global_batch, size=len(faces), batch=BATCH, seed=0)
    starts = count(0, batches)

    def run() -> None:
        start = next(starts)
        steps = StepBatches(order, batch=BATCH, start=start, total=start + batches, rank=0, world=1)
        for pixels, _ in Loader(faces, steps, size=SIZE, workers=workers):
            use(pixels)

    return run


def mirrored_floats(pixels: Tensor) -> Tensor:
    """The network's input."""
    return Augment(flip=0.5).prepare(pixels, Transform().normalise, **PLACE)


def mirrored(pixels: Tensor) -> Tensor:
    """What the step takes, mirrored."""
    return Augment(flip=0.5).prepare(pixels, lambda same: same, **PLACE)


def decoding(prefix: Path, images: int) -> Callable[[], None]:
    """The bare decoder over as many images, bytes in memory."""
    encoded = list(islice(cycle(RecordSet(prefix)), images))

    def run() -> None:
        for data in encoded:
            cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)

    return run


def measured(prefix: Path, batches: int, rounds: int) -> dict[str, float]:
    figures: dict[str, float] = {}
    images = batches * BATCH
    for workers in (0, 1, 2):
        sides = [
            ours(prefix, workers, batches, mirrored_floats),
            textbook(prefix, workers, batches),
            decoding(prefix, images),
        ]
        if workers == 0:
            sides += [ours(prefix, 0, batches, use) for use in (mirrored, lambda same: same)]
        our, their, bare, *step = in_turn(sides, rounds)
        figures[f"vs_textbook_w{workers}"] = their / our
        figures[f"images_per_second_w{workers}"] = images / our
        if workers < 2:
            figures[f"of_decoder_float_w{workers}"] = bare / our
        if step:
            figures["of_decoder_mirrored"], figures["of_decoder"] = (bare / t for t in step)
            figures["decoder_per_second"] = images / bare
    return figures


def main() -> None:
    """Measures and prints."""
    args = arguments(__doc__ or "")
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        tree, prefix = Path(folder) / "tree", Path(folder) / "set/train"
        images, batches, rounds = (2_000, 8, 5) if args.quick else (10_000, 24, 9)
        make_tree(tree, images)
        write(tree, prefix)
        figures = measured(prefix, batches, rounds)
    show("loader", figures, args.json)


if __name__ == "__main__":
    main()
