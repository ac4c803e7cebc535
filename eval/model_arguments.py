"""The arguments that say which model, apart from what opens it, so that `--help` is quick."""

import argparse
from typing import Literal, get_args

Precision = Literal["float32", "bfloat16"]
"""What a backbone computes in; its last layers are float32 in both (models.backbones.precision)."""
Fusion = Literal["flip-sum", "flip-concat", "none"]
"""What becomes of an image and its mirror image (eval.embed)."""
FUSIONS = get_args(Fusion)
"""Names of them."""


def model_arguments(parser: argparse.ArgumentParser, kinds: str) -> None:
    """`--model` and what a file of it does not say itself."""
    parser.add_argument("--model", required=True, help=kinds)
    parser.add_argument("--backbone", help="network of a .pth or .pt, e.g. iresnet50")
    parser.add_argument("--mean", type=float, help="of .onnx/.pth input, grey levels (127.5)")
    parser.add_argument("--scale", type=float, help="of .onnx/.pth input, grey levels (127.5)")


def computing_arguments(parser: argparse.ArgumentParser) -> None:
    """`--fusion`, `--precision` and `--device`: what is made of the model, and where."""
    parser.add_argument("--fusion", choices=FUSIONS, default="flip-sum")
    parser.add_argument(
        "--precision",
        choices=get_args(Precision),
        help="of a torch model (float32); bfloat16 is faster where the processor has it",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
