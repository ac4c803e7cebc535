"""`python -m data_prep`: photographs to crops, crops to records, and back."""

import argparse
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from data_prep.cli import Parser, run

if TYPE_CHECKING:
    from data_prep.faces.detect import DetectSettings

EXAMPLES = {
    "align": "python -m data_prep align --images photos --out crops --landmarks points.txt "
    "(or --detector mtcnn)",
    "pack": "python -m data_prep pack --images crops --out data/train --exclude test_people.txt",
    "check": "python -m data_prep check data/train",
    "unpack": "python -m data_prep unpack data/train --out crops_again",
    "synthetic": "python -m data_prep synthetic --out faces --people 20 --images 10 --seed 1",
}


def main(argv: list[str]) -> None:
    """Runs one command of data preparation."""
    parser = Parser(prog="python -m data_prep", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command", dest="command_name")
    for add in (_add_align, _add_pack, _add_check, _add_unpack, _add_synthetic):
        add(commands)
    arguments = parser.parse_args(argv)
    # A set that was gone on with is, in its manifest too, the one that a single run makes.
    words = [word for word in argv if word != "--resume"]
    arguments.command = shlex.join(["python", "-m", "data_prep", *words])
    arguments.run(arguments)


def _command(
    commands: "argparse._SubParsersAction[Parser]",
    name: str,
    function: Callable[[argparse.Namespace], None],
    text: str,
) -> Parser:
    command = commands.add_parser(
        name, help=text.split(".")[0], description=text, epilog=f"example: {EXAMPLES[name]}"
    )
    command.set_defaults(run=function)
    return command


def _add_workers(command: Parser) -> None:
    command.add_argument(
        "--workers",
        type=int,
        default=1,
        metavar="N",
        help="threads; the output does not depend on it",
    )


def _add_align(commands: "argparse._SubParsersAction[Parser]") -> None:
    from data_prep.faces.detect import CHOICES, DETECTORS, DEVICES

    command = _command(
        commands,
        "align",
        _align,
        "Cut aligned face crops out of photographs, by landmarks from a file or of a detector. "
        "Paths are kept; OUT/align.json says what was done and lists images without landmarks, "
        "OUT/landmarks.txt has what a detector found.",
    )
    command.add_argument("--images", type=Path, required=True, metavar="DIR", help="photographs")
    command.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder of the crops"
    )
    source = command.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--landmarks", type=Path, metavar="FILE", help="lines of path below --images, five points"
    )
    source.add_argument(
        "--detector",
        choices=tuple(DETECTORS),
        help="find faces: mtcnn brings its weights, scrfd needs --detector-model",
    )
    command.add_argument(
        "--detector-model", dest="model_file", type=Path, metavar="FILE.onnx", help="its network"
    )
    command.add_argument("--device", choices=DEVICES, help="of the detector (auto)")
    command.add_argument(
        "--face", choices=tuple(CHOICES), help="that is taken where there are several (largest)"
    )
    command.add_argument(
        "--missing",
        choices=("skip", "centre", "fail"),
        default="skip",
        help="images without landmarks: leave them out, crop their middle, or stop",
    )
    command.add_argument(
        "--layout",
        choices=("auto", "pairs", "planar"),
        default="auto",
        help="of the landmarks: x1 y1 .. x5 y5 (pairs), x1 .. x5 y1 .. y5 (planar)",
    )
    command.add_argument(
        "--size", default="112", metavar="N|HxW", help="of a crop, pixels: 112, 112x96"
    )
    command.add_argument("--format", choices=("jpg", "png"), default="jpg", help="of the crops")
    command.add_argument("--quality", type=int, default=95, metavar="Q", help="of JPEG, 1 to 100")
    command.add_argument(
        "--resume",
        action="store_true",
        help="go on with a run that was stopped; crops there are kept",
    )
    _add_workers(command)


