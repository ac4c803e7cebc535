"""Images to embeddings: every rank takes a share, all write into one file.

n: images. D: embedding dimension.
"""

import argparse
import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch
from torch.utils.data import DataLoader, Subset
from tqdm import tqdm

from data_prep.dataset import ImageSource, open_images
from data_prep.files import write_json, write_text
from eval.build import open_model
from eval.embedders import Embedder, describe
from eval.embeddings import SCHEMA
from models import comm

Fusion = Literal["flip-sum", "flip-concat", "none"]

EXAMPLE = """\
examples:
  python -m eval extract --model runs/r50 --images lfw112 --out out/lfw
  python -m eval extract --model backbone.pth --backbone iresnet50 --images lfw.bin --out out/lfw
  python -m eval extract --model face.onnx --scale 128 --images lfw112 --out out/lfw
  torchrun --nproc-per-node 8 -m eval extract --model runs/r50 --images big/train --out out/big
"""


def embed(
    embedder: Embedder,
    source: ImageSource,
    places: range,
    fusion: Fusion,
    store: Callable[[int, np.ndarray], None],
    *,
    workers: int = 0,
    progress: str | None = None,
) -> None:
    """Embeds images `places` of `source` and hands each batch to `store(first place, [n, D])`.

    Fusion: `flip-sum` adds the embedding of the mirrored image (the insightface way), `flip-concat`
    puts it behind (the SphereFace way, D doubles), `none` leaves it.

    Raises:
        ValueError: images of a size other than the model's, or one that cannot be read.
    """
    expected = (embedder.transform.height, embedder.transform.width)
    if len(source) and source.size != expected:
        raise ValueError(
            f"{source.where(0)}: is {source.size[0]}x{source.size[1]} (height x width), the model "
            f"expects {expected[0]}x{expected[1]}; align the images to that size"
        )
    loader: DataLoader[np.ndarray] = DataLoader(
        Subset(source, places),  # type: ignore[arg-type]  # map-style without importing torch
        batch_size=max(embedder.batch, 32),
        collate_fn=np.stack,
        num_workers=workers,
    )
    place = places.start
    with tqdm(total=len(places), desc=progress, unit="image", disable=progress is None) as bar:
        for pixels in loader:
            store(place, _fused(embedder, pixels, fusion))
            place += len(pixels)
            bar.update(len(pixels))


def _fused(embedder: Embedder, pixels: np.ndarray, fusion: Fusion) -> np.ndarray:
    plain = embedder.forward(pixels)
    if fusion == "none":
        return plain
    mirrored = embedder.forward(np.ascontiguousarray(pixels[:, :, ::-1]))
    return plain + mirrored if fusion == "flip-sum" else np.hstack([plain, mirrored])


def share(count: int) -> range:
    """This rank's consecutive places among `count`."""
    each = -(-count // comm.world_size())
    start = min(comm.rank() * each, count)
    return range(start, min(start + each, count))


def extract(
    embedder: Embedder,
    source: ImageSource,
    prefix: Path,
    about: dict[str, object],
    *,
    fusion: Fusion = "flip-sum",
    workers: int = 0,
) -> None:
    """Writes prefix.npy, .txt and .json, from all ranks; the .json, last, makes them whole.

    Args:
        embedder: the model.
        source: the images.
        prefix: X of the three files.
        about: what X.json says besides: model, transform, images, command.
        fusion: see `embed`.
        workers: loader processes of each rank.
    """
    dim = embedder.dim * (2 if fusion == "flip-concat" else 1)
    target = Path(f"{prefix}.npy")
    aside = target.with_name(f".{target.name}.tmp")
    if comm.rank() == 0:
        target.parent.mkdir(parents=True, exist_ok=True)
        shape = (len(source), dim)
        np.lib.format.open_memmap(aside, mode="w+", dtype=np.float32, shape=shape).flush()
    comm.barrier()
    try:
        rows_nD = np.lib.format.open_memmap(aside, mode="r+")

        def store(place: int, emb_nD: np.ndarray) -> None:
            rows_nD[place : place + len(emb_nD)] = emb_nD

        title = "extract" if comm.rank() == 0 else None
        mine = share(len(source))
        embed(embedder, source, mine, fusion, store, workers=workers, progress=title)
        rows_nD.flush()
        comm.barrier()
        if comm.rank() == 0:
            Path(f"{prefix}.json").unlink(missing_ok=True)  # until it is there, X is not whole
            aside.replace(target)
            write_text(f"{prefix}.txt", "".join(f"{name}\n" for name in source.names))
            kind = {"schema": SCHEMA, "dim": dim, "fusion": fusion}
            write_json(f"{prefix}.json", {**about, **kind})
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    comm.barrier()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `python -m eval extract`."""
    parser.epilog = EXAMPLE
    parser.add_argument(
        "--model", required=True, help="run, exported folder, arcface_torch .pth/.pt, or .onnx"
    )
    parser.add_argument(
        "--images", required=True, help="folder of aligned crops, record prefix, or .bin"
    )
    parser.add_argument("--out", required=True, metavar="X", help="writes X.npy, X.txt, X.json")
    parser.add_argument("--fusion", choices=get_args(Fusion), default="flip-sum")
    parser.add_argument("--backbone", help="network of a .pth or .pt, e.g. iresnet50")
    parser.add_argument("--mean", type=float, help="of .onnx/.pth input, grey levels (127.5)")
    parser.add_argument("--scale", type=float, help="of .onnx/.pth input, grey levels (127.5)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--workers", type=int, default=0, help="loader processes of each rank")


def run(args: argparse.Namespace) -> None:
    """`python -m eval extract`.

    Raises:
        ValueError, OSError: bad input; nothing is left half-written.
    """
    device = comm.pick_device(args.device)
    local = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    threads = max((os.cpu_count() or 1) // local, 1)
    if device.type == "cpu":
        torch.set_num_threads(threads)
    embedder, origin = open_model(
        args.model,
        backbone=args.backbone,
        mean=args.mean,
        scale=args.scale,
        device=device,
        threads=threads,
    )
    source = open_images(args.images)
    about = {
        **describe(embedder, origin),
        "images": {"source": str(args.images), "count": len(source)},
        "command": shlex.join(["python", "-m", "eval", *sys.argv[1:]]),
    }
    with comm.process_group(device):
        extract(embedder, source, Path(args.out), about, fusion=args.fusion, workers=args.workers)
    if comm.rank() == 0:
        print(f"wrote {args.out}.npy: {len(source)} x {embedder.dim}")
