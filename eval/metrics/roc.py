"""Exact curves and operating points of genuine and impostor scores.

One rule everywhere: a pair is accepted where its score is *greater than* the threshold.
FAR = accepted impostors / impostors, TAR = accepted genuine / genuine. Nothing is interpolated
save the equal error rate. Conventions: protocols.md, "TAR@FAR".

Legend: `P` genuine scores, `N` impostor scores, `k` points of a curve.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.floating[Any]]
Mode = Literal["exact", "nearest"]


@dataclass(frozen=True)
class Roc:
    """Every operating point that the scores allow, as counts; ties are one point.

    Attributes:
        threshold: float64 [k], strictly falling; the first accepts nothing, the last everything.
        false_accepts: int64 [k], impostors above each threshold.
        true_accepts: int64 [k], genuine pairs above each threshold.
        impostors: N.
        genuine: P.
    """

    threshold: NDArray[np.float64]
    false_accepts: NDArray[np.int64]
    true_accepts: NDArray[np.int64]
    impostors: int
    genuine: int

    @property
    def far(self) -> NDArray[np.float64]:
        """False-accept rate at each threshold, [k], rising."""
        return self.false_accepts / self.impostors

    @property
    def tar(self) -> NDArray[np.float64]:
        """True-accept rate at each threshold, [k], rising."""
        return self.true_accepts / self.genuine

    def take(self, keep: NDArray[Any]) -> "Roc":
        """The chosen points, unmoved."""
        return Roc(
            self.threshold[keep],
            self.false_accepts[keep],
            self.true_accepts[keep],
            self.impostors,
            self.genuine,
        )


def roc(genuine_P: Scores, impostor_N: Scores) -> Roc:
    """The exact ROC.

    The thresholds are the distinct scores, falling, and one number just below the lowest.

    Raises:
        ValueError: no genuine or no impostor scores, or one that is not finite.
    """
    genuine_P, impostor_N = _checked(genuine_P, impostor_N)
    distinct = np.unique(np.concatenate([genuine_P, impostor_N]))
    threshold = np.append(distinct[::-1], np.nextafter(distinct[0], -np.inf))
    return Roc(
        threshold,
        count_above(impostor_N, threshold),
        count_above(genuine_P, threshold),
        len(impostor_N),
        len(genuine_P),
    )


def count_above(scores: Scores, thresholds: NDArray[np.float64]) -> NDArray[np.int64]:
    """How many scores are greater than each threshold, int64."""
    return len(scores) - np.searchsorted(np.sort(scores), thresholds, side="right")


def corners(curve: Roc) -> Roc:
    """The points at which the curve turns, and both ends: all that drawing it needs."""
    if len(curve.threshold) < 3:
        return curve
    across = np.diff(curve.false_accepts)
    up = np.diff(curve.true_accepts)
    # Integer cross product: zero where three neighbours lie on one line.
    turns = across[:-1] * up[1:] != across[1:] * up[:-1]
    return curve.take(np.concatenate([[True], turns, [True]]))


def thinned(curve: Roc, most: int = 2000) -> Roc:
    """At most `most` of the curve's corners, none moved, spread over TAR, FAR and log FAR."""
    curve = corners(curve)
    if len(curve.threshold) <= most:
        return curve
    share = (most - 2) // 3
    far, tar = curve.far, curve.tar
    chosen = np.concatenate(
        [
            [0, len(far) - 1],
            np.searchsorted(far, np.geomspace(1 / curve.impostors, 1, share)),
            np.searchsorted(far, np.linspace(0, 1, share)),
            np.searchsorted(tar, np.linspace(0, 1, share)),
        ]
    )
    return curve.take(np.unique(np.minimum(chosen, len(far) - 1)))


def auc(curve: Roc) -> float:
    """Area under the full curve = P(genuine > impostor) + P(equal) / 2, exact with ties."""
    across = np.diff(curve.false_accepts)
    heights = curve.true_accepts[1:] + curve.true_accepts[:-1]
    return int((across * heights).sum()) / (2 * curve.impostors * curve.genuine)


def eer(curve: Roc) -> float:
    """Equal error rate: FAR = 1 - TAR on the full curve, its points joined by straight lines."""
    surplus = curve.far + curve.tar - 1  # strictly rising from -1 to 1
    after = int(np.argmax(surplus >= 0))
    before = after - 1
    share = -surplus[before] / (surplus[after] - surplus[before])
    return float(curve.far[before] + share * (curve.far[after] - curve.far[before]))


def d_prime(genuine_P: Scores, impostor_N: Scores) -> float | None:
    """Distance of the two means in units of the pooled deviation; None where both are constant."""
    genuine_P, impostor_N = _checked(genuine_P, impostor_N)
    spread = np.sqrt((genuine_P.var() + impostor_N.var()) / 2)
    return float((genuine_P.mean() - impostor_N.mean()) / spread) if spread > 0 else None