def _align(arguments: argparse.Namespace) -> None:
    from data_prep.align_images import AlignSettings, align_folder
    from data_prep.images import parse_size

    settings = AlignSettings(
        size=parse_size(arguments.size),
        format=arguments.format,
        quality=arguments.quality,
        layout=arguments.layout,
        missing=arguments.missing,
    )
    summary = align_folder(
        arguments.images,
        arguments.out,
        _landmark_source(arguments),
        settings,
        workers=arguments.workers,
        resume=arguments.resume,
    )
    counts = summary["counts"]
    print(
        f"{counts['crops']} crops in {arguments.out}; {counts['failed']} failed, "
        f"{counts['without_landmarks']} images without landmarks, "
        f"{counts['missing_images']} landmarks without image (names in align.json)"
    )
    if counts["centred"]:
        print(f"{counts['centred']} of the crops show the middle of an image without landmarks")


def _landmark_source(arguments: argparse.Namespace) -> "Path | DetectSettings":
    from data_prep.faces.detect import DetectSettings

    options = ("model_file", "device", "face")
    given = {name: value for name in options if (value := getattr(arguments, name)) is not None}
    if arguments.detector:
        return DetectSettings(detector=arguments.detector, **given)
    if given:
        raise ValueError("--detector-model, --device and --face go with --detector only")
    return arguments.landmarks


def _add_pack(commands: "argparse._SubParsersAction[Parser]") -> None:
    command = _command(
        commands,
        "pack",
        _pack,
        "Pack a tree of crops, one folder a person, as PREFIX.rec with index, manifest. Images go "
        "in byte for byte; labels follow the sorted names of people.",
    )
    command.add_argument(
        "--images", type=Path, required=True, metavar="DIR", help="DIR/person/image"
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
        help="mix the images of each person; people stay sorted and together, as the layout wants",
    )
    command.add_argument(
        "--exclude",
        type=Path,
        metavar="FILE",
        help="people to leave out, one name a line (# comments; underscores count as spaces)",
    )
    command.add_argument(
        "--strict", action="store_true", help="fail on an image that cannot be decoded, not skip it"
    )
    command.add_argument(
        "--resume",
        action="store_true",
        help="leave a whole set of the same images and settings alone; else tidy up and pack again",
    )
    _add_workers(command)


def _pack(arguments: argparse.Namespace) -> None:
    from data_prep.images import parse_size
    from data_prep.pack import pack_folder, report

    manifest = pack_folder(
        arguments.images,
        arguments.out,
        size=None if arguments.size is None else parse_size(arguments.size),
        shuffle=arguments.shuffle,
        exclude=arguments.exclude,
        strict=arguments.strict,
        workers=arguments.workers,
        resume=arguments.resume,
        command=arguments.command,
    )
    print("\n".join(report(manifest)))


def _add_check(commands: "argparse._SubParsersAction[Parser]") -> None:
    command = _command(
        commands,
        "check",
        _check,
        "Verify a record set whole: frames, index, counts, checksums, labels, and that every image "
        "decodes. Prints one problem a line; exit status 2 if there is any.",
    )
    command.add_argument("prefix", type=Path, metavar="PREFIX", help="such as data/train")
    _add_workers(command)


def _check(arguments: argparse.Namespace) -> None:
    from data_prep.check import find_problems

    problems = find_problems(arguments.prefix, workers=arguments.workers)
    for problem in problems:
        print(problem)
    if problems:
        raise ValueError(f"{arguments.prefix}: {len(problems)} problems, listed above")
    print(f"{arguments.prefix}: no problem found")


def _add_unpack(commands: "argparse._SubParsersAction[Parser]") -> None:
    command = _command(
        commands,
        "unpack",
        _unpack,
        "Write the images of a record set as a folder tree, one folder a person, byte for byte.",
    )
    command.add_argument("prefix", type=Path, metavar="PREFIX", help="such as data/train")
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder")


def _unpack(arguments: argparse.Namespace) -> None:
    from data_prep.unpack import unpack_records

    count = unpack_records(arguments.prefix, arguments.out)
    print(f"{count} images in {arguments.out}")


def _add_synthetic(commands: "argparse._SubParsersAction[Parser]") -> None:
    command = _command(
        commands,
        "synthetic",
        _synthetic,
        "Draw photographs of people who do not exist, with landmarks: data to try out with.",
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
    _add_workers(command)


def _synthetic(arguments: argparse.Namespace) -> None:
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


if __name__ == "__main__":
    run(main, "python -m data_prep")
