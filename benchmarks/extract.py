"""Extraction, from the record file to X.npy on disk, as a share of the bare forward pass.

    python -m benchmarks.extract [--json] [--quick]

The bare side runs iresnet18 (the same object, batch and precision) again and again on one batch
that is normalised and in memory already. Ours is what `python -m eval extract` does after it has
opened model and images: read records, decode, normalise, forward, fetch, write, flush, mark,
rename. Neither mirrors. They alternate in one process, with one compute thread each (the torch
default under OMP_NUM_THREADS=1); ours reads and decodes ahead on the other core, in two threads,
and writes from a third. bfloat16 where the processor has it, float32 elsewhere.

of_forward: images a second of ours over the bare side's. forward_images_per_second: the latter.
of_forward_cpu: the same in processor seconds of the computing thread, which other programs on the
    machine hardly touch: what is left of 1 is normalising and handing over.
of_forward_alone: of_forward with reading and decoding in the computing thread (`--workers 1`).
onnx_of_forward: extraction from the exported .onnx over onnxruntime's bare forward, float32, on
    half as many images.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from benchmarks.measure import arguments, in_turn, show
from benchmarks.record_speed import make_tree, write
from data_prep.dataset import ImageSource, open_images
from data_prep.transforms import Transform
from eval.embedders import Embedder, OnnxEmbedder, TorchEmbedder
from eval.extraction import extract
from eval.onnx_file import INPUT, write_onnx
from models.allocator import keep_freed_memory
from models.backbones import BACKBONES
from train.build import uses_bfloat16

BATCH = 64


def forward_alone(embedder: TorchEmbedder, images: int) -> Callable[[], None]:
    """The network on a resident batch, `images` in all."""
    draw = np.random.default_rng(0)
    pixels = draw.integers(0, 256, (BATCH, 112, 112, 3), dtype=np.uint8)
    x = embedder.transform.normalise(torch.from_numpy(pixels))
    low = embedder.precision == "bfloat16"

    @torch.inference_mode()
    def run() -> None:
        for _ in range(images // BATCH):
            with torch.autocast("cpu", torch.bfloat16, enabled=low):
                embedder.backbone(x)

    return run


def onnx_alone(embedder: OnnxEmbedder, images: int) -> Callable[[], None]:
    """onnxruntime on a resident batch, `images` in all."""
    x = np.zeros((BATCH, 3, 112, 112), dtype=np.float32)

    def run() -> None:
        for _ in range(images // BATCH):
            embedder.session.run(None, {INPUT: x})

    return run


def extraction(
    embedder: Embedder, source: ImageSource, folder: Path, workers: int
) -> Callable[[], None]:
    """All images of `source`, into a new file."""

    def run() -> None:
        about: dict[str, object] = {}
        extract(embedder, source, folder / "x", about, fusion="none", batch=BATCH, workers=workers)

    return run


class Clocked:
    """A function whose calls' processor seconds in this thread are noted."""

    def __init__(self, function: Callable[[], None]) -> None:
        self.function = function
        self.seconds: list[float] = []

    def __call__(self) -> None:
        """Calls it."""
        began = time.thread_time()
        self.function()
        self.seconds.append(time.thread_time() - began)

    def median(self) -> float:
        """Of all calls but the first."""
        return statistics.median(self.seconds[1:])


def packed(folder: Path, name: str, images: int) -> ImageSource:
    """A record set of `images` crops, opened."""
    make_tree(folder / name, images)
    write(folder / name, folder / f"{name}_set/train")
    return open_images(folder / f"{name}_set/train")


def measured(folder: Path, images: int, rounds: int) -> dict[str, float]:
    """All figures, on `images` crops of 112x112."""
    torch.set_num_threads(1)
    keep_freed_memory()  # as `eval extract` does, for the bare forward as well
    many, few = packed(folder, "many", images), packed(folder, "few", images // 2)
    torch.manual_seed(0)
    net = BACKBONES["iresnet18"]().eval().requires_grad_(False)
    transform, cpu = Transform(), torch.device("cpu")
    write_onnx(net, transform, folder / "net.onnx")
    net.to(memory_format=torch.channels_last)
    low = uses_bfloat16("auto", cpu)
    ours = TorchEmbedder(net, transform, cpu, precision="bfloat16" if low else "float32")
    onnx = OnnxEmbedder(folder / "net.onnx", transform.mean, transform.scale, threads=1)
    sides = [
        Clocked(forward_alone(ours, images)),
        Clocked(extraction(ours, many, folder, workers=2)),
        Clocked(extraction(ours, many, folder, workers=1)),
    ]
    bare, ahead, alone = in_turn(sides, rounds)
    pair = [onnx_alone(onnx, len(few)), extraction(onnx, few, folder, workers=2)]
    onnx_bare, onnx_ahead = in_turn(pair, min(rounds, 3))
    return {
        "of_forward": bare / ahead,
        "of_forward_cpu": sides[0].median() / sides[1].median(),
        "of_forward_alone": bare / alone,
        "forward_images_per_second": images / bare,
        "bfloat16": float(low),
        "onnx_of_forward": onnx_bare / onnx_ahead,
        "onnx_forward_images_per_second": len(few) / onnx_bare,
    }


def main() -> None:
    """Measures and prints."""
    args = arguments(__doc__ or "")
    images, rounds = (2 * BATCH, 3) if args.quick else (8 * BATCH, 7)
    with tempfile.TemporaryDirectory() as folder:
        figures = measured(Path(folder), images, rounds)
    show("extract", figures, args.json)


if __name__ == "__main__":
    main()
