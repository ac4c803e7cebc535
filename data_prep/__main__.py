"""`python -m data_prep`: photographs to crops, crops to records, and back."""

import shlex

from data_prep.cli import Parser, run
from data_prep.commands import align, check, clean, merge, pack, page, repair, synthetic, unpack

EXAMPLE = "example: python -m data_prep align --help"


def build_parser() -> Parser:
    """All commands and their arguments."""
    parser = Parser(prog="python -m data_prep", description=__doc__, epilog=EXAMPLE)
    commands = parser.add_subparsers(required=True, metavar="command", dest="command_name")
    for command in (align, clean, pack, merge, check, page, repair, unpack, synthetic):
        command.add(commands)
    return parser


def main(argv: list[str]) -> None:
    """Runs one command of data preparation."""
    arguments = build_parser().parse_args(argv)
    # A set that was gone on with is, in its manifest too, the one that a single run makes.
    words = [word for word in argv if word != "--resume"]
    arguments.command = shlex.join(["python", "-m", "data_prep", *words])
    arguments.run(arguments)


if __name__ == "__main__":
    run(main, "python -m data_prep")
