"""One set of images against itself, and a gallery against probes of whom some are not in it.

The strict rule of `roc.py` holds: accepted where score > threshold, the threshold the (k+1)-th
largest impostor, k = floor(F x impostors).

Legend: `n` images, `g` gallery, `p` probes, `D` numbers in an embedding, `k` false accepts.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.metrics.folds import Floats, Ints
from eval.metrics.roc import exact_far

_TILE = 1024


def all_pairs(unit_nD: Floats, label_n: Ints, fars: Sequence[str | float]) -> list[dict[str, Any]]:
    """TAR@FAR over all n (n - 1) / 2 pairs; equal labels are genuine.

    Memory: the genuine scores, the largest floor(max F x impostors) + 1 impostor scores, a tile.

    Returns:
        far, k, impostors, genuine, resolvable, and tar, threshold, true_accepts, false_accepts
        (None where not resolvable) a FAR.

    Raises:
        ValueError: no genuine or no impostor pair, or a FAR that is none.
    """
    counts = np.unique(label_n, return_counts=True)[1]
    genuine_count = int((counts * (counts - 1) // 2).sum())
    impostors = len(label_n) * (len(label_n) - 1) // 2 - genuine_count
    if not genuine_count or not impostors:
        raise ValueError(
            "expected genuine and impostor pairs among the images, found one kind only"
        )
    budgets = [int(exact_far(far) * impostors) for far in fars]
    keep = max(budgets) + 1
    genuine: list[Floats] = []
    largest = np.empty(0)
    for score, same in _tiles(unit_nD, label_n):
        genuine.append(score[same])
        largest = np.concatenate([largest, score[~same]])
        if len(largest) > keep:
            largest = np.partition(largest, len(largest) - keep)[-keep:]
    falling = -np.sort(-largest)
    genuine_P = np.concatenate(genuine)
    rows = []
    for far, k in zip(fars, budgets):
        threshold = None
        if k > 0:
            lowest = min(genuine_P.min(), falling[-1])
            threshold = float(falling[k]) if k < impostors else float(np.nextafter(lowest, -2))
        rows.append(_row(far, k, impostors, genuine_P, falling, threshold))
    return rows


def identification(
    gallery_gD: Floats,
    gallery_label_g: Ints,
    probe_pD: Floats,
    probe_label_p: Ints,
    fars: Sequence[str | float],
    rank: int = 1,
) -> list[dict[str, Any]]:
    """Detection and identification rate (DIR) at open-set FARs.

    FAR: share of probes whose person is not in the gallery and whose best score passes. DIR: share
    of the others whose best score with their own person passes and is beaten or equalled by fewer
    than `rank` images of other persons.

    Returns:
        As `all_pairs`: `tar` is DIR, `genuine` the probes in the gallery, `impostors` the others.

    Raises:
        ValueError: no probe is in the gallery, or all are, or a FAR is none.
    """
    score_pg = probe_pD @ gallery_gD.T
    own_pg = probe_label_p[:, None] == gallery_label_g[None, :]
    known_p = own_pg.any(axis=1)
    if known_p.all() or not known_p.any():
        raise ValueError(
            f"{int(known_p.sum())} of {len(known_p)} probes are in the gallery; expected some and "
            "not all"
        )
    own_p = np.where(own_pg, score_pg, -np.inf).max(axis=1)
    ahead_p = (~own_pg & (score_pg >= own_p[:, None])).sum(axis=1)
    found_P = np.where(ahead_p < rank, own_p, -np.inf)[known_p]
    falling = -np.sort(-score_pg[~known_p].max(axis=1))
    rows = []
    for far in fars:
        k = int(exact_far(far, "--open-set-far") * len(falling))
        threshold = None
        if k > 0:
            lowest = min(own_p[known_p].min(), falling[-1])
            threshold = float(falling[k]) if k < len(falling) else float(np.nextafter(lowest, -2))
        rows.append(_row(far, k, len(falling), found_P, falling, threshold))
    return rows


def _row(
    far: str | float,
    k: int,
    impostors: int,
    genuine_P: Floats,
    falling: Floats,
    threshold: float | None,
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "far": float(exact_far(far)),
        "k": k,
        "impostors": impostors,
        "genuine": len(genuine_P),
        "resolvable": threshold is not None,
    }
    if threshold is None:
        return row | dict.fromkeys(("tar", "threshold", "true_accepts", "false_accepts"))
    hits = int((genuine_P > threshold).sum())
    return row | {
        "tar": hits / len(genuine_P),
        "threshold": threshold,
        "true_accepts": hits,
        "false_accepts": int((falling > threshold).sum()),
    }


def _tiles(unit_nD: Floats, label_n: Ints) -> Iterator[tuple[Floats, NDArray[np.bool_]]]:
    """Scores and labels of the pairs i < j, tile by tile."""
    for start in range(0, len(label_n), _TILE):
        rows = slice(start, start + _TILE)
        score = unit_nD[rows] @ unit_nD[start:].T
        same = label_n[rows, None] == label_n[None, start:]
        upper = np.triu(np.ones(score.shape, dtype=bool), 1)
        yield score[upper], same[upper]
