"""One verification run: embeddings and a pair list in, one JSON result out (docs/formats.md)."""

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.embeddings import Embeddings
from eval.metrics.bootstrap import Judged, intervals
from eval.metrics.compat import COMPAT
from eval.metrics.folds import FoldAccuracy, fold_accuracy
from eval.metrics.paired import number_people
from eval.metrics.peers import PairVectors, insightface_val
from eval.metrics.roc import Mode, auc, d_prime, eer, roc, tar_at_far, thinned
from eval.protocols import PROTOCOLS
from eval.protocols.base import SCHEMA, embeddings_facts
from eval.protocols.hardest import hardest
from eval.protocols.pair_protocol import PairProtocol
from eval.protocols.pair_scores import PairScores, packed
from eval.protocols.pairs import PairList, require_own, sha256_of
from models.lookup import lookup

DEFAULT_FARS = ("1e-2", "1e-3", "1e-4")
BINS = 100
"""Bins of the score histogram over cosines -1 to 1."""


def verify(
    protocol: str,
    pairs_file: str | os.PathLike[str],
    embeddings: Embeddings,
    *,
    compat: str | None = None,
    fars: list[str] | None = None,
    far_mode: Mode = "exact",
    images: str | os.PathLike[str] | None = None,
    command: str | None = None,
) -> dict[str, Any]:
    """Judges embeddings on a protocol of pairs.

    AUC, EER and TAR@FAR are of all pairs' cosines whatever `compat` says; it governs the
    cross-validated accuracy alone.

    Args:
        protocol: a name in PROTOCOLS.
        pairs_file: the protocol's list.
        embeddings: of all its images, perhaps of more.
        compat: a name in COMPAT; None for this project's rule.
        fars: false-accept rates to report, as decimal numbers.
        far_mode: see `tar_at_far`.
        images: folder for pictures of the hardest pairs; None for the one the embeddings name.
        command: what the user typed, for the record.

    Returns:
        The result as strict-JSON data.

    Raises:
        ValueError: a bad list, an image without embedding, a zero embedding, another .bin's.
    """
    row = pair_protocol(protocol)
    pairs = row.parse(pairs_file)
    where = os.fspath(pairs_file)
    require_own(where, embeddings)
    rows_a = embeddings.rows(pairs.a, where, pairs.lines)
    rows_b = embeddings.rows(pairs.b, where, pairs.lines)
    score_n = np.einsum("nd,nd->n", embeddings.unit(rows_a), embeddings.unit(rows_b))
    try:
        judged, accuracy = _accuracy(pairs, embeddings, rows_a, rows_b, score_n, compat)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    genuine, impostor = score_n[pairs.same], score_n[~pairs.same]
    curve = roc(genuine, impostor)
    drawn = thinned(curve)
    points = tar_at_far(genuine, impostor, list(fars or DEFAULT_FARS), far_mode)
    folder = _image_folder(images, embeddings.meta)
    data = _provenance(where, pairs, embeddings)
    names = row.people(pairs_file, pairs)
    people = None if names is None else number_people(*names)
    scores = PairScores(Judged(score_n, judged.correct), pairs.same, people)
    return {
        "schema": SCHEMA,
        "protocol": protocol,
        "title": row.title,
        "compat": compat,
        "counts": {"genuine": len(genuine), "impostor": len(impostor), "pairs": len(score_n)},
        "accuracy": accuracy,
        "auc": auc(curve),
        "eer": eer(curve),
        "d_prime": d_prime(genuine, impostor),
        "tar_at_far": points,
        "smallest_far": 1 / len(impostor),
        "bootstrap": intervals(scores.judged, pairs.same, people, points),
        "roc": {
            "far": drawn.far.tolist(),
            "tar": drawn.tar.tolist(),
            "threshold": drawn.threshold.tolist(),
        },
        "histogram": _histogram(genuine, impostor),
        "hardest": hardest(pairs, score_n, judged.correct, folder),
        "pair_scores": packed(scores),
        "data": data,
        "model": embeddings.meta.get("model"),
        "command": command,
        "notes": _notes(row, compat, accuracy, points, data, people is not None),
    }


def pair_protocol(name: str) -> PairProtocol:
    """The protocol of pairs of that name.

    Raises:
        ValueError: there is none, or it is not one of pairs.
    """
    known = {key: row for key, row in PROTOCOLS.items() if isinstance(row, PairProtocol)}
    return lookup(known, name, "protocol of pairs")


def _accuracy(
    pairs: PairList,
    embeddings: Embeddings,
    rows_a: NDArray[np.intp],
    rows_b: NDArray[np.intp],
    score_n: NDArray[np.float64],
    compat: str | None,
) -> tuple[FoldAccuracy, dict[str, Any]]:
    """Cross-validated accuracy under our rule or a peer's, and its summary for the result."""
    if compat is None:
        judged = fold_accuracy(score_n, pairs.same, pairs.fold)
        return judged, judged.summary() | {"threshold_unit": "cosine"}
    rule = COMPAT[compat]
    vectors = PairVectors(
        embeddings.vectors[rows_a],
        embeddings.vectors[rows_b],
        pairs.a,
        pairs.b,
        embeddings.prefix,
    )
    judged = rule.accuracy(vectors, pairs.same, pairs.fold)
    summary = judged.summary(rule.std_ddof) | {"threshold_unit": rule.unit}
    if compat == "insightface":
        summary["val_at_far"] = insightface_val(vectors, pairs.same, pairs.fold)
    return judged, summary


