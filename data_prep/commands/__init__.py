"""The commands of `python -m data_prep`: one file each, with `add(commands)`."""

import argparse
from collections.abc import Callable

from data_prep.cli import Parser


def add_command(
    commands: "argparse._SubParsersAction[Parser]",
    name: str,
    function: Callable[[argparse.Namespace], None],
    text: str,
    example: str,
) -> Parser:
    """Adds a command: `function` gets its arguments; `text` and `example` are its help."""
    command = commands.add_parser(
        name, help=text.split(".")[0], description=text, epilog=f"example: {example}"
    )
    command.set_defaults(run=function)
    return command


def add_workers(command: Parser) -> None:
    """Adds --workers."""
    command.add_argument(
        "--workers",
        type=int,
        default=1,
        metavar="N",
        help="threads; the output does not depend on it",
    )
