"""`python -m data_prep page`: what data preparation did, as one page to look at."""

import argparse
from pathlib import Path

from data_prep.cli import Parser
from data_prep.commands import add_command


def add(commands: "argparse._SubParsersAction[Parser]") -> None:
    """Adds the command `page`."""
    command = add_command(
        commands,
        "page",
        _run,
        "Draw one HTML page of what was done to a data set. Counts, people by number of images, "
        "what was missed and why, which face was taken, a sample, clean-up lists, hashes. It is "
        "made of the files alone, says what is missing, and loads nothing.",
        "python -m data_prep page crops data/train --photos photos --out data.html",
    )
    command.add_argument(
        "sources",
        type=Path,
        nargs="+",
        metavar="PREFIX_OR_CROPS",
        help="a record set such as data/train, the folder of its crops, or both",
    )
    command.add_argument("--out", type=Path, required=True, metavar="FILE.html", help="the page")
    command.add_argument(
        "--photos",
        type=Path,
        metavar="DIR",
        help="the photographs that the crops were cut out of, to show what was missed",
    )
    command.add_argument(
        "--lists", type=Path, nargs="+", default=[], metavar="LIST.txt", help="of `clean`"
    )
    command.add_argument(
        "--checked", type=Path, metavar="FILE", help="what `check PREFIX > FILE` printed"
    )
    command.add_argument(
        "--samples", type=int, default=96, metavar="N", help="images drawn from the set (96)"
    )
    command.add_argument("--seed", type=int, default=0, metavar="SEED", help="of the draw (0)")
    command.add_argument("--title", help="heading (the name of the set)")


def _run(arguments: argparse.Namespace) -> None:
    from data_prep.files import write_text
    from data_prep.pages.draw import Choice, page_of
    from data_prep.pages.gather import gather

    if arguments.samples < 1 or arguments.seed < 0:
        raise ValueError("expected --samples of at least 1 and --seed of at least 0")
    data = gather(
        arguments.sources,
        photos=arguments.photos,
        lists=arguments.lists,
        checked=arguments.checked,
    )
    title = arguments.title or f"Data: {arguments.sources[-1].resolve().name}"
    choice = Choice(samples=arguments.samples, seed=arguments.seed)
    made_by = arguments.command
    html = page_of(data, title, arguments.out, made_by, choice)
    # Names of files may be no text at all.
    write_text(arguments.out, html.encode("utf-8", "replace").decode("utf-8"))
    for text in data.missing:
        print(f"note: {text}")
    print(f"wrote {arguments.out}")
