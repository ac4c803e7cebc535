"""IJB-B and IJB-C, 1:N: templates searched in galleries.

Official: two disjoint galleries, each searched with all probes. Closed set: of the probes whose
person is in the gallery, the share with fewer than k other templates as high as the mate. Open set:
FPIR(tau) is the share of the other probes whose highest score is greater than tau, TPIR the share
of mated probes whose mate is first and greater than tau. Figures are means over galleries.

The public scripts do another thing (insightface's ijb_1n.py): galleries are joined, so that every
probe has a mate, and the threshold is the ceil(F x probes)-th largest of all impostor scores. It is
reported as `public`.

Legend: `p` probes.
"""

import argparse
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.metrics.folds import Floats, Ints
from eval.metrics.roc import clopper_pearson, exact_far
from eval.protocols.base import SCHEMA, Protocol
from eval.protocols.ijb_lists import Listed, check_disjoint, read_table
from eval.protocols.ijb_templates import Templates, add_arguments, open_templates
from eval.protocols.pairs import sha256_of

RANKS = (1, 5, 10)
FPIRS = ("0.01", "0.1")
_CURVE = 100  # ranks of `cmc`


@dataclass(frozen=True)
class Searched:
    """p probes against one gallery.

    Attributes:
        mated_p: whether a probe's person is in the gallery.
        own_p: score with the mate, infinity where there is none.
        ahead_p: others that score as high as the mate.
        best_p: the highest score with another person, -inf where there is none.
        falling: largest impostor scores of all, if asked for.
    """

    mated_p: NDArray[np.bool_]
    own_p: Floats
    ahead_p: Ints
    best_p: Floats
    falling: Floats


