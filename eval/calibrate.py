"""`python -m eval calibrate`: where a score lies on a model's scale, stored from a result of pairs.

{
  "schema": 1, "kind": "calibration",
  "model": path, SHA-256 and kind, "transform": ..., "fusion": ...,   what a score must come from
  "protocol": ..., "title": ..., "pairs": path, SHA-256 and counts,   what it was measured on
  "result": {"path", "sha256"}, "counts": {"genuine", "impostor"},
  "thresholds": rows of `tar_at_far` with "far_ci95", FAR falling,
  "scores": {"genuine": {"count", "score", "below"}, "impostor": ...}
}

Of up to 1,000 scores a side are stored, in rising order: `score`, and `below`, how many of `count`
come before it in that order. All of the ends are there, which matter most.
"""

import argparse
import shlex
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_prep.files import read_json, sha256_file, write_json
from eval.metrics.roc import clopper_pearson, exact_far, tar_at_far
from eval.outputs import require_free
from pages.text import tidy

SCHEMA = 1
STORED = 1000
"""Scores kept of a side; of fewer all are kept."""

_KEYS = {"model", "transform", "fusion", "title", "pairs", "counts", "thresholds", "scores"}
"""What `compare` takes from a calibration."""

EXAMPLE = """\
example:
  python -m eval calibrate out/r50_lfw.json --out runs/r50.calibration.json

"compare" takes MODEL.calibration.json by itself where it lies beside MODEL. Thresholds hold for the
people and pictures that they were measured on: take a result like what you will compare.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `python -m eval calibrate`."""
    parser.epilog = EXAMPLE
    parser.add_argument("result", metavar="RESULT.json", help="what run wrote, of a list of pairs")
    parser.add_argument(
        "--out", required=True, metavar="FILE", help="usually MODEL.calibration.json"
    )
    parser.add_argument(
        "--far",
        nargs="+",
        metavar="RATE",
        help="false-accept rates (default: 1e-1, 1e-2, ... as far as the list resolves them)",
    )


def run(args: argparse.Namespace) -> None:
    """Stores and prints.

    Raises:
        ValueError: no result of pairs, or a rate that it does not resolve.
        OSError: a file that cannot be read or written.
    """
    require_free("--out", args.out, {"the result": args.result})
    command = shlex.join(["python", "-m", "eval", *sys.argv[1:]])
    found = calibration(args.result, args.far) | {"command": command}
    write_json(args.out, found)
    for row in found["thresholds"]:
        low, high = row["far_ci95"]
        print(
            f"FAR={tidy(row['far'])}  above {row['threshold']:.4f}, TAR {row['tar']:.4f}; measured "
            f"FAR {row['false_accepts']:,} / {row['impostors']:,} (95 % {low:.2g} to {high:.2g})"
        )
    print(f"wrote {args.out}")


def calibration(path: str, fars: list[str] | None = None) -> dict[str, Any]:
    """What `compare` needs to know of a result.

    Args:
        path: a result with the scores of its pairs.
        fars: false-accept rates; None for powers of ten as far as they are resolved.

    Raises:
        ValueError: it holds no scores, does not say its model, or a rate is not resolved.
        OSError: it cannot be read.
    """
    genuine, impostor, result = _scores(path)
    wanted = fars or _decades(len(impostor))
    if not wanted:
        raise ValueError(
            f"{path}: expected at least 10 impostor pairs, found {len(impostor)}; take a "
            "longer list"
        )
    rows = tar_at_far(genuine, impostor, sorted(wanted, key=exact_far, reverse=True))
    for row in rows:
        if not row["resolvable"]:
            raise ValueError(
                f"{path}: {row['impostors']:,} impostor pairs do not resolve FAR "
                f"{tidy(row['far'])}; the smallest is {tidy(1 / row['impostors'], 2)}; "
                "leave that rate out of --far"
            )
        row["far_ci95"] = list(clopper_pearson(row["false_accepts"], row["impostors"]))
    return {
        "schema": SCHEMA,
        "kind": "calibration",
        "model": result["model"],
        "transform": result["data"]["transform"],
        "fusion": result["data"]["fusion"],
        "protocol": result["protocol"],
        "title": result["title"],
        "pairs": result["data"]["pairs"],
        "result": {"path": path, "sha256": sha256_file(path)},
        "counts": {"genuine": len(genuine), "impostor": len(impostor)},
        "thresholds": rows,
        "scores": {"genuine": _stored(genuine), "impostor": _stored(impostor)},
    }


def read_calibration(path: str | Path) -> dict[str, Any]:
    """A calibration as `calibrate` wrote it.

    Raises:
        ValueError: it is something else.
        OSError: it cannot be read.
    """
    found = read_json(path, 'a calibration of "python -m eval calibrate"')
    if (
        not isinstance(found, dict)
        or found.get("kind") != "calibration"
        or found.get("schema") != SCHEMA
        or not found.keys() >= _KEYS
        or not _names_model(found["model"])
    ):
        raise ValueError(f"{path}: expected a calibration; make one with: python -m eval calibrate")
    return found


