"""`python -m eval export`: a trained backbone to FILE.onnx and FILE.json."""

import argparse
import shlex
import sys
from pathlib import Path

from eval.model_arguments import model_arguments

EXAMPLE = """\
examples:
  python -m eval export --model runs/r50 --out out/r50.onnx
  python -m eval export --model backbone.pth --backbone iresnet50 --out out/r50.onnx
  python -m eval extract --model out/r50.onnx --images lfw112 --out out/lfw

The input is "pixels", float32 [n, 3, H, W], RGB, (grey level - mean) / scale; FILE.json says mean
and scale, and `eval extract` reads it. The output is "embedding", float32 [n, D], not normalised.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `python -m eval export`."""
    parser.epilog = EXAMPLE
    model_arguments(parser, "run, exported folder or arcface_torch .pth/.pt")
    parser.add_argument(
        "--out", required=True, metavar="FILE.onnx", help="writes FILE.onnx and FILE.json"
    )


def run(args: argparse.Namespace) -> None:
    """`python -m eval export`.

    Raises:
        ValueError, OSError: bad input, or a file that is not the same function; nothing is left.
    """
    import torch

    from eval.build import open_model
    from eval.embedders import TorchEmbedder, describe
    from eval.onnx_file import export

    out = Path(args.out)
    if out.suffix != ".onnx":
        raise ValueError(f"--out: expected FILE.onnx, found {args.out}")
    embedder, origin = open_model(
        args.model,
        backbone=args.backbone,
        mean=args.mean,
        scale=args.scale,
        device=torch.device("cpu"),
    )
    if not isinstance(embedder, TorchEmbedder):
        raise ValueError(f"{args.model}: is ONNX already; give the run or the checkpoint it is of")
    about = {
        **describe(embedder, origin),
        "command": shlex.join(["python", "-m", "eval", *sys.argv[1:]]),
    }
    parity = export(embedder, out, about)["parity"]
    print(
        f"wrote {out}: differs from torch by at most {parity['largest_difference']:.1e} "
        f"({parity['largest_relative_difference']:.1e} of the largest value), smallest cosine "
        f"{parity['smallest_cosine']:.8f}"
    )
