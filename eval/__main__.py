"""`python -m eval`: extract embeddings, run a protocol, draw a report."""

import argparse
import shlex
from pathlib import Path
from typing import Any

from data_prep.cli import Parser, run

_EXTRACT = """\
example:
  python -m eval extract --model runs/r50 --images lfw112 --out out/lfw
"""
_RUN = """\
example:
  python -m eval run --protocol lfw --pairs pairs.txt --embeddings out/lfw --out out/lfw.json

The embeddings are the three files that "extract" writes: X.npy, X.txt and X.json.
A FAR that the list is too short to resolve is said to be so, never given as a number.
"""
_REPORT = """\
example:
  python -m eval report out/r50_lfw.json out/r100_lfw.json out/r50_sllfw.json --out report.html

The page is one file with everything in it and loads nothing from anywhere.
"""


def main(argv: list[str]) -> None:
    """Does what the arguments say.

    Raises:
        ValueError: bad input.
        OSError: a file that cannot be read or written.
    """
    args = _parser(argv).parse_args(argv)
    args.do(args)


def _parser(argv: list[str]) -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m eval",
        description="Judges face embeddings: extraction, protocols, reports.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    extract = _command(commands, "extract", "Turn images into embeddings with a model.", _EXTRACT)
    if argv[:1] == ["extract"]:  # it needs torch's neighbourhood, the others do not
        from eval.extract import add_arguments
        from eval.extract import run as run_extract

        add_arguments(extract)
        extract.set_defaults(do=run_extract)
    judge = _command(commands, "run", "Run a protocol on embeddings: one JSON result.", _RUN)
    _run_arguments(judge)
    judge.set_defaults(do=lambda args: _run(args, argv))
    draw = _command(commands, "report", "Draw one HTML page from JSON results.", _REPORT)
    draw.add_argument("results", nargs="+", metavar="RESULT.json", help="what run wrote")
    draw.add_argument("--out", required=True, metavar="FILE.html", help="the page to write")
    draw.add_argument("--title", default="Face verification report", help="heading of the page")
    draw.set_defaults(do=_report)
    return parser


def _command(commands: Any, name: str, about: str, example: str) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = commands.add_parser(
        name,
        help=about,
        description=about,
        epilog=example,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    return made


def _run_arguments(parser: argparse.ArgumentParser) -> None:
    from eval.metrics.compat import COMPAT
    from eval.protocols import PROTOCOLS

    parser.add_argument(
        "--protocol",
        required=True,
        choices=PROTOCOLS,
        help=f"one of: {', '.join(PROTOCOLS)}",
        metavar="NAME",
    )
    parser.add_argument("--pairs", required=True, metavar="FILE", help="the protocol's pair list")
    parser.add_argument("--embeddings", required=True, metavar="X", help="path without suffix")
    parser.add_argument("--out", required=True, metavar="RESULT.json", help="the result to write")
    parser.add_argument(
        "--compat",
        choices=COMPAT,
        metavar="NAME",
        help=f"accuracy by another project's rule: {', '.join(COMPAT)}",
    )
    parser.add_argument(
        "--images",
        metavar="DIR",
        help="folder for pictures of the hardest pairs (default: the one the embeddings name)",
    )
    parser.add_argument(
        "--far",
        nargs="+",
        metavar="RATE",
        help="false-accept rates to report TAR at (default: 1e-2 1e-3 1e-4)",
    )
    parser.add_argument(
        "--far-mode",
        choices=("exact", "nearest"),
        default="exact",
        help="exact: never above the rate (default); nearest: the nearest point, as IJB code does",
    )


def _run(args: argparse.Namespace, argv: list[str]) -> None:
    from data_prep.files import write_json
    from eval.embeddings import load
    from eval.protocols.verification import verify

    if Path(args.out).absolute() == Path(f"{args.embeddings}.json").absolute():
        raise ValueError(
            f"--out {args.out}: is the description of the embeddings; choose another name"
        )
    result = verify(
        args.protocol,
        args.pairs,
        load(args.embeddings),
        compat=args.compat,
        fars=args.far,
        far_mode=args.far_mode,
        images=args.images,
        command=shlex.join(["python", "-m", "eval", *argv]),
    )
    write_json(args.out, result)
    print(summary(result))
    print(f"wrote {args.out}")


def summary(result: dict[str, Any]) -> str:
    """A verification result in a few lines of text."""
    accuracy, counts = result["accuracy"], result["counts"]
    rule = f", rule of {result['compat']}" if result["compat"] else ""
    lines = [
        f"{result['title']}: {counts['genuine']:,} genuine and {counts['impostor']:,} impostor "
        f"pairs, {len(accuracy['folds'])} folds{rule}",
        f"accuracy  {accuracy['mean']:.4f} ± {accuracy['std_error']:.4f} (standard error; "
        f"deviation {accuracy['std']:.4f}, ddof {accuracy['std_ddof']})",
        f"AUC       {result['auc']:.6f}",
        f"EER       {result['eer']:.4f}",
    ]
    if "val_at_far" in accuracy:
        val = accuracy["val_at_far"]
        lines.append(
            f"VAL       {val['mean']:.5f} ± {val['std']:.5f} @ FAR={val['far_mean']:.5f} "
            "(interpolated, deviation ddof 0, as insightface prints it)"
        )
    for point in result["tar_at_far"]:
        lines.append(f"TAR@FAR={point['far']:g}  " + _point(point))
    return "\n".join(lines)


def _point(point: dict[str, Any]) -> str:
    if not point["resolvable"]:
        return f"not resolvable with {point['impostors']:,} impostors"
    low, high = point["ci95"]
    return (
        f"{point['tar']:.4f}, 95 % interval {low:.4f} to {high:.4f} "
        f"({point['true_accepts']:,} of {point['genuine']:,} accepted, "
        f"{point['false_accepts']:,} of {point['impostors']:,} falsely, k = {point['k']:,})"
    )


def _report(args: argparse.Namespace) -> None:
    from data_prep.files import write_text
    from eval.report.html import page
    from eval.report.results import read_result

    text = page([read_result(path) for path in args.results], args.title)
    write_text(args.out, text)
    print(f"wrote {args.out} ({len(text.encode()) / 1e6:.1f} MB)")


if __name__ == "__main__":
    run(main, "python -m eval")
