"""`python -m eval extract`: images and a model to X.npy, X.txt and X.json."""

import argparse
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from eval.model_arguments import computing_arguments, model_arguments

if TYPE_CHECKING:  # `--help` need not wait for torch
    import torch

EXAMPLE = """\
examples:
  python -m eval extract --model runs/r50 --images lfw112 --out out/lfw
  python -m eval extract --model backbone.pth --backbone iresnet50 --images lfw.bin --out out/lfw
  python -m eval extract --model face.onnx --scale 128 --images lfw112 --out out/lfw
  torchrun --nproc-per-node 8 -m eval extract --model runs/r50 --images big/train --out out/big
  torchrun --nproc-per-node 4 -m eval extract --model runs/r50 --images big/train --out out/big \\
    --resume        after a stop: what is on disk is kept, on any number of ranks

Until X.npy is whole it grows in the hidden folder .X.partial beside it. The bytes are the same for
any number of ranks and any number of stops, given the same --batch, --threads and processor.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `python -m eval extract`."""
    parser.epilog = EXAMPLE
    model_arguments(parser, "run, exported folder, arcface_torch .pth/.pt, or .onnx")
    parser.add_argument(
        "--images", required=True, help="folder of aligned crops, record prefix, or .bin"
    )
    parser.add_argument("--out", required=True, metavar="X", help="writes X.npy, X.txt, X.json")
    computing_arguments(parser)
    parser.add_argument(
        "--batch", type=int, metavar="N", help="images a forward pass (64, on a GPU 256)"
    )
    parser.add_argument(
        "--threads", type=int, metavar="N", help="of each rank, to compute (its share of the cores)"
    )
    parser.add_argument(
        "--workers", type=int, default=2, help="threads of each rank to read and decode ahead (2)"
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on with what is on disk, if there is any"
    )


def _how(args: argparse.Namespace, device: "torch.device") -> dict[str, int]:
    """Batch and threads: as asked, otherwise as in the run to go on with, otherwise the usual.

    Raises:
        ValueError: a number below 1.
    """
    from eval.partial import Partial

    earlier = (Partial(Path(args.out)).earlier() if args.resume else None) or {}
    local = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    usual = {
        "batch": 64 if device.type == "cpu" else 256,
        "threads": max((os.cpu_count() or 1) // local, 1),
    }
    how = {}
    for name, number in usual.items():
        asked = getattr(args, name)
        if asked is not None and asked < 1:
            raise ValueError(f"--{name}: expected at least 1, found {asked}")
        kept = earlier.get(name)
        how[name] = asked or (kept if isinstance(kept, int) and kept > 0 else number)
    return how


def run(args: argparse.Namespace) -> None:
    """`python -m eval extract`.

    Raises:
        ValueError, OSError: bad input; nothing half-written is under X's names.
    """
    import torch

    from data_prep.dataset import BinImages, open_images
    from data_prep.files import sha256_file
    from eval.build import open_model
    from eval.embedders import describe
    from eval.embeddings import require_replaceable
    from eval.extraction import extract
    from models import comm
    from models.allocator import keep_freed_memory

    args.out = args.out.removesuffix(".npy")
    if args.out.endswith("/") or Path(args.out).name in ("", ".."):
        raise ValueError(f"--out {args.out}: expected X of X.npy, X.txt, X.json, such as out/lfw")
    require_replaceable(args.out)
    device = comm.pick_device(args.device)
    if device.type == "cpu":
        keep_freed_memory()
    with comm.process_group(device):
        how = comm.gather_objects(_how(args, device))[0]
        torch.set_num_threads(how["threads"])
        embedder, origin = open_model(
            args.model,
            backbone=args.backbone,
            mean=args.mean,
            scale=args.scale,
            device=device,
            threads=how["threads"],
            precision=args.precision,
        )
        source = open_images(args.images)
        images = {"source": str(args.images), "count": len(source)}
        if isinstance(source, BinImages):  # all of them name their images alike
            images["sha256"] = sha256_file(source.path)
        about = {
            **describe(embedder, origin),
            "threads": how["threads"],
            "images": images,
            "command": shlex.join(["python", "-m", "eval", *sys.argv[1:]]),
        }
        count, dim = extract(
            embedder,
            source,
            Path(args.out),
            about,
            fusion=args.fusion,
            batch=how["batch"],
            workers=args.workers,
            resume=args.resume,
        )
        if comm.rank() == 0:
            print(f"wrote {args.out}.npy: {count} x {dim}")
