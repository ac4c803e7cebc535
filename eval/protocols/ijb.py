"""IJB-B and IJB-C, 1:1: pairs of templates, TAR@FAR.

Files as the public scripts take them (formats.md 2.11). Beside the exact TAR@FAR, the rule of those
scripts is reported under its own name: the point of the ROC whose FAR is nearest, which may exceed
the wanted one.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.metrics.folds import Bools
from eval.protocols.base import SCHEMA, Protocol, tar_lines
from eval.protocols.ijb_templates import Templates, add_arguments, open_templates
from eval.protocols.pairs import sha256_of

FARS = ("1e-6", "1e-5", "1e-4", "1e-3", "1e-2", "1e-1")
_KNOWN = {(10_270, 8_000_000): "IJB-B", (19_557, 15_638_932): "IJB-C"}
"""Genuine and impostor pairs of the published lists."""


class Ijb(Protocol):
    """Verification of templates."""

    title = "IJB 1:1"
    about = "IJB-B or IJB-C, pairs of templates: TAR@FAR=1e-6 .. 1e-1"
    example = "--embeddings out/ijbc --media tid_mid.txt --scores 5pts_score.txt --pairs label.txt"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Templates, pairs, rates."""
        add_arguments(parser)
        parser.add_argument(
            "--pairs",
            required=True,
            metavar="FILE",
            help="ijb?_template_pair_label.txt: template template 0|1",
        )
        parser.add_argument("--far", nargs="+", default=FARS, metavar="RATE", help="1e-6 .. 1e-1")

    def judge(self, args: argparse.Namespace, command: str) -> dict[str, Any]:
        """Pools, scores, counts."""
        from eval.metrics.roc import auc, eer, roc, tar_at_far, thinned
        from eval.similarity import Vectors, score_pairs

        templates = open_templates(args)
        first, second, same = read_pairs(args.pairs, templates)
        vectors = Vectors(templates.vectors, templates.where)
        score = score_pairs(vectors, vectors, first, second)
        genuine, impostor = score[same], score[~same]
        if not len(genuine) or not len(impostor):
            raise ValueError(
                f"{args.pairs}: expected pairs of both labels, 0 and 1, found one; "
                "give the whole list"
            )
        curve = roc(genuine, impostor)
        drawn = thinned(curve)
        known = _KNOWN.get((len(genuine), len(impostor)))
        return {
            "schema": SCHEMA,
            "protocol": args.protocol,
            "title": f"{known or 'IJB'} 1:1, {args.pooling}",
            "counts": {
                "genuine": len(genuine),
                "impostor": len(impostor),
                "pairs": len(score),
                "templates": len(templates.ids),
            },
            "auc": auc(curve),
            "eer": eer(curve),
            "tar_at_far": tar_at_far(genuine, impostor, list(args.far)),
            "public_tar_at_far": tar_at_far(genuine, impostor, list(args.far), "nearest"),
            "roc": {
                "far": drawn.far.tolist(),
                "tar": drawn.tar.tolist(),
                "threshold": drawn.threshold.tolist(),
            },
            "data": {
                **templates.facts,
                "pairs": {"path": args.pairs, "sha256": sha256_of(args.pairs)},
            },
            "model": templates.meta.get("model"),
            "command": command,
            "notes": [*_notes(args.pooling, templates, known), *templates.notes],
        }

    def summary(self, result: dict[str, Any]) -> str:
        """TAR at each FAR by both rules."""
        counts = result["counts"]
        return "\n".join(
            [
                f"{result['title']}: {counts['genuine']:,} genuine and {counts['impostor']:,} "
                f"impostor pairs of {counts['templates']:,} templates",
                *tar_lines(result["tar_at_far"]),
                "the public scripts' rule (nearest point, may exceed the FAR):",
                *tar_lines(result["public_tar_at_far"]),
            ]
        )


def read_pairs(path: str, templates: Templates) -> tuple[NDArray[np.intp], NDArray[np.intp], Bools]:
    """Rows of both templates of each pair, and whether they are of one person.

    Raises:
        ValueError: a line that is no pair, or a template without images; the line is named.
        OSError: it cannot be read.
    """
    if not Path(path).stat().st_size:
        raise ValueError(f"{path}: empty, expected lines of `template template 0|1`")
    try:
        table = np.loadtxt(path, dtype=np.int64, ndmin=2, comments=None, encoding="utf-8-sig")
    except (ValueError, OverflowError):
        table = np.empty((0, 0), dtype=np.int64)
    if table.shape[1] != 3:
        raise ValueError(_bad_pair(path))
    wrong = np.flatnonzero((table[:, 2] != 0) & (table[:, 2] != 1))
    if len(wrong):
        raise ValueError(_bad_pair(path))
    sides = []
    for side in (table[:, 0], table[:, 1]):
        rows, there = templates.rows(side)
        if not there.all():
            place = int(np.flatnonzero(~there)[0])
            raise ValueError(
                f"{path}, line {_line_of(path, place)}: template {side[place]} has no image in "
                f"{templates.where}; use lists of one set"
            )
        sides.append(rows)
    return sides[0], sides[1], table[:, 2] == 1


def _bad_pair(path: str) -> str:
    """The message for the first line that is no pair."""
    with Path(path).open(encoding="utf-8-sig", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            fields = line.split()
            numbers = len(fields) == 3 and all(field.isdecimal() for field in fields)
            if fields and not (numbers and fields[2] in ("0", "1")):
                return (
                    f'{path}, line {number}: expected "template template 0|1", found '
                    f"{line.rstrip()!r}"
                )
    return f'{path}: expected lines of "template template 0|1", whole numbers below 2^63'


def _line_of(path: str, place: int) -> int:
    """Line of pair number `place`, from 1; blank lines hold none."""
    with Path(path).open(encoding="utf-8") as file:
        filled = [number for number, line in enumerate(file, start=1) if line.strip()]
    return filled[place]


def _notes(pooling: str, templates: Templates, known: str | None) -> list[str]:
    notes = [
        f"{pooling}: image features "
        + ("keep their length" if pooling[1] == "1" else "are made unit")
        + (", times the detector's score" if pooling[3] == "1" else "")
        + (", mirrored image added" if pooling[5] == "1" else "")
        + "; mean within a media, sum over media, unit length.",
        "TAR@FAR: the threshold lets at most floor(FAR x impostors) impostors through. The public "
        "scripts take the point of the ROC whose FAR is nearest, which may exceed it; that is "
        "public_tar_at_far. Intervals are Clopper-Pearson, 95 %.",
    ]
    if templates.facts["fusion"] is None:
        notes.append(
            "The embeddings do not say whether mirrored images are in them; "
            f"F{pooling[5]} is taken on trust."
        )
    if known is None:
        notes.append("The pair list has neither IJB-B's nor IJB-C's number of pairs.")
    return notes


PROTOCOL = Ijb()
