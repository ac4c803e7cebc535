"""`python -m data_prep align`: photographs to aligned crops."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from data_prep.cli import Parser
from data_prep.commands import add_command, add_workers

if TYPE_CHECKING:
    from data_prep.align_parts import Part
    from data_prep.faces.detect import DetectSettings


def add(commands: "argparse._SubParsersAction[Parser]") -> None:
    """Adds the command `align`."""
    command = add_command(
        commands,
        "align",
        _run,
        "Cut aligned face crops out of photographs, by landmarks from a file or of a detector. "
        "Paths are kept; OUT/align.json says what was done and lists images without landmarks, "
        "OUT/landmarks.txt has what a detector found. Under torchrun the processes share the work; "
        "the same command once more, without torchrun and with --join, makes one whole of it.",
        "python -m data_prep align --images photos --out crops --landmarks points.txt "
        "(or --detector mtcnn)",
    )
    command.add_argument("--images", type=Path, required=True, metavar="DIR", help="photographs")
    command.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder of the crops"
    )
    _add_source(command)
    command.add_argument(
        "--missing",
        choices=("skip", "centre", "fail"),
        default="skip",
        help="images without landmarks: leave them out, crop their middle, or stop",
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
    command.add_argument(
        "--join",
        action="store_true",
        help="all processes of torchrun are done: check that, and write align.json",
    )
    add_workers(command)


def _add_source(command: Parser) -> None:
    """Where the landmarks come from."""
    from data_prep.faces.detect import CHOICES, DETECTORS, DEVICES
    from data_prep.faces.landmarks import LAYOUTS

    source = command.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--landmarks",
        type=Path,
        metavar="FILE",
        help="five points of each image, paths below --images; see --layout",
    )
    source.add_argument(
        "--detector",
        choices=tuple(DETECTORS),
        help="find faces: mtcnn brings its weights, scrfd needs --detector-model",
    )
    command.add_argument(
        "--layout",
        choices=tuple(LAYOUTS),
        default="auto",
        help="of the landmarks: " + "; ".join(f"{name}: {text}" for name, text in LAYOUTS.items()),
    )
    command.add_argument(
        "--detector-model",
        dest="model_file",
        type=Path,
        metavar="FILE",
        help="its network: .onnx, or an InsightFace model pack (folder or .zip)",
    )
    command.add_argument("--device", choices=DEVICES, help="of the detector (auto)")
    command.add_argument(
        "--face",
        choices=CHOICES,
        help="that is taken where there are several (largest); labelled: see --boxes",
    )
    command.add_argument(
        "--boxes",
        type=Path,
        metavar="FILE",
        help="for --face labelled: lines path x1 y1 x2 y2, or a list of face2rec2",
    )


def _run(arguments: argparse.Namespace) -> None:
    from data_prep.align_images import AlignSettings, align_folder
    from data_prep.align_parts import Part
    from data_prep.images import parse_size
    from data_prep.parallel import share

    settings = AlignSettings(
        size=parse_size(arguments.size),
        format=arguments.format,
        quality=arguments.quality,
        layout=arguments.layout,
        missing=arguments.missing,
    )
    part = Part(*share())
    summary = align_folder(
        arguments.images,
        arguments.out,
        _landmark_source(arguments),
        settings,
        workers=arguments.workers,
        resume=arguments.resume,
        part=part,
        join=arguments.join,
    )
    _say(summary["counts"], arguments.out, part)


def _say(counts: dict[str, int], out: Path, part: "Part") -> None:
    who = f"process {part.rank} of {part.world}: " if part.world > 1 else ""
    print(
        f"{who}{counts['crops']} crops in {out}; {counts['failed']} failed, "
        f"{counts['without_landmarks']} images without landmarks, "
        f"{counts['missing_images']} landmarks without image (names in {part.note})"
    )
    if counts["centred"]:
        print(f"{counts['centred']} of the crops show the middle of an image without landmarks")
    if aligned := counts.get("already_aligned"):
        print(f"{aligned} of the crops were aligned already and are taken as they are")
    if part.world > 1 and part.rank == 0:
        print("when all processes are done: the same command without torchrun, with --join")


def _landmark_source(arguments: argparse.Namespace) -> "Path | DetectSettings":
    from data_prep.faces.detect import DetectSettings

    options = ("model_file", "device", "face", "boxes")
    given = {name: value for name in options if (value := getattr(arguments, name)) is not None}
    if arguments.detector:
        if arguments.layout != "auto":
            raise ValueError("--layout goes with --landmarks only; leave it out with --detector")
        return DetectSettings(detector=arguments.detector, **given)
    if given:
        raise ValueError("--detector-model, --device, --face and --boxes go with --detector only")
    return arguments.landmarks
