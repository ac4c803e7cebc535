"""`python -m data_prep unpack`: a source of images to a folder."""

import argparse
from pathlib import Path

from data_prep.cli import Parser
from data_prep.commands import add_command


def add(commands: "argparse._SubParsersAction[Parser]") -> None:
    """Adds the command `unpack`."""
    from data_prep.sources import KINDS

    command = add_command(
        commands,
        "unpack",
        _run,
        "Write the images of a record set, or of another source that `pack` reads, as a folder "
        "tree, one folder a person, byte for byte.",
        "python -m data_prep unpack data/train --out crops_again",
    )
    command.add_argument("images", type=Path, metavar="SOURCE", help=KINDS)
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder")
    command.add_argument(
        "--list", dest="list_file", type=Path, metavar="FILE", help="of images, as with pack"
    )


def _run(arguments: argparse.Namespace) -> None:
    from data_prep.unpack import unpack_images

    count = unpack_images(arguments.images, arguments.out, arguments.list_file)
    print(f"{count} images in {arguments.out}")
