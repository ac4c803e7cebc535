"""`python -m eval`: extract embeddings, run a protocol, compare results, draw a report."""

import argparse
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from data_prep.cli import Parser, run

DEFAULT = "lfw"
"""Whose options `run --help` shows where no protocol is named."""

_MODULES = {
    "export": "Write a trained backbone as ONNX, with proof that it computes the same.",
    "extract": "Turn images into embeddings with a model.",
    "features": "Convert devkit feature files and submission matrices to X.npy, and back.",
    "mine": "Make a list of look-alike pairs from any embeddings.",
    "versus": "Compare two results on one list, with tests.",
    "report": "Draw one HTML page from JSON results.",
    "calibrate": "Store a model's thresholds from a result of pairs.",
    "compare": "Compare two photographs: faces, similarity, where it lies on the model's scale.",
}
"""Commands that are a module each: `add_arguments(parser)` and `run(args)`."""

_RUN = """\
The embeddings are the three files that "extract" writes: X.npy, X.txt and X.json.
A FAR that the list is too short to resolve is said to be so, never given as a number.
"""


def main(argv: list[str]) -> None:
    """Does what the arguments say.

    Raises:
        ValueError: bad input.
        OSError: a file that cannot be read or written.
    """
    args = build_parser(argv).parse_args(argv)
    args.do(args)


def build_parser(argv: list[str]) -> argparse.ArgumentParser:
    """All commands, with the arguments of the one that `argv` begins with."""
    parser = Parser(
        prog="python -m eval",
        description="Judges face embeddings: extraction, protocols, reports.",
        epilog="example: python -m eval extract --help",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, about in _MODULES.items():
        command = _command(commands, name, about, "")
        if argv[:1] == [name]:  # the others need not load what it needs
            module = import_module(f"eval.{name}")
            module.add_arguments(command)
            command.set_defaults(do=module.run)
    judge = _command(commands, "run", "Run a protocol on embeddings: one JSON result.", "")
    _run_arguments(judge, argv[1:] if argv[:1] == ["run"] else [])
    judge.set_defaults(do=lambda args: _run(args, argv))
    return parser


def _command(commands: Any, name: str, about: str, example: str) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = commands.add_parser(
        name,
        help=about,
        description=about,
        epilog=example,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    return made


def _run_arguments(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    from eval.protocols import PROTOCOLS

    parser.add_argument(
        "--protocol",
        required=True,
        choices=PROTOCOLS,
        help=f"one of: {', '.join(PROTOCOLS)}",
        metavar="NAME",
    )
    parser.add_argument("--out", required=True, metavar="RESULT.json", help="the result to write")
    first = Parser(prog=parser.prog, add_help=False)
    first.add_argument("--protocol", nargs="?")
    name = first.parse_known_args(argv)[0].protocol
    name = name if name in PROTOCOLS else DEFAULT
    protocol = PROTOCOLS[name]
    parser.description = f"{parser.description} Options of {protocol.title}:"
    width = max(map(len, PROTOCOLS))
    about = "".join(f"  {key:{width}}  {row.about}\n" for key, row in PROTOCOLS.items())
    parser.epilog = (
        f"protocols (each shows its options with --protocol NAME --help):\n{about}\nexample:\n"
        f"  python -m eval run --protocol {name} {protocol.example} --out result.json\n\n{_RUN}"
    )
    protocol.add_arguments(parser)


def _run(args: argparse.Namespace, argv: list[str]) -> None:
    from data_prep.files import write_json
    from eval.outputs import require_free
    from eval.protocols import PROTOCOLS

    given = {f"--{name.replace('_', '-')}": value for name, value in vars(args).items()}
    require_free("--out", given.pop("--out"), given)
    protocol = PROTOCOLS[args.protocol]
    with _ranks(getattr(args, "device", "cpu")) as rank:
        result = protocol.judge(args, shlex.join(["python", "-m", "eval", *argv]))
        if rank == 0:
            write_json(args.out, result)
            print(protocol.summary(result))
            print(f"wrote {args.out}")


@contextmanager
def _ranks(device: str) -> Iterator[int]:
    """This process's rank, within a process group if torchrun has started it."""
    if "RANK" not in os.environ:
        yield 0
        return
    from models import comm

    with comm.process_group(comm.pick_device(device)):
        yield comm.rank()


if __name__ == "__main__":
    run(main, "python -m eval")
