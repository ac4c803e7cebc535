"""Figures of MegaFace trials, as they go into a result.

Legend: `t` trials, `P` pairs of one person's probes.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from eval.metrics.bootstrap import DRAWS, SEED, interval
from eval.metrics.folds import Bools, Ints
from eval.metrics.tail import tail_roc, tar_rows
from eval.protocols.megaface_trials import Ahead, Impostors, Trials

_DENSE = 100  # ranks that are all given
_POINTS = 200  # of a curve beyond


def figures(
    trials: Trials,
    keep_t: Bools,
    ahead: Sequence[Ahead],
    impostors: Impostors,
    person_t: Ints,
    ranks: Sequence[int],
    fars: Sequence[str],
) -> dict[str, Any]:
    """counts, rank1, identification, cmc, tar_at_far and roc of the trials that are kept.

    Args:
        trials: all.
        keep_t: which count.
        ahead: of each size; the last is the whole list.
        impostors: of the whole list.
        person_t: of each trial.
        ranks: K of the rows of `identification`, from 1.
        fars: see `tar_rows`.

    Raises:
        ValueError: no trial is kept.
    """
    if not keep_t.any():
        raise ValueError("no person has two clean probes; look at the noise list, or leave it out")
    genuine_P = trials.score_t[trials.genuine][keep_t[trials.genuine]]
    rows = [_size_row(each, keep_t, person_t, ranks) for each in ahead]
    last = ahead[-1]
    places = curve_ranks(last.compared)
    strict_t = (last.above_t + last.equal_t)[keep_t]
    return {
        "counts": {
            "people": len(np.unique(person_t[keep_t])),
            "trials": int(keep_t.sum()),
            "distractors": last.distractors,
            "genuine": len(genuine_P),
            "impostor": impostors.count,
        },
        "rank1": _recall(strict_t, [1])[0],
        "identification": rows,
        "cmc": {
            "rank": places,
            "recall": _recall(strict_t, places),
            "recall_favourable": _recall(last.above_t[keep_t], places),
        },
        "tar_at_far": tar_rows(genuine_P, impostors.falling, impostors.count, fars),
        "roc": tail_roc(genuine_P, impostors.falling, impostors.count),
    }


def curve_ranks(distractors: int) -> list[int]:
    """Ranks from 1 to distractors + 1: the first ones all, then ever wider apart."""
    last = distractors + 1
    dense = np.arange(1, min(_DENSE, last) + 1)
    wide = np.geomspace(min(_DENSE, last), last, _POINTS).round().astype(np.int64)
    return [int(rank) for rank in np.unique(np.concatenate([dense, wide]))]


def devkit_json(found: dict[str, Any]) -> dict[str, Any]:
    """What the devkit writes as cmc_*.json: ranks count from 0; fpr and tpr rise."""
    return {
        "cmc": [[rank - 1 for rank in found["cmc"]["rank"]], found["cmc"]["recall"]],
        "roc": [found["roc"]["far"], found["roc"]["tar"]],
    }


def _size_row(each: Ahead, keep_t: Bools, person_t: Ints, ranks: Sequence[int]) -> dict[str, Any]:
    above_t, equal_t, person = each.above_t[keep_t], each.equal_t[keep_t], person_t[keep_t]
    return {
        "distractors": each.distractors,
        "compared": each.compared,
        "trials": len(above_t),
        "rank": [int(rank) for rank in ranks],
        "recall": _recall(above_t + equal_t, ranks),
        "recall_favourable": _recall(above_t, ranks),
        "ties": int((equal_t > 0).sum()),
        "rank1": _recall(above_t + equal_t, [1])[0],
        "rank1_favourable": _recall(above_t, [1])[0],
        "rank1_hits": int((above_t + equal_t == 0).sum()),
        "ci95": _people_interval(above_t + equal_t == 0, person),
    }


def _recall(ahead_t: Ints, ranks: Sequence[int]) -> list[float]:
    """The share of trials with fewer than k distractors ahead, of each k."""
    rising = np.sort(ahead_t)
    hits = np.searchsorted(rising, np.asarray(ranks), side="left")
    return [int(count) / len(rising) for count in hits]


def _people_interval(hit_t: Bools, person_t: Ints) -> list[float]:
    """Of the share of hits, people drawn anew: trials of one person are not independent."""
    _, person = np.unique(person_t, return_inverse=True)
    trials, hits = np.bincount(person), np.bincount(person, weights=hit_t)
    people = len(trials)
    drawn = np.random.default_rng(SEED).multinomial(people, np.full(people, 1 / people), DRAWS)
    return interval((drawn @ hits) / (drawn @ trials))
