"""`python -m data_prep merge`: the parts of a record set to one."""

import argparse
from pathlib import Path

from data_prep.cli import Parser
from data_prep.commands import add_command


def add(commands: "argparse._SubParsersAction[Parser]") -> None:
    """Adds the command `merge`."""
    command = add_command(
        commands,
        "merge",
        _run,
        "Join the parts that `pack` leaves in PREFIX.parts under torchrun to the record set that "
        "one process would have packed, byte for byte; then remove the parts.",
        "torchrun --nproc-per-node 4 -m data_prep pack --images crops --out data/train && "
        "python -m data_prep merge data/train",
    )
    command.add_argument("prefix", type=Path, metavar="PREFIX", help="as given to pack")
    command.add_argument("--keep-parts", action="store_true", help="leave PREFIX.parts there")


def _run(arguments: argparse.Namespace) -> None:
    from data_prep.merge import merge
    from data_prep.pack import report

    print("\n".join(report(merge(arguments.prefix, keep_parts=arguments.keep_parts))))