class Ijb1N(Protocol):
    """Identification of templates."""

    title = "IJB 1:N"
    about = "IJB-B or IJB-C, templates in two galleries: rank k, TPIR@FPIR"
    example = (
        "--embeddings out/ijbc --media tid_mid.txt --scores 5pts_score.txt "
        "--probes probe_mixed.csv --galleries gallery_G1.csv gallery_G2.csv"
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Templates, galleries, probes."""
        add_arguments(parser)
        table = "with columns TEMPLATE_ID and SUBJECT_ID"
        parser.add_argument(
            "--galleries", required=True, nargs="+", metavar="FILE", help=f"CSV {table}"
        )
        parser.add_argument("--probes", required=True, metavar="FILE", help=f"CSV {table}")
        parser.add_argument(
            "--rank", nargs="+", type=int, default=RANKS, metavar="K", help="1 5 10"
        )
        parser.add_argument("--fpir", nargs="+", default=FPIRS, metavar="RATE", help="0.01 0.1")
        parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")

    def judge(self, args: argparse.Namespace, command: str) -> dict[str, Any]:
        """Both ways."""
        if min(args.rank) < 1:
            raise ValueError(f"--rank {min(args.rank)}: expected 1 or more")
        templates = open_templates(args)
        probes = read_table(args.probes, templates)
        galleries = [read_table(path, templates) for path in args.galleries]
        check_disjoint(galleries)
        searched = [find(templates, probes, one, args.device) for one in galleries]
        each = [_official(one, g, args) for one, g in zip(searched, galleries)]
        return {
            "schema": SCHEMA,
            "protocol": args.protocol,
            "title": f"{self.title}, {args.pooling}",
            "counts": {
                "templates": len(templates.ids),
                "probes": len(probes.rows),
                "gallery": [len(one.rows) for one in galleries],
            },
            **_averages(each),
            "galleries": each,
            "public": _public(templates, probes, galleries, args),
            "data": {
                **templates.facts,
                "probes": {"path": args.probes, "sha256": sha256_of(args.probes)},
                "galleries": [{"path": path, "sha256": sha256_of(path)} for path in args.galleries],
            },
            "model": templates.meta.get("model"),
            "command": command,
            "notes": [*_NOTES, *templates.notes],
        }

    def summary(self, result: dict[str, Any]) -> str:
        """Means over galleries, and the public scripts' figures."""
        counts = result["counts"]
        sizes = " and ".join(f"{size:,}" for size in counts["gallery"])
        lines = [f"{result['title']}: {counts['probes']:,} probes, galleries of {sizes}"]
        lines.append(_ranks_text(result["closed_set"]))
        for row in result["tpir_at_fpir"]:
            tpir = f"{row['tpir']:.4f}" if row["resolvable"] else "not resolvable in each gallery"
            lines.append(f"TPIR@FPIR={row['fpir']:g}  {tpir}")
        if result["public"]:
            public = result["public"]
            lines.append("galleries joined, as the public scripts do:")
            lines.append(_ranks_text(public["closed_set"]))
            lines += [
                f"TPR@FAR={row['far']:g}  "
                + (f"{row['tpr']:.4f}" if row["resolvable"] else "not resolvable")
                for row in public["tpr_at_far"]
            ]
        return "\n".join(lines)


def find(
    templates: Templates, probes: Listed, gallery: Listed, device: str, tail: int = 0
) -> Searched:
    """Searches all probes in one gallery that has each person once."""
    from eval.similarity import Plan, Vectors, score_pairs, search
    from models import comm

    sides = [
        Vectors(templates.vectors, templates.where, rows=one.rows) for one in (probes, gallery)
    ]
    order = np.argsort(gallery.subject)
    place = np.searchsorted(gallery.subject, probes.subject, sorter=order)
    mate_p = order[place.clip(max=len(order) - 1)]
    mated_p = gallery.subject[mate_p] == probes.subject
    own_p = np.full(len(probes.rows), np.inf)
    own_p[mated_p] = score_pairs(sides[0], sides[1], np.flatnonzero(mated_p), mate_p[mated_p])
    found = search(
        sides[0],
        sides[1],
        Plan(top=1, tail=tail, above=own_p[:, None]),
        labels=(probes.subject, gallery.subject),
        device=comm.pick_device(device),
    )
    assert found.top is not None and found.counts is not None
    ahead_p = (found.counts.above + found.counts.equal)[-1, :, 0]
    falling = np.empty(0) if found.tail is None else found.tail.score
    return Searched(mated_p, own_p, ahead_p, found.top.score[-1, :, 0], falling)


def _official(searched: Searched, gallery: Listed, args: argparse.Namespace) -> dict[str, Any]:
    """One gallery's figures."""
    mated = searched.mated_p
    if not mated.any():
        raise ValueError(f"{gallery.path}: no probe's person is in this gallery")
    own, ahead = searched.own_p[mated], searched.ahead_p[mated]
    falling = np.sort(searched.best_p[~mated])[::-1]
    rows = []
    for rate in args.fpir:
        fpir = exact_far(rate, "--fpir")
        k = int(fpir * len(falling))
        row: dict[str, Any] = {"fpir": float(fpir), "k": k, "resolvable": k > 0}
        if k == 0:
            empty = ("tpir", "hits", "threshold", "false_probes", "ci95")
            rows.append(row | dict.fromkeys(empty))
            continue
        lowest = np.nextafter(min(own.min(), falling[-1]), -np.inf)
        tau = float(falling[k] if k < len(falling) else lowest)
        hits = int(((ahead == 0) & (own > tau)).sum())
        rows.append(
            row
            | {
                "tpir": hits / len(own),
                "hits": hits,
                "threshold": tau,
                "false_probes": int((falling > tau).sum()),
                "ci95": list(clopper_pearson(hits, len(own))),
            }
        )
    return {
        "gallery": gallery.path,
        "counts": {
            "gallery": len(gallery.rows),
            "mated": len(own),
            "non_mated": len(falling),
        },
        "closed_set": _closed_set(ahead, args.rank),
        "cmc": _closed_set(ahead, range(1, _CURVE + 1)),
        "tpir_at_fpir": rows,
    }


def _averages(each: list[dict[str, Any]]) -> dict[str, Any]:
    """Means over galleries."""

    def mean(key: str) -> dict[str, Any]:
        recall = np.mean([one[key]["recall"] for one in each], axis=0)
        return {"rank": each[0][key]["rank"], "recall": recall.tolist()}

    rows = []
    for some in zip(*(one["tpir_at_fpir"] for one in each)):
        sure = all(row["resolvable"] for row in some)
        tpir = float(np.mean([row["tpir"] for row in some])) if sure else None
        rows.append({"fpir": some[0]["fpir"], "resolvable": sure, "tpir": tpir})
    curve = mean("cmc")
    return {
        "rank1": curve["recall"][0],
        "closed_set": mean("closed_set"),
        "cmc": curve,
        "tpir_at_fpir": rows,
    }


def _public(
    templates: Templates, probes: Listed, galleries: list[Listed], args: argparse.Namespace
) -> dict[str, Any] | None:
    """The public scripts' figures; None where a probe has no mate, which they refuse."""
    joined = Listed(
        " + ".join(one.path for one in galleries),
        np.concatenate([one.rows for one in galleries]),
        np.concatenate([one.subject for one in galleries]),
        [],
    )
    if not np.isin(probes.subject, joined.subject).all():
        return None
    count = len(probes.rows)
    wanted = [math.ceil(count * float(exact_far(rate))) for rate in args.fpir]  # in floats, as they
    searched = find(templates, probes, joined, args.device, tail=max(wanted))
    rows = []
    for rate, place in zip(args.fpir, wanted):
        row: dict[str, Any] = {"far": float(exact_far(rate)), "place": place}
        if place > len(searched.falling):
            rows.append(row | {"resolvable": False, "tpr": None, "hits": None, "threshold": None})
            continue
        threshold = float(searched.falling[place - 1])
        hits = int((searched.own_p > threshold).sum())
        found = {"tpr": hits / count, "hits": hits, "threshold": threshold}
        rows.append(row | {"resolvable": True, **found})
    return {
        "rule": "galleries joined; threshold the ceil(far x probes)-th largest impostor score of "
        "all, as insightface's ijb_1n.py",
        "counts": {"gallery": len(joined.rows), "mated": count},
        "closed_set": _closed_set(searched.ahead_p, args.rank),
        "tpr_at_far": rows,
    }


def _closed_set(ahead: Ints, ranks: Any) -> dict[str, Any]:
    """Shares of probes with fewer than k others ahead."""
    ranks = [int(rank) for rank in ranks]
    return {"rank": ranks, "recall": [float((ahead < rank).mean()) for rank in ranks]}


def _ranks_text(closed: dict[str, Any]) -> str:
    shares = zip(closed["rank"], closed["recall"])
    return "closed set  " + ", ".join(f"rank {rank} {share:.4f}" for rank, share in shares)


_NOTES = [
    "Figures are means over galleries. Rank k: fewer than k other templates score as high as the "
    "mate. FPIR: the share of probes without mate whose highest score is greater than the "
    "threshold; TPIR: the share of probes with mate whose mate is first and greater than it.",
    '"public" follows the public scripts, whose figures are not those of the official protocol: '
    "galleries are joined, and the threshold is taken among all impostor scores. It is null where "
    "a probe has no mate, which they refuse.",
]

PROTOCOL = Ijb1N()
