"""`python -m data_prep synthetic`: people who do not exist."""

import argparse
from pathlib import Path

from data_prep.cli import Parser
from data_prep.commands import add_command, add_workers


def add(commands: "argparse._SubParsersAction[Parser]") -> None:
    """Adds the command `synthetic`."""
    command = add_command(
        commands,
        "synthetic",
        _run,
        "Draw photographs of people who do not exist, with landmarks: data to try out with.",
        "python -m data_prep synthetic --out faces --people 20 --images 10 --seed 1",
    )
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder")
    command.add_argument("--people", type=int, default=20, metavar="N", help="how many people")
    command.add_argument("--images", type=int, default=10, metavar="M", help="photographs a person")
    command.add_argument("--seed", type=int, default=0, metavar="S", help="same seed, same faces")
    command.add_argument("--size", type=int, default=160, metavar="PIXELS", help="of a photograph")
    command.add_argument("--first-person", type=int, default=0, metavar="K", help="first number")
    command.add_argument("--folds", type=int, default=0, metavar="F", help="of pairs.txt; 0: none")
    command.add_argument(
        "--pairs-per-fold",
        type=int,
        default=0,
        metavar="P",
        help="genuine pairs, and as many impostors",
    )
    add_workers(command)


def _run(arguments: argparse.Namespace) -> None:
    from data_prep.faces.synthetic import write_photos

    write_photos(
        arguments.out,
        people=arguments.people,
        images=arguments.images,
        seed=arguments.seed,
        size=arguments.size,
        workers=arguments.workers,
        first_person=arguments.first_person,
        folds=arguments.folds,
        pairs_per_fold=arguments.pairs_per_fold,
    )
    print(f"{arguments.people * arguments.images} photographs in {arguments.out / 'photos'}")