def _histogram(
    genuine: NDArray[np.float64], impostor: NDArray[np.float64]
) -> dict[str, list[float] | list[int]]:
    edges = np.linspace(-1, 1, BINS + 1)
    counts = [np.histogram(np.clip(s, -1, 1), bins=edges)[0] for s in (genuine, impostor)]
    return {
        "edges": edges.round(6).tolist(),
        "genuine": counts[0].tolist(),
        "impostor": counts[1].tolist(),
    }


def _image_folder(images: str | os.PathLike[str] | None, meta: dict[str, Any]) -> Path | None:
    """The folder given, which must exist, or the one the embeddings were made from, if it does."""
    if images is not None:
        if not Path(images).is_dir():
            raise NotADirectoryError(f"{images}: expected the folder that holds the images")
        return Path(images)
    source = (meta.get("images") or {}).get("source")
    return Path(source) if isinstance(source, str) and Path(source).is_dir() else None


def _provenance(pairs_file: str, pairs: PairList, embeddings: Embeddings) -> dict[str, Any]:
    meta = embeddings.meta
    return {
        "pairs": {
            "path": pairs_file,
            "sha256": sha256_of(pairs_file),
            "pairs": len(pairs.a),
            "folds": len(np.unique(pairs.fold)),
            "images": len(set(pairs.a) | set(pairs.b)),
        },
        "embeddings": embeddings_facts(embeddings),
        "images": meta.get("images"),
        "fusion": meta.get("fusion"),
        "transform": meta.get("transform"),
    }


def _notes(
    row: PairProtocol,
    compat: str | None,
    accuracy: dict[str, Any],
    points: list[dict[str, Any]],
    data: dict[str, Any],
    people_known: bool,
) -> list[str]:
    """What a reader must know before setting the figures beside others."""
    folds = data["pairs"]["folds"]
    return [
        f"± after an accuracy is the standard error over {folds} folds (deviation with ddof 1, "
        f"divided by √{folds}). Some projects print the deviation itself, "
        f"{np.sqrt(folds):.1f} times as much.",
        *_rule_notes(compat, accuracy, data["fusion"]),
        *_far_notes(points),
        _bootstrap_note(people_known),
        *row.notes,
        _list_note(row, data["pairs"]),
    ]


def _rule_notes(compat: str | None, accuracy: dict[str, Any], fusion: str | None) -> list[str]:
    if compat is None:
        return [
            "Accuracy follows this project's rule: each fold is judged with the threshold of "
            "highest accuracy on the other folds (midpoints between scores; the mean where several "
            "are best); a pair is called the same person where its cosine is above it. To compare "
            "with tables of other projects, run again with --compat " + ", ".join(COMPAT) + "."
        ]
    notes = [
        COMPAT[compat].note,
        "AUC, EER and TAR@FAR are of plain cosines, with this project's rules.",
    ]
    if "val_at_far" in accuracy:
        val = accuracy["val_at_far"]
        notes.append(
            f"As InsightFace prints them: accuracy {accuracy['mean']:.5f}+-{accuracy['std']:.5f}; "
            f"VAL {val['mean']:.5f}+-{val['std']:.5f} @ FAR={val['far_mean']:.5f}, its threshold "
            "interpolated."
        )
    if fusion != COMPAT[compat].fusion:
        notes.append(
            f"Published figures of {compat} use the feature {COMPAT[compat].fusion!r}; these "
            f"embeddings are {fusion!r}, so only the rule is the same."
        )
    return notes


def _far_notes(points: list[dict[str, Any]]) -> list[str]:
    notes = []
    if points[0]["mode"] == "exact":
        notes.append(
            "TAR@FAR: the threshold lets at most floor(FAR x impostors) impostors through, nothing "
            "is interpolated. Intervals are Clopper-Pearson, 95 %, for the threshold as given."
        )
    else:
        notes.append(
            "TAR@FAR: taken at the point of the curve whose FAR is nearest to the wanted one, "
            "which it may exceed. Intervals are Clopper-Pearson, 95 %, for the threshold as given."
        )
    for point in points:
        if not point["resolvable"]:
            notes.append(
                f"FAR {point['far']:g} is not resolvable: {point['impostors']:,} impostor pairs "
                "allow not one false accept at that rate."
            )
    return notes


def _bootstrap_note(people_known: bool) -> str:
    if people_known:
        return (
            "Bootstrap intervals draw people anew, not pairs (two-way bootstrap), since pairs "
            "that share a person are not independent."
        )
    return (
        "Bootstrap intervals draw pairs anew, since the list does not name the people; pairs that "
        "share a person are not independent, so they are too narrow."
    )


def _list_note(row: PairProtocol, listed: dict[str, Any]) -> str:
    if row.official_sha256 is not None and listed["sha256"] == row.official_sha256:
        return f"The pair list is the official one of {row.title}, byte for byte."
    if row.official_pairs is None:
        return f"The list has {listed['pairs']:,} pairs."
    if listed["pairs"] != row.official_pairs:
        return (
            f"The list has {listed['pairs']:,} pairs, the published one of {row.title} "
            f"{row.official_pairs:,}: the figures are not comparable with published ones."
        )
    if row.official_sha256 is None:
        return f"The list has the published number of pairs, {row.official_pairs:,}."
    return (
        f"The pair list is not the official one of {row.title}, byte for byte: the figures compare "
        "with published ones only if it names the same pairs."
    )