def require_same_model(found: dict[str, Any], where: str | Path, sha256: str) -> None:
    """Refuses thresholds of another model.

    Raises:
        ValueError: the weights have another hash.
    """
    known = found["model"]["sha256"]
    if known != sha256:
        raise ValueError(
            f"{where}: is of another model ({found['model']['path']}, SHA-256 {known[:12]}...) "
            f"than this one ({sha256[:12]}...); run the protocol with this one, then calibrate"
        )


def below(side: dict[str, Any], score: float) -> tuple[int, int]:
    """How many scores of a side are lower than `score`: at least, at most."""
    place = int(np.searchsorted(side["score"], score, side="left"))
    if place == 0:
        return 0, 0
    if place == len(side["score"]):
        return side["count"], side["count"]
    return side["below"][place - 1] + 1, side["below"][place]


def verdict(found: dict[str, Any], score: float) -> dict[str, Any]:
    """Where a score lies on a calibrated scale.

    Returns:
        Plain data: `accepted_at`, the smallest stored FAR at which it is accepted (None if there is
        none); `refused_at`, the next smaller one (None likewise); `genuine_below` and
        `impostor_below`, shares of the pairs with lower scores; `text`, a sentence.
    """
    rows = found["thresholds"]
    accepted = [row["far"] for row in rows if score > row["threshold"]]
    refused = [row["far"] for row in rows if score <= row["threshold"]]
    shares = {
        side: sum(below(found["scores"][side], score)) / 2 / found["counts"][side]
        for side in ("genuine", "impostor")
    }
    impostors = f"{found['counts']['impostor']:,} impostor pairs of {found['title']}"
    if not accepted:
        first = f"would not be accepted at FAR {tidy(refused[0])}, the largest stored"
    elif not refused:
        first = f"would be accepted at FAR {tidy(accepted[-1])}, the smallest stored"
    else:
        first = f"would be accepted at FAR {tidy(accepted[-1])}, not at {tidy(refused[0])}"
    return {
        "accepted_at": accepted[-1] if accepted else None,
        "refused_at": refused[0] if refused else None,
        "genuine_below": shares["genuine"],
        "impostor_below": shares["impostor"],
        "text": f"{first} ({impostors}); {100 * shares['genuine']:.1f} % of genuine pairs and "
        f"{100 * shares['impostor']:.1f} % of impostor pairs score lower",
    }


def _scores(
    path: str,
) -> tuple[NDArray[np.float64], NDArray[np.float64], dict[str, Any]]:
    """Cosines of the genuine and of the impostor pairs of a result, and the result."""
    from eval.protocols.base import RESULT
    from eval.protocols.pair_scores import unpacked

    result = read_json(path, RESULT)
    if not isinstance(result, dict) or "pair_scores" not in result or "data" not in result:
        raise ValueError(
            f"{path}: expected a result of a list of pairs (lfw, sllfw, calfw, ...) with the "
            "scores of its pairs, as run writes it"
        )
    model, data = result.get("model"), result["data"]
    if not (_names_model(model) and isinstance(data, dict)):
        raise ValueError(f"{path}: does not say which model its embeddings are of; extract again")
    for key in ("fusion", "transform"):
        if result["data"].get(key) is None:
            raise ValueError(f"{path}: does not say the {key} of its embeddings; extract again")
    title, protocol, pairs = result.get("title"), result.get("protocol"), data.get("pairs")
    if not (isinstance(title, str) and isinstance(protocol, str) and isinstance(pairs, dict)):
        raise ValueError(f"{path}: not a whole result of a list of pairs; run the protocol again")
    scores = unpacked(result, path)
    score_n, same_n = scores.judged.score_n, scores.same_n
    return score_n[same_n], score_n[~same_n], result


def _names_model(model: Any) -> bool:
    """Whether a note says which model it is of."""
    return isinstance(model, dict) and all(
        isinstance(model.get(key), str) for key in ("path", "sha256")
    )


def _decades(impostors: int) -> list[str]:
    """1e-1, 1e-2, ... as long as they leave at least one false accept."""
    return [f"1e-{power}" for power in range(1, len(str(impostors)))]


def _stored(scores: NDArray[np.float64]) -> dict[str, Any]:
    """A side of the distribution: a quarter of what is kept from either end, half from all over."""
    count = len(scores)
    kept = np.arange(count)
    if count > STORED:
        quarter = STORED // 4
        spread = np.linspace(quarter, count - quarter - 1, STORED - 2 * quarter).astype(int)
        kept = np.unique(np.concatenate([kept[:quarter], spread, kept[-quarter:]]))
    return {
        "count": count,
        "score": np.sort(scores)[kept].tolist(),
        "below": kept.tolist(),
    }
