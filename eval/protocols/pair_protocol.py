"""Protocols of pairs in folds: the same options, judgement and words for all of them."""

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.protocols.base import Protocol, tar_lines
from eval.protocols.pairs import PairList, from_bin


@dataclass(frozen=True)
class PairProtocol(Protocol):
    """A verification protocol: a list in a known layout, judged by cross-validated accuracy.

    Attributes:
        title: as it is written in a report.
        about: half a line for the list of protocols.
        parse_list: reads the pair list.
        list_help: what `--pairs` takes.
        example: see Protocol.
        person: name of the person on an image, by the image's name.
        official_pairs: pairs of the published list, None where there is none.
        official_sha256: hash of the published list, None where it is not known to this version.
        notes: sentences for the report: what the figures mean and what they compare with.
    """

    title: str
    about: str
    parse_list: Callable[[str | os.PathLike[str]], PairList]
    person: Callable[[str], str]
    official_pairs: int | None
    official_sha256: str | None
    notes: tuple[str, ...]
    list_help: str = "the protocol's pair list"
    example: str = "--pairs pairs.txt --embeddings out/lfw"

    def parse(self, path: str | os.PathLike[str]) -> PairList:
        """The protocol's list, or the pairs of a verification .bin.

        Raises:
            ValueError: a bad list; file and line are named.
            OSError: it cannot be read.
        """
        return from_bin(Path(path)) if Path(path).suffix == ".bin" else self.parse_list(path)

    def people(
        self, path: str | os.PathLike[str], pairs: PairList
    ) -> tuple[list[str], list[str]] | None:
        """Person on each side of each pair; None where names do not tell, as in a .bin."""
        if Path(path).suffix == ".bin":
            return None
        first, second = [[self.person(name) for name in side] for side in (pairs.a, pairs.b)]
        told = all((a == b) == same for a, b, same in zip(first, second, pairs.same))
        return (first, second) if told else None

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """The list, the embeddings, and what to report of them."""
        parser.add_argument(
            "--pairs", required=True, metavar="FILE", help=f"{self.list_help}, or a .bin"
        )
        parser.add_argument("--embeddings", required=True, metavar="X", help="path without suffix")
        add_rule_arguments(parser)

    def judge(self, args: argparse.Namespace, command: str) -> dict[str, Any]:
        """See `verify`."""
        from eval.embeddings import load
        from eval.protocols.verification import verify

        return verify(
            args.protocol,
            args.pairs,
            load(args.embeddings),
            compat=args.compat,
            fars=args.far,
            far_mode=args.far_mode,
            images=args.images,
            command=command,
        )

    def summary(self, result: dict[str, Any]) -> str:
        """Accuracy, AUC, EER and TAR at each FAR."""
        return summary(result)


def add_rule_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of every protocol of pairs: whose rule, which FARs, which pictures."""
    from eval.metrics.compat import COMPAT

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
    drawn = result["bootstrap"]
    low, high = drawn["accuracy"]["ci95"]
    lines.insert(
        2,
        f"          95 % interval {low:.4f} to {high:.4f} ({drawn['draws']:,} draws of "
        f"{drawn['units']:,} {drawn['unit']}, thresholds as they are)",
    )
    if "val_at_far" in accuracy:
        val = accuracy["val_at_far"]
        lines.append(
            f"VAL       {val['mean']:.5f} ± {val['std']:.5f} @ FAR={val['far_mean']:.5f} "
            "(interpolated, deviation ddof 0, as insightface prints it)"
        )
    for line, row in zip(tar_lines(result["tar_at_far"]), drawn["tar_at_far"]):
        lines.append(line)
        if row["ci95"]:
            low, high = row["ci95"]
            lines.append(f"          95 % interval {low:.4f} to {high:.4f} over {drawn['unit']}")
    return "\n".join(lines)
