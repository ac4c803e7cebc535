"""`python -m data_prep pack`: crops to a record set."""

import argparse
from pathlib import Path

from data_prep.cli import Parser
from data_prep.commands import add_command, add_workers


def add(commands: "argparse._SubParsersAction[Parser]") -> None:
    """Adds the command `pack`."""
    from data_prep.sources import KINDS

    command = add_command(
        commands,
        "pack",
        _run,
        "Pack crops as PREFIX.rec with index, manifest: of a tree with one folder a person, or of "
        "another set. Images go in byte for byte; labels follow the sorted names of people, or the "
        "set's own order. Under torchrun each process packs a share of the people into "
        "PREFIX.parts, for `merge`.",
        "python -m data_prep pack --images crops --out data/train --exclude test_people.txt",
    )
    command.add_argument("--images", type=Path, required=True, metavar="SOURCE", help=KINDS)
    command.add_argument(
        "--list",
        dest="list_file",
        type=Path,
        metavar="FILE",
        help="of images below --images: .lst of im2rec or face2rec2, label.txt, TFace's index",
    )
    command.add_argument(
        "--out", type=Path, required=True, metavar="PREFIX", help="such as data/train"
    )
    command.add_argument(
        "--size", metavar="N|HxW", help="that every crop must have, pixels (the first one's)"
    )
    command.add_argument(
        "--shuffle",
        type=int,
        metavar="SEED",
        help="mix the images of each person; people stay in order and together",
    )
    command.add_argument(
        "--exclude",
        type=Path,
        metavar="FILE",
        help="people to leave out, one name a line (# comments; underscores count as spaces)",
    )
    command.add_argument(
        "--drop",
        dest="drops",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="images and people to leave out, with the reasons, of a cleaning command; repeatable",
    )
    command.add_argument(
        "--strict",
        action="store_true",
        help="fail on an image that would be skipped: damaged, or no image",
    )
    command.add_argument(
        "--resume",
        action="store_true",
        help="leave a whole set of the same images and settings alone; else tidy up and pack again",
    )
    add_workers(command)


def _run(arguments: argparse.Namespace) -> None:
    from data_prep.images import parse_size
    from data_prep.pack import pack_images, report
    from data_prep.parallel import share

    manifest = pack_images(
        arguments.images,
        arguments.out,
        list_file=arguments.list_file,
        size=None if arguments.size is None else parse_size(arguments.size),
        shuffle=arguments.shuffle,
        exclude=arguments.exclude,
        drops=arguments.drops,
        strict=arguments.strict,
        workers=arguments.workers,
        resume=arguments.resume,
        part=share(),
        command=arguments.command,
    )
    print("\n".join(report(manifest)))
