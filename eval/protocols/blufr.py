"""LFW BLUFR (Liao et al., 2014): all pairs, and an open set, in ten trials; mean less deviation.

Definition file: `blufr_lfw_config.mat` of the BLUFR toolkit: `imageList` (names),
`labels` (person of each), and per trial `testIndex`, `galIndex`, `probIndex` (from 1). A trial's
verification takes all pairs of its test images; its identification a gallery and probes, of whom
some are not in it. Each rate is reported as mean less deviation (ddof 1) over the trials.

Ours differs from the toolkit in small print: k = floor(F x impostors), not rounded; accepted where
score > the (k+1)-th largest impostor, not >= the k-th; an equal impostor stands before a mate.
"""

import argparse
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.embeddings import Embeddings
from eval.metrics.folds import Ints
from eval.protocols.base import SCHEMA, Protocol, embeddings_facts
from eval.protocols.mat import read_mat
from eval.protocols.pairs import sha256_of

VERIFICATION_FARS = ("1e-3", "1e-4", "1e-5")
IDENTIFICATION_FARS = ("1e-2",)


@dataclass(frozen=True)
class Config:
    """What the definition file says.

    Attributes:
        names: n images as `Name/Name_0001.jpg`.
        label_n: person of each.
        trials: rows (from 0) of each trial's test images, gallery and probes.
    """

    names: list[str]
    label_n: Ints
    trials: list[tuple[Ints, Ints, Ints]]


class Blufr(Protocol):
    """VR@FAR and DIR@FAR over trials."""

    title = "LFW BLUFR"
    about = "LFW, all pairs and open set in 10 trials: VR@FAR and DIR@FAR"
    example = "--config blufr_lfw_config.mat --embeddings out/lfw"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """The definition file, and FARs."""
        parser.add_argument(
            "--config", required=True, metavar="FILE", help="blufr_lfw_config.mat of the toolkit"
        )
        parser.add_argument("--embeddings", required=True, metavar="X", help="path without suffix")
        parser.add_argument(
            "--far",
            nargs="+",
            default=VERIFICATION_FARS,
            metavar="RATE",
            help="of verification (default: 1e-3 1e-4 1e-5)",
        )
        parser.add_argument(
            "--open-set-far",
            nargs="+",
            default=IDENTIFICATION_FARS,
            metavar="RATE",
            help="of identification (default: 1e-2)",
        )

    def judge(self, args: argparse.Namespace, command: str) -> dict[str, Any]:
        """All trials, then their mean less deviation."""
        from tqdm import tqdm

        from eval.embeddings import load
        from eval.similarity import Vectors, duplicates

        config = read_config(args.config)
        embeddings = load(args.embeddings)
        row_n = embeddings.rows(config.names, args.config)
        repeats = duplicates(
            Vectors(embeddings.vectors, args.embeddings, rows=row_n, names=embeddings.names)
        )
        verified, identified = [], []
        for number, trial in enumerate(tqdm(config.trials, desc="trials", delay=2, leave=False)):
            try:
                rates = _trial(embeddings, row_n, config.label_n, trial, args)
            except ValueError as error:
                raise ValueError(f"{args.config}, trial {number + 1}: {error}") from None
            verified.append(rates[0])
            identified.append(rates[1])
        return {
            "schema": SCHEMA,
            "protocol": args.protocol,
            "title": self.title,
            "counts": {
                "trials": len(verified),
                "genuine": [rows[0]["genuine"] for rows in verified],
                "impostor": [rows[0]["impostors"] for rows in verified],
                "known_probes": [rows[0]["genuine"] for rows in identified],
                "unknown_probes": [rows[0]["impostors"] for rows in identified],
            },
            "vr_at_far": [fused(list(rows)) for rows in zip(*verified)],
            "dir_at_far": [fused(list(rows)) for rows in zip(*identified)],
            "data": {
                "config": {"path": args.config, "sha256": sha256_of(args.config)},
                "embeddings": embeddings_facts(embeddings),
                "duplicates": repeats.fact(),
                "images": embeddings.meta.get("images"),
                "fusion": embeddings.meta.get("fusion"),
                "transform": embeddings.meta.get("transform"),
            },
            "model": embeddings.meta.get("model"),
            "command": command,
            "notes": [
                "Published BLUFR figures are mean less deviation over ten trials. Thresholds are "
                "this project's strict ones; the toolkit's differ by one impostor at most.",
                *repeats.notes(),
            ],
        }

    def summary(self, result: dict[str, Any]) -> str:
        """A line each rate."""
        counts = result["counts"]
        lines = [
            f"{result['title']}: {counts['trials']} trials, {min(counts['genuine']):,} or more "
            f"genuine and {min(counts['impostor']):,} or more impostor pairs each"
        ]
        for key, name in (("vr_at_far", "VR@FAR"), ("dir_at_far", "DIR@FAR (rank 1)")):
            for row in result[key]:
                lines.append(f"{name}={row['far']:g}  " + _fused_text(row))
        return "\n".join(lines)


