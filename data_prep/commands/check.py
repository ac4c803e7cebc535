"""`python -m data_prep check`: a record set, verified."""

import argparse
from pathlib import Path

from data_prep.cli import Parser
from data_prep.commands import add_command, add_workers


def add(commands: "argparse._SubParsersAction[Parser]") -> None:
    """Adds the command `check`."""
    command = add_command(
        commands,
        "check",
        _run,
        "Verify a record set whole: frames, index, counts, checksums, labels, and that every image "
        "decodes. Prints one problem a line; exit status 2 if there is any.",
        "python -m data_prep check data/train",
    )
    command.add_argument("prefix", type=Path, metavar="PREFIX", help="such as data/train")
    add_workers(command)


def _run(arguments: argparse.Namespace) -> None:
    from data_prep.check import find_problems

    problems = find_problems(arguments.prefix, workers=arguments.workers)
    for problem in problems:
        print(problem)
    if problems:
        raise ValueError(f"{arguments.prefix}: {len(problems)} problems, listed above")
    print(f"{arguments.prefix}: no problem found")
