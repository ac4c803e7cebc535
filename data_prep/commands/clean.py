"""`python -m data_prep clean`: what a training set should not have, first as a list to look at."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from data_prep.cli import Parser
from data_prep.commands import add_command, add_workers

if TYPE_CHECKING:
    from data_prep.clean.findings import Outcome
    from data_prep.dataset import ImageSource

_ABOUT = (
    "Find what a training set should not have. Nothing is removed: each cleaner writes LIST.txt "
    "and a page LIST.html with pictures; a person looks, puts a # before what is to be kept, and "
    "`pack --drop LIST.txt` leaves out the rest. See docs/cleaning.md."
)


def add(commands: "argparse._SubParsersAction[Parser]") -> None:
    """Adds the command `clean` and its three cleaners."""
    clean = commands.add_parser(
        "clean",
        help=_ABOUT.split(".")[0],
        description=_ABOUT,
        epilog="example: python -m data_prep clean duplicates --images crops --out duplicates.txt",
    )
    cleaners = clean.add_subparsers(required=True, metavar="cleaner", dest="cleaner")
    _add_overlap(cleaners)
    _add_duplicates(cleaners)
    _add_noise(cleaners)


def _add_overlap(cleaners: "argparse._SubParsersAction[Parser]") -> None:
    command = add_command(
        cleaners,
        "overlap",
        _overlap,
        "List the people who are in a test set too. By name, or by the similarity of class "
        "centres of embeddings, whichever is given; use both in turn.",
        "python -m data_prep clean overlap --images crops --names lfw_people.txt --out lfw.txt",
    )
    _add_common(command)
    test = command.add_mutually_exclusive_group(required=True)
    test.add_argument(
        "--names",
        type=Path,
        metavar="FILE",
        help="test people: names, LFW's or CPLFW's people or pairs, or images by folder",
    )
    test.add_argument("--embeddings", metavar="X", help="of the training images, by eval extract")
    command.add_argument("--against", metavar="Y", help="embeddings of the test images")
    command.add_argument(
        "--against-images", metavar="SOURCE", help="the test images, to show them on the page"
    )
    command.add_argument(
        "--threshold",
        type=float,
        metavar="T",
        help="similarity of centres from which two are one person (chosen from the data)",
    )


def _add_duplicates(cleaners: "argparse._SubParsersAction[Parser]") -> None:
    command = add_command(
        cleaners,
        "duplicates",
        _duplicates,
        "List photographs that are there more than once. Of one person the first by name stays; of "
        "two people all go, or with embeddings all but the one nearest to its class.",
        "python -m data_prep clean duplicates --images crops --out duplicates.txt",
    )
    _add_common(command)
    command.add_argument(
        "--embeddings", metavar="X", help="of these images, by eval extract: a second opinion"
    )
    add_workers(command)


def _add_noise(cleaners: "argparse._SubParsersAction[Parser]") -> None:
    command = add_command(
        cleaners,
        "noise",
        _noise,
        "List images that may show somebody else. Less similar to their class than 99 % of "
        "strangers are, or clearly nearer to another class.",
        "python -m data_prep clean noise --images crops --embeddings out/crops --out noise.txt",
    )
    _add_common(command)
    command.add_argument(
        "--embeddings", required=True, metavar="X", help="of these images, by eval extract"
    )
    command.add_argument(
        "--threshold",
        type=float,
        metavar="T",
        help="similarity to the own class below which an image is listed (chosen from the data)",
    )
    command.add_argument(
        "--rule",
        choices=("either", "stranger", "elsewhere"),
        default="either",
        help="unlike its class (stranger), like another one (elsewhere), or either (the default)",
    )
    command.add_argument(
        "--floor", type=int, default=3, metavar="N", help="images that each person keeps (3)"
    )
    command.add_argument(
        "--min-images",
        type=int,
        default=0,
        metavar="N",
        help="list people who would be left with fewer images (0: none)",
    )


def _add_common(command: Parser) -> None:
    command.add_argument(
        "--images", required=True, metavar="SOURCE", help="DIR/person/image, or a record PREFIX"
    )
    command.add_argument(
        "--out", type=Path, required=True, metavar="LIST.txt", help="a new file; LIST.html with it"
    )
    command.add_argument(
        "--page-entries",
        type=int,
        default=300,
        metavar="N",
        help="entries that the page shows, about (300); the list has all",
    )


def _overlap(arguments: argparse.Namespace) -> None:
    from data_prep.clean.overlap import overlap_by_face, overlap_by_name
    from data_prep.dataset import open_images
    from data_prep.embeddings import load

    if (arguments.embeddings is None) != (arguments.against is None):
        raise ValueError("expected --embeddings X and --against Y together, found only one of them")
    if arguments.names and (arguments.threshold is not None or arguments.against_images):
        raise ValueError("--threshold and --against-images go with --embeddings, not with --names")

    def find(source: "ImageSource") -> "Outcome":
        if arguments.names is not None:
            return overlap_by_name(source, arguments.names)
        shown = None if arguments.against_images is None else open_images(arguments.against_images)
        return overlap_by_face(
            source,
            load(arguments.embeddings),
            load(arguments.against),
            arguments.threshold,
            shown,
        )

    _write(arguments, find)


def _duplicates(arguments: argparse.Namespace) -> None:
    from data_prep.clean.duplicates import find_duplicates
    from data_prep.embeddings import load

    def find(source: "ImageSource") -> "Outcome":
        given = arguments.embeddings
        embedded = None if given is None else load(given)
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        return find_duplicates(source, arguments.out.parent, embedded, arguments.workers)

    _write(arguments, find)


def _noise(arguments: argparse.Namespace) -> None:
    from data_prep.clean.noise import Settings, find_noise
    from data_prep.embeddings import load

    settings = Settings(arguments.threshold, arguments.rule, arguments.floor, arguments.min_images)
    _write(
        arguments,
        lambda source: find_noise(source, load(arguments.embeddings), settings),
    )


def _write(arguments: argparse.Namespace, find: "Callable[[ImageSource], Outcome]") -> None:
    """Opens the images, finds, and writes list and page."""
    from data_prep.clean.listing import require_new, write_outcome
    from data_prep.dataset import open_images

    require_new(arguments.out)
    if arguments.page_entries < 1:
        raise ValueError(f"--page-entries: expected at least 1, found {arguments.page_entries}")
    outcome = find(open_images(arguments.images))
    write_outcome(arguments.out, outcome, arguments.command, arguments.page_entries)
    print("\n".join(outcome.about))
    print(f"look at {arguments.out.with_suffix('.html')}, edit {arguments.out}, then pack --drop")
