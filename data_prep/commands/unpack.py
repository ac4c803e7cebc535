"""`python -m data_prep unpack`: a record set back to a folder."""

import argparse
from pathlib import Path

from data_prep.cli import Parser
from data_prep.commands import add_command


def add(commands: "argparse._SubParsersAction[Parser]") -> None:
    """Adds the command `unpack`."""
    command = add_command(
        commands,
        "unpack",
        _run,
        "Write the images of a record set as a folder tree, one folder a person, byte for byte.",
        "python -m data_prep unpack data/train --out crops_again",
    )
    command.add_argument("prefix", type=Path, metavar="PREFIX", help="such as data/train")
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder")


def _run(arguments: argparse.Namespace) -> None:
    from data_prep.unpack import unpack_records

    count = unpack_records(arguments.prefix, arguments.out)
    print(f"{count} images in {arguments.out}")