def exact_far(far: str | float, option: str = "--far") -> Fraction:
    """A FAR as the decimal number that was written, free of binary rounding.

    Args:
        far: the rate.
        option: with which it was given, for messages.

    Raises:
        ValueError: it is not a number in (0, 1].
    """
    try:
        value = Fraction(str(far))
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"{option} {far}: expected a number such as 1e-3") from None
    if not 0 < value <= 1:
        raise ValueError(f"{option} {far}: expected more than 0 and at most 1, such as 1e-3")
    return value


def tar_at_far(
    genuine_P: Scores, impostor_N: Scores, fars: list[str] | list[float], mode: Mode = "exact"
) -> list[dict[str, Any]]:
    """True-accept rates at wanted false-accept rates F.

    `exact`: k = floor(F N) in rational arithmetic; the threshold is the (k+1)-th largest impostor,
    so false accepts never exceed k, ties or not. `nearest`: the point of the ROC whose FAR is
    nearest to F, the highest TAR among equals, as IJB code of InsightFace and FaceX-Zoo does; its
    FAR may exceed F. With k = 0 the data cannot resolve F, and no number is given in either mode.

    Returns:
        One dict a FAR: far, mode, k, impostors, genuine, resolvable, tar, threshold, true_accepts,
        false_accepts and ci95 (Clopper-Pearson, pairs taken as independent and the threshold as
        given); the last five are None where not resolvable.

    Raises:
        ValueError: as `roc` and `exact_far`.
    """
    genuine_P, impostor_N = _checked(genuine_P, impostor_N)
    if mode not in ("exact", "nearest"):
        raise ValueError(f"mode {mode!r}: expected 'exact' or 'nearest'")
    curve = roc(genuine_P, impostor_N) if mode == "nearest" else None
    rows = []
    for far in fars:
        wanted = exact_far(far)
        k = int(wanted * len(impostor_N))
        row: dict[str, Any] = {
            "far": float(wanted),
            "mode": mode,
            "k": k,
            "impostors": len(impostor_N),
            "genuine": len(genuine_P),
            "resolvable": k > 0,
        }
        threshold = None
        if k > 0 and curve is None:
            threshold = _threshold_for(genuine_P, impostor_N, k)
        elif k > 0 and curve is not None:
            threshold = _nearest_threshold(curve, wanted)
        rows.append(row | _operating_point(genuine_P, impostor_N, threshold))
    return rows


def clopper_pearson(hits: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Exact binomial interval of a proportion (Clopper and Pearson, 1934)."""
    from scipy.special import betaincinv

    tail = (1 - confidence) / 2
    low = 0.0 if hits == 0 else float(betaincinv(hits, trials - hits + 1, tail))
    high = 1.0 if hits == trials else float(betaincinv(hits + 1, trials - hits, 1 - tail))
    return low, high


def _threshold_for(
    genuine_P: NDArray[np.float64], impostor_N: NDArray[np.float64], k: int
) -> float:
    place = len(impostor_N) - 1 - k  # the (k+1)-th largest
    if place < 0:
        return float(np.nextafter(min(genuine_P.min(), impostor_N.min()), -np.inf))
    return float(np.partition(impostor_N, place)[place])


def _nearest_threshold(curve: Roc, wanted: Fraction) -> float:
    accepts, target = curve.false_accepts, wanted * curve.impostors
    below = int(np.searchsorted(accepts, int(target), side="right")) - 1
    if below + 1 == len(accepts):
        return float(curve.threshold[below])
    # The last point of the next step: of equal FARs the one with the highest TAR.
    above = int(np.searchsorted(accepts, accepts[below + 1], side="right")) - 1
    nearer = int(accepts[above]) - target <= target - int(accepts[below])
    return float(curve.threshold[above if nearer else below])


def _operating_point(
    genuine_P: NDArray[np.float64], impostor_N: NDArray[np.float64], threshold: float | None
) -> dict[str, Any]:
    if threshold is None:
        return dict.fromkeys(("tar", "threshold", "true_accepts", "false_accepts", "ci95"))
    hits = int((genuine_P > threshold).sum())
    return {
        "tar": hits / len(genuine_P),
        "threshold": threshold,
        "true_accepts": hits,
        "false_accepts": int((impostor_N > threshold).sum()),
        "ci95": list(clopper_pearson(hits, len(genuine_P))),
    }


def _checked(
    genuine_P: Scores, impostor_N: Scores
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    both = []
    for what, scores in (("genuine", genuine_P), ("impostor", impostor_N)):
        wide = np.asarray(scores, dtype=np.float64)
        if wide.ndim != 1 or len(wide) == 0:
            raise ValueError(f"expected a list of {what} scores, found shape {wide.shape}")
        if not np.isfinite(wide).all():
            where = int(np.flatnonzero(~np.isfinite(wide))[0])
            raise ValueError(f"{what} score {where} is {wide[where]}, expected finite numbers")
        both.append(wide)
    return both[0], both[1]
