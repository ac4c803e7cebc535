"""`python -m data_prep repair`: a damaged record set to a new whole one."""

import argparse
from pathlib import Path

from data_prep.cli import Parser
from data_prep.commands import add_command, add_workers


def add(commands: "argparse._SubParsersAction[Parser]") -> None:
    """Adds the command `repair`."""
    command = add_command(
        commands,
        "repair",
        _run,
        "Write what can be used of a damaged record set as a new whole one. Finds records without "
        "the index, drops what is damaged, undecodable or of another size, groups images by label, "
        "numbers labels anew. The new manifest names everything that was dropped, and why; the "
        "old set stays as it is.",
        "python -m data_prep repair data/train --out mended/train",
    )
    command.add_argument("prefix", type=Path, metavar="PREFIX", help="such as data/train")
    command.add_argument(
        "--out", type=Path, required=True, metavar="NEW", help="prefix in another folder"
    )
    command.add_argument(
        "--size", metavar="N|HxW", help="of the images to keep, pixels (stated, or most frequent)"
    )
    add_workers(command)


def _run(arguments: argparse.Namespace) -> None:
    from data_prep.images import parse_size
    from data_prep.repair import repair, report

    manifest = repair(
        arguments.prefix,
        arguments.out,
        size=None if arguments.size is None else parse_size(arguments.size),
        workers=arguments.workers,
        command=arguments.command,
    )
    print("\n".join(report(manifest)))
