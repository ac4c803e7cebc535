"""TAR@FAR and ROC where only the largest impostor scores were kept of very many.

The rule of `eval/metrics/roc.py`: k = floor(F N), the threshold is the (k+1)-th largest impostor,
a pair is accepted where its score is greater.

Legend: `P` genuine scores, `N` impostor scores of which the `m` largest are at hand.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from eval.metrics.folds import Floats
from eval.metrics.roc import Roc, clopper_pearson, count_above, exact_far, thinned


def enough(fars: Sequence[str], impostors: int) -> int:
    """How many of the largest impostor scores these FARs need."""
    return min(max(int(exact_far(far) * impostors) for far in fars) + 1, impostors)


def tar_rows(
    genuine_P: Floats, falling_m: Floats, impostors: int, fars: Sequence[str]
) -> list[dict[str, Any]]:
    """The rows that `tar_at_far` of all impostor scores would give, in mode exact.

    Args:
        genuine_P: genuine scores.
        falling_m: the largest impostor scores, falling; `enough` of them, or all that can be
            accepted at all.
        impostors: N.
        fars: false-accept rates, exact decimals.
    """
    rows = []
    for far in fars:
        wanted = exact_far(far)
        k = int(wanted * impostors)
        row: dict[str, Any] = {
            "far": float(wanted),
            "mode": "exact",
            "k": k,
            "impostors": impostors,
            "genuine": len(genuine_P),
            "resolvable": k > 0,
        }
        if k == 0:
            empty = ("tar", "threshold", "true_accepts", "false_accepts", "ci95")
            rows.append(row | dict.fromkeys(empty))
            continue
        if k < len(falling_m):
            threshold = float(falling_m[k])
        else:
            lowest = min(genuine_P.min(), *falling_m[-1:])
            threshold = float(np.nextafter(lowest, -np.inf))
        hits = int((genuine_P > threshold).sum())
        rows.append(
            row
            | {
                "tar": hits / len(genuine_P),
                "threshold": threshold,
                "true_accepts": hits,
                "false_accepts": int((falling_m > threshold).sum()),
                "ci95": list(clopper_pearson(hits, len(genuine_P))),
            }
        )
    return rows


def tail_roc(genuine_P: Floats, falling_m: Floats, impostors: int) -> dict[str, list[float]]:
    """The exact ROC as far as the kept impostors reach: far, tar, threshold.

    Its last threshold is the lowest kept impostor, above which all are at hand.
    """
    if not len(falling_m):
        return {"far": [], "tar": [], "threshold": []}
    scores = np.concatenate([genuine_P[genuine_P > falling_m[-1]], falling_m])
    threshold = np.unique(scores)[::-1]
    curve = thinned(
        Roc(
            threshold,
            count_above(falling_m, threshold),
            count_above(genuine_P, threshold),
            impostors,
            len(genuine_P),
        )
    )
    return {
        "far": curve.far.tolist(),
        "tar": curve.tar.tolist(),
        "threshold": curve.threshold.tolist(),
    }
