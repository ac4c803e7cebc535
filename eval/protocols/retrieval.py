"""Retrieval: every image a query for its class among all others (Recall@K), and clustering (NMI).

For sets such as CUB-200, Cars-196 and Stanford Online Products, or any folder of persons. The class
of an image is its folder, or what `--labels` says (`name label` a line, split at its last tab or,
without one, its last space; only those are judged).
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.embeddings import Embeddings
from eval.metrics.folds import Ints
from eval.protocols.base import SCHEMA, Protocol, embeddings_facts
from eval.protocols.pairs import folder_of, read_lines, sha256_of

DEFAULT_KS = (1, 2, 4, 8)


class Retrieval(Protocol):
    """Recall@K and NMI."""

    title = "Retrieval"
    about = "Recall@K, and NMI of k-means, over classes of images"
    example = "--embeddings out/products"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Classes, K, and whether to cluster."""
        parser.add_argument("--embeddings", required=True, metavar="X", help="path without suffix")
        parser.add_argument(
            "--labels",
            metavar="FILE",
            help="lines of `name label`, a tab between if labels have spaces (default: an image's "
            "folder)",
        )
        parser.add_argument(
            "--recall", nargs="+", type=int, default=DEFAULT_KS, metavar="K", help="1 2 4 8"
        )
        parser.add_argument("--no-nmi", action="store_true", help="leave out k-means and NMI")
        parser.add_argument("--seed", type=int, default=0, help="of k-means (0)")
        parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")

    def judge(self, args: argparse.Namespace, command: str) -> dict[str, Any]:
        """Ranks and clusters."""
        from eval.embeddings import load
        from eval.metrics.retrieval import fits, ranks
        from eval.similarity import Vectors, duplicates
        from models import comm

        embeddings = load(args.embeddings)
        if min(args.recall) < 1:
            raise ValueError(f"--recall {min(args.recall)}: expected 1 or more")
        if args.seed < 0:
            raise ValueError(f"--seed {args.seed}: expected 0 or more")
        rows, labels = labelled(embeddings, args.labels)
        number = {label: place for place, label in enumerate(sorted(set(labels)))}
        label_n = np.array([number[label] for label in labels])
        images = Vectors(embeddings.vectors, args.embeddings, rows=rows, names=embeddings.names)
        device = comm.pick_device(args.device)
        queries, recall = _recall(ranks(images, label_n, device=device), args.recall)
        where = args.labels or args.embeddings
        if not queries:
            raise ValueError(
                f"{where}: no class has two images, so nothing can be retrieved; give "
                "--labels that name their classes"
            )
        found = None if args.no_nmi else _nmi(images, label_n, len(number), args.seed)
        repeats = duplicates(images)
        return {
            "schema": SCHEMA,
            "protocol": args.protocol,
            "title": self.title,
            "counts": {"images": len(rows), "classes": len(number), "queries": queries},
            "recall": recall,
            "nmi": found,
            "data": {
                "labels": None
                if args.labels is None
                else {"path": args.labels, "sha256": sha256_of(args.labels)},
                "embeddings": embeddings_facts(embeddings),
                "duplicates": repeats.fact(),
                "images": embeddings.meta.get("images"),
                "fusion": embeddings.meta.get("fusion"),
                "transform": embeddings.meta.get("transform"),
            },
            "model": embeddings.meta.get("model"),
            "command": command,
            "notes": [*_NOTES, *([] if fits(images) else [_BATCHES]), *repeats.notes()],
        }

    def summary(self, result: dict[str, Any]) -> str:
        """A line each K, and NMI."""
        counts = result["counts"]
        lines = [
            f"{result['title']}: {counts['images']:,} images of {counts['classes']:,} classes, "
            f"{counts['queries']:,} queries"
        ]
        for row in result["recall"]:
            low, high = row["ci95"]
            lines.append(
                f"Recall@{row['k']:<4} {row['recall']:.4f}, 95 % interval {low:.4f} to {high:.4f} "
                f"({row['hits']:,} of {counts['queries']:,})"
            )
        if result["nmi"]:
            nmi = result["nmi"]
            lines.append(
                f"NMI         {nmi['arithmetic']:.4f} (divided by the arithmetic mean of the "
                f"entropies; geometric {nmi['geometric']:.4f}; {nmi['clusters']:,} clusters, seed "
                f"{nmi['seed']})"
            )
        return "\n".join(lines)


_NOTES = [
    "Recall@K: the share of queries with one of their class among the K nearest other images, by "
    "cosine. Images alone in their class are no queries but stay among the others. An image of "
    "another class that is just as near stands before. Intervals are Clopper-Pearson, 95 %.",
    "NMI: k-means on unit embeddings with as many clusters as classes, one start. Older figures, "
    "with scikit-learn before 0.22, divide by the geometric mean of the entropies.",
]

_BATCHES = (
    "k-means went over the images in batches, once, since they are too many for memory: its NMI is "
    "not to be set beside that of plain k-means."
)


def labelled(embeddings: Embeddings, labels: str | None) -> tuple[NDArray[np.intp], list[str]]:
    """Rows of the embeddings that are judged, and the class of each.

    Raises:
        ValueError: a bad line, an image that comes twice or has no embedding; the line is named.
        OSError: the list cannot be read.
    """
    if labels is None:
        found = [folder_of(name) for name in embeddings.names]
        if "" in found:
            name = embeddings.names[found.index("")]
            raise ValueError(
                f"{embeddings.prefix}.txt: {name!r} is in no folder that names its class; "
                "give --labels"
            )
        return np.arange(len(found)), found
    names, found = [], []
    for number, line in enumerate(read_lines(Path(labels)), start=1):
        name, _, label = line.rpartition("\t" if "\t" in line else " ")
        if not name.strip() or not label.strip():
            raise ValueError(f'{labels}, line {number}: expected "name label", found {line!r}')
        names.append(name.strip())
        found.append(label.strip())
    rows = embeddings.rows(names, labels)
    _, first = np.unique(rows, return_index=True)
    if len(first) < len(rows):
        twice = int(np.setdiff1d(np.arange(len(rows)), first)[0])
        raise ValueError(f"{labels}, line {twice + 1}: {names[twice]!r} is on a line above already")
    return rows, found


def _recall(rank_n: Ints, ks: list[int]) -> tuple[int, list[dict[str, Any]]]:
    from eval.metrics.roc import clopper_pearson

    asked = rank_n[rank_n > 0]
    rows = []
    for k in ks:
        if len(asked):
            hits = int((asked <= k).sum())
            share = {"recall": hits / len(asked), "ci95": list(clopper_pearson(hits, len(asked)))}
            rows.append({"k": k, "hits": hits, **share})
    return len(asked), rows


def _nmi(images: Any, label_n: Ints, classes: int, seed: int) -> dict[str, Any]:
    from eval.metrics.retrieval import clusters, nmi

    cluster_n = clusters(images, classes, seed)
    averages = {name: nmi(label_n, cluster_n, name) for name in ("arithmetic", "geometric")}
    return {**averages, "clusters": classes, "seed": seed}


PROTOCOL = Retrieval()
