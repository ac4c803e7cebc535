"""Trillion Pairs (DeepGlint): people among distractors, every pair counted.

The scorer was closed and its server is gone; this is our reconstruction of it, of the published
measures (formats.md 2.10). It needs a file of labels, which the server kept to itself.

Verification: genuine are all pairs of one person, impostor all pairs of a person's image and a
distractor. Identification: each ordered pair of one person's images is a trial, one of them the
query and the other its mate among all distractors. It is a hit where the mate's score is greater
than the highest distractor's and than tau, which lets at most floor(F x queries) queries have a
distractor above it.

Legend: `n` rows of the matrix, `Q` queries, `t` trials.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from eval.metrics.folds import Ints
from eval.protocols.base import SCHEMA, Protocol, embeddings_facts, tar_lines
from eval.protocols.pairs import read_lines, sha256_of

FARS = ("1e-6", "1e-7", "1e-8", "1e-9")
FPRS = ("1e-3",)
DISTRACTOR = -1


class TrillionPairs(Protocol):
    """Identification and verification."""

    title = "Trillion Pairs, our reconstruction of the closed scorer"
    about = "people among distractors: TPR@FPR=1e-3 (identification), 1e-9 (verification)"
    example = "--features submission.bin --labels labels.txt"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """The matrix, its labels, and rates."""
        parser.add_argument(
            "--features",
            required=True,
            metavar="X",
            help="path without suffix of X.npy, or a submission's matrix (.bin)",
        )
        parser.add_argument(
            "--labels",
            required=True,
            metavar="FILE",
            help="a label a line, or lines of `row label` from row 0; -1 is a distractor",
        )
        parser.add_argument(
            "--far", nargs="+", default=FARS, metavar="RATE", help="of verification (1e-6 .. 1e-9)"
        )
        parser.add_argument(
            "--fpr", nargs="+", default=FPRS, metavar="RATE", help="of identification (1e-3)"
        )
        parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
        parser.add_argument(
            "--state", metavar="DIR", help="keep notes there, so that a stopped run goes on"
        )

    def judge(self, args: argparse.Namespace, command: str) -> dict[str, Any]:
        """One pass for both."""
        from eval.metrics.tail import enough, tail_roc, tar_rows
        from eval.similarity import Plan, Vectors, duplicates, genuine_pairs, score_pairs, search
        from models import comm

        array, facts, meta = _features(args.features)
        label_n = read_labels(args.labels, len(array))
        asked = np.flatnonzero(label_n >= 0)
        alone = np.flatnonzero(label_n == DISTRACTOR)
        queries = Vectors(array, args.features, rows=asked)
        distractors = Vectors(array, args.features, rows=alone)
        i, j = genuine_pairs(label_n[asked])
        if not len(i):
            raise ValueError(f"{args.labels}: no person has two images; is it the right list?")
        score = score_pairs(queries, queries, i, j)
        impostors = len(asked) * len(alone)
        plan = Plan(top=1, tail=enough(args.far, impostors))
        device = comm.pick_device(args.device)
        found = search(queries, distractors, plan, device=device, state=args.state)
        assert found.top is not None and found.tail is not None
        best_Q = found.top.score[-1, :, 0]
        repeats = duplicates(queries, distractors)
        return {
            "schema": SCHEMA,
            "protocol": args.protocol,
            "title": self.title,
            "counts": {
                "people": len(np.unique(label_n[asked])),
                "queries": len(asked),
                "distractors": len(alone),
                "unlabelled": int((label_n < DISTRACTOR).sum()),
                "trials": 2 * len(i),
                "genuine": len(i),
                "impostor": impostors,
            },
            **identification(score, np.stack([i, j]), best_Q, args.fpr),
            "tar_at_far": tar_rows(score, found.tail.score, impostors, args.far),
            "roc": tail_roc(score, found.tail.score, impostors),
            "data": {
                "embeddings": facts,
                "labels": {"path": args.labels, "sha256": sha256_of(args.labels)},
                "duplicates": repeats.fact(),
                "images": meta.get("images"),
                "fusion": meta.get("fusion"),
                "transform": meta.get("transform"),
            },
            "model": meta.get("model"),
            "command": command,
            "notes": [*_NOTES, *repeats.notes()],
        }

    def summary(self, result: dict[str, Any]) -> str:
        """A line each rate."""
        counts = result["counts"]
        lines = [
            f"{result['title']}: {counts['queries']:,} images of {counts['people']:,} people, "
            f"{counts['distractors']:,} distractors",
            f"identification, {counts['trials']:,} trials: rank 1 {result['rank1']:.4f}",
        ]
        for row in result["identification"]:
            text = f"not resolvable with {row['queries']:,} queries"
            if row["resolvable"]:
                text = (
                    f"{row['tpr']:.4f} ({row['hits']:,} trials; {row['false_queries']:,} queries "
                    f"with a distractor above tau, k = {row['k']:,})"
                )
            lines.append(f"TPR@FPR={row['fpr']:g}  {text}")
        return "\n".join([*lines, "verification", *tar_lines(result["tar_at_far"])])


def identification(
    score_m: np.ndarray, pair_2m: np.ndarray, best_Q: np.ndarray, fprs: list[str]
) -> dict[str, Any]:
    """`rank1` and `identification`, a row a rate.

    Args:
        score_m: scores of the unordered pairs of one person's queries.
        pair_2m: their rows, [2, m].
        best_Q: each query's highest distractor score.
        fprs: exact decimals.
    """
    from eval.metrics.roc import exact_far

    mate_t, best_t = np.concatenate([score_m, score_m]), best_Q[pair_2m.ravel()]
    falling = np.sort(best_Q)[::-1]
    rows = []
    for rate in fprs:
        fpr = exact_far(rate, "--fpr")
        k = int(fpr * len(best_Q))
        row: dict[str, Any] = {"fpr": float(fpr), "k": k, "queries": len(best_Q)}
        row |= {"trials": len(mate_t), "resolvable": k > 0}
        if k == 0:
            empty = ("tpr", "hits", "tau", "false_queries")
            rows.append(row | dict.fromkeys(empty))
            continue
        lowest = np.nextafter(min(mate_t.min(), falling[-1]), -np.inf)
        tau = float(falling[k] if k < len(falling) else lowest)
        hits = int((mate_t > np.maximum(best_t, tau)).sum())
        false = int((best_Q > tau).sum())
        rows.append(
            row | {"tpr": hits / len(mate_t), "hits": hits, "tau": tau, "false_queries": false}
        )
    return {"rank1": float((mate_t > best_t).mean()), "identification": rows}


def read_labels(path: str, rows: int) -> Ints:
    """Person of each row from 0, -1 for distractors, -2 for rows that the file leaves out, [n].

    Raises:
        ValueError: a line that is no label, too few or many, a row out of range or twice, no
            person or no distractor; the line is named.
        OSError: it cannot be read.
    """
    lines = read_lines(path)
    width = len(lines[0].split())
    if width not in (1, 2):
        raise ValueError(f'{path}, line 1: expected "label" or "row label", found {lines[0]!r}')
    if width == 1 and len(lines) != rows:
        raise ValueError(
            f"{path}: {len(lines):,} labels for {rows:,} rows of features; "
            "give the list of these images"
        )
    text = np.full(rows, "", dtype=object)
    for number, line in enumerate(lines, start=1):
        fields = line.split()
        if len(fields) != width:
            kind = '"label"' if width == 1 else '"row label"'
            raise ValueError(f"{path}, line {number}: expected {kind}, found {line!r}")
        row = number - 1
        if width == 2:
            row = int(fields[0]) if fields[0].isdecimal() else rows
            if row >= rows:
                raise ValueError(
                    f"{path}, line {number}: expected a row from 0 to {rows - 1}, found "
                    f"{fields[0]!r}"
                )
            if text[row]:
                raise ValueError(f"{path}, line {number}: row {row} is on a line above already")
        text[row] = fields[-1]
    known = {label: place for place, label in enumerate(sorted(set(text) - {"", "-1"}))}
    number_of = known | {"-1": DISTRACTOR, "": -2}
    label_n = np.array([number_of[label] for label in text], dtype=np.int64)
    for what, there in (("person", label_n >= 0), ("distractor (-1)", label_n == DISTRACTOR)):
        if not there.any():
            raise ValueError(f"{path}: no {what} among the labels; is it the right list?")
    return label_n


def _features(path: str) -> tuple[np.ndarray, dict[str, Any], dict[str, Any]]:
    """float32 [n, D], what was read, and what X.json says."""
    from data_prep.files import sha256_file
    from eval.embeddings import load
    from eval.features.matrix import read_matrix

    if Path(path).suffix != ".bin":
        embeddings = load(path)
        return embeddings.vectors, embeddings_facts(embeddings), embeddings.meta
    array = read_matrix(path)
    if array.dtype != np.float32:
        raise ValueError(f"{path}, byte 12: type 6 (float64), a submission is float32 (type 5)")
    facts = {"path": path, "sha256": sha256_file(path), "count": len(array), "command": None}
    return array, {**facts, "dim": array.shape[1]}, {}


_NOTES = [
    "Our reconstruction of the closed scorer: the definitions are in this project's source; "
    "published figures came from a server that is gone, and need not agree.",
    "Verification: genuine pairs are all of one person's images, impostor pairs all of a person's "
    "image and a distractor; the threshold lets at most floor(FPR x impostors) through.",
    "Identification: a trial is an ordered pair of one person's images; a hit is where the mate's "
    "score is greater than that of every distractor, and than tau.",
]

PROTOCOL = TrillionPairs()
