"""`python -m data_prep align`: photographs to aligned crops."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from data_prep.cli import Parser
from data_prep.commands import add_command, add_workers

if TYPE_CHECKING:
    from data_prep.faces.detect import DetectSettings


def add(commands: "argparse._SubParsersAction[Parser]") -> None:
    """Adds the command `align`."""
    from data_prep.faces.detect import CHOICES, DETECTORS, DEVICES

    command = add_command(
        commands,
        "align",
        _run,
        "Cut aligned face crops out of photographs, by landmarks from a file or of a detector. "
        "Paths are kept; OUT/align.json says what was done and lists images without landmarks, "
        "OUT/landmarks.txt has what a detector found.",
        "python -m data_prep align --images photos --out crops --landmarks points.txt "
        "(or --detector mtcnn)",
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
    add_workers(command)


def _run(arguments: argparse.Namespace) -> None:
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