def read_config(path: str) -> Config:
    """Reads `blufr_lfw_config.mat`.

    Raises:
        ValueError: it is not such a file, or an index is out of range.
        OSError: it cannot be read.
    """
    content = read_mat(path)
    try:
        names = [_image(cell) for cell in content["imageList"].ravel()]
        label_n = content["labels"].ravel().astype(np.int64)
        parts = [
            [cell.ravel().astype(np.int64) - 1 for cell in content[key].ravel()]
            for key in ("testIndex", "galIndex", "probIndex")
        ]
    except (KeyError, AttributeError, TypeError) as error:
        raise ValueError(
            f"{path}: expected BLUFR's imageList, labels, testIndex, galIndex and probIndex "
            f"({type(error).__name__}: {error})"
        ) from None
    if len(label_n) != len(names):
        raise ValueError(
            f"{path}: {len(names):,} images and {len(label_n):,} labels; get the file again"
        )
    if len({len(part) for part in parts}) != 1 or len(parts[0]) < 2:
        raise ValueError(
            f"{path}: {[len(part) for part in parts]} trials, expected two or more; "
            "get the file again"
        )
    for trial in zip(*parts):
        if any(not len(rows) or rows.min() < 0 or rows.max() >= len(names) for rows in trial):
            raise ValueError(
                f"{path}: a trial names no image, or one outside 1 to {len(names):,}; "
                "get the file again"
            )
    return Config(names, label_n, list(zip(*parts)))


def fused(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """One rate over trials: far, resolvable, trials, mean, std (ddof 1), mean_less_std."""
    found: dict[str, Any] = {
        "far": rows[0]["far"],
        "resolvable": all(r["resolvable"] for r in rows),
    }
    rates = [row["tar"] for row in rows]
    if not found["resolvable"]:
        return found | {"trials": rates, **dict.fromkeys(("mean", "std", "mean_less_std"))}
    mean, std = float(np.mean(rates)), float(np.std(rates, ddof=1))
    return found | {"trials": rates, "mean": mean, "std": std, "mean_less_std": mean - std}


def _trial(
    embeddings: Embeddings,
    row_n: NDArray[np.intp],
    label_n: Ints,
    trial: tuple[Ints, Ints, Ints],
    args: argparse.Namespace,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    from eval.metrics.open_set import all_pairs, identification

    test, gallery, probes = ((embeddings.unit(row_n[rows]), label_n[rows]) for rows in trial)
    verified = all_pairs(*test, list(args.far))
    return verified, identification(*gallery, *probes, list(args.open_set_far))


def _image(name: Any) -> str:
    """`Name/Name_0001.jpg` of `Name_0001.jpg`."""
    if not isinstance(name, str):
        raise TypeError(f"expected an image name, found {type(name).__name__}")
    return name if "/" in name else f"{name.rpartition('_')[0]}/{name}"


def _fused_text(row: dict[str, Any]) -> str:
    if not row["resolvable"]:
        return "not resolvable in every trial"
    return f"{row['mean_less_std']:.4f} = mean {row['mean']:.4f} - deviation {row['std']:.4f}"


PROTOCOL = Blufr()
