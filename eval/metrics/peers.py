"""Other people's LFW rules, so that figures can be set beside their published tables.

Each rule takes the two raw embeddings of every pair and does what that project's evaluation does,
after which nothing of ours is mixed in. They are *not* equivalent to each other or to ours
(protocols.md, "LFW"). Legend: `n` pairs, `D` numbers in one embedding.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.embeddings import unit_rows
from eval.metrics.folds import Bools, Floats, FoldAccuracy, Ints, cross_validate, left_out
from eval.metrics.roc import count_above


@dataclass(frozen=True)
class PairVectors:
    """The raw embeddings of n pairs.

    Attributes:
        first: [n, D], not necessarily of unit length.
        second: [n, D].
        first_names: image of each row of `first`, for messages.
        second_names: the same of `second`.
        where: the embeddings' prefix, for messages.
    """

    first: NDArray[Any]
    second: NDArray[Any]
    first_names: list[str]
    second_names: list[str]
    where: str

    def unit(self, centre_D: Floats | float = 0.0) -> tuple[Floats, Floats]:
        """Both sides less `centre_D`, scaled to length 1 in float64."""
        return (
            unit_rows(self.first - centre_D, self.first_names, self.where),
            unit_rows(self.second - centre_D, self.second_names, self.where),
        )


def squared_distance(pairs: PairVectors) -> Floats:
    """Squared Euclidean distance of the unit vectors, [n], 0 to 4."""
    first_nD, second_nD = pairs.unit()
    return np.square(first_nD - second_nD).sum(axis=1)


def insightface(pairs: PairVectors, same_n: Bools, fold_n: Ints) -> FoldAccuracy:
    """InsightFace: squared distance, thresholds 0, 0.01 .. 3.99, the first best, same if below."""
    grid = np.arange(0, 4, 0.01)

    def choose(distance_n: Floats, same_n: Bools) -> float:
        accepted_genuine = _count_below(distance_n[same_n], grid)
        accepted_impostor = _count_below(distance_n[~same_n], grid)
        return float(grid[np.argmax(accepted_genuine - accepted_impostor)])

    return cross_validate(
        squared_distance(pairs), same_n, fold_n, choose, lambda d, same, thr: (d < thr) == same
    )


def insightface_val(
    pairs: PairVectors, same_n: Bools, fold_n: Ints, far: float = 1e-3
) -> dict[str, float]:
    """InsightFace's (and facenet's) VAL@FAR: the threshold interpolated between grid points.

    On the nine other folds, over thresholds 0, 0.001 .. 3.999, FAR is taken as a broken line of
    the threshold and read backwards at `far`; 0 where it never gets there.

    Returns:
        far (wanted), mean and std (ddof 0) of VAL over folds, far_mean (measured on the folds
        left out).
    """
    grid = np.arange(0, 4, 0.001)
    distance_n = squared_distance(pairs)
    vals, fars = [], []
    for train_n, test_n in left_out(same_n, fold_n):
        impostor = distance_n[train_n & ~same_n]
        rates = _count_below(impostor, grid) / len(impostor)
        accepted = distance_n[test_n] < _read_backwards(rates, grid, far)
        vals.append(accepted[same_n[test_n]].mean())
        fars.append(accepted[~same_n[test_n]].mean())
    return {
        "far": far,
        "mean": float(np.mean(vals)),
        "std": float(np.std(vals)),
        "far_mean": float(np.mean(fars)),
    }


def facex(pairs: PairVectors, same_n: Bools, fold_n: Ints) -> FoldAccuracy:
    """FaceX-Zoo: 1,000 steps from lowest to highest cosine, the first highest TPR - FPR.

    A score equal to the threshold is wrong for either class.
    """

    def choose(score_n: Floats, same_n: Bools) -> float:
        low, high = score_n.min(), score_n.max()
        grid = low + (high - low) / 1000 * np.arange(1, 1001)
        tpr = count_above(score_n[same_n], grid) / same_n.sum()
        fpr = count_above(score_n[~same_n], grid) / (~same_n).sum()
        return float(grid[np.argmax(tpr - fpr)])

    return cross_validate(_cosine(*pairs.unit()), same_n, fold_n, choose, _strictly_right)


def sphereface(pairs: PairVectors, same_n: Bools, fold_n: Ints) -> FoldAccuracy:
    """SphereFace: the other folds' mean feature is subtracted before the length is made 1.

    Thresholds -1, -0.9999 .. 1; the mean of all the best; a score equal to the threshold is wrong
    for either class. The mean counts an image once for every pair it is in.
    """
    grid = np.arange(-10_000, 10_001) / 10_000

    def choose(score_n: Floats, same_n: Bools) -> float:
        right = count_above(score_n[same_n], grid) + _count_below(score_n[~same_n], grid)
        return float(grid[right == right.max()].mean())

    return _centred(pairs, same_n, fold_n, _cosine, choose, _strictly_right)


def sphereface_pytorch(pairs: PairVectors, same_n: Bools, fold_n: Ints) -> FoldAccuracy:
    """sphereface_pytorch and what grew from it: thresholds -1, -0.995 .. 0.995, the last best.

    The cosine's denominator has 1e-5 added.
    """
    grid = np.arange(-1.0, 1.0, 0.005)
    first_nD, second_nD = (np.asarray(side, np.float64) for side in (pairs.first, pairs.second))
    lengths_n = np.linalg.norm(first_nD, axis=1) * np.linalg.norm(second_nD, axis=1)

    def choose(score_n: Floats, same_n: Bools) -> float:
        right = count_above(score_n[same_n], grid) - count_above(score_n[~same_n], grid)
        return float(grid[np.flatnonzero(right == right.max())[-1]])

    return cross_validate(
        _cosine(first_nD, second_nD) / (lengths_n + 1e-5),
        same_n,
        fold_n,
        choose,
        lambda score, same, thr: (score > thr) == same,
    )


def facenet(pairs: PairVectors, same_n: Bools, fold_n: Ints) -> FoldAccuracy:
    """facenet with the options of its published table: --distance_metric 1 --subtract_mean.

    Angle / pi of the features less the other folds' mean; thresholds 0, 0.01 .. 3.99, the first
    best, same if below. Features are made unit before the mean is taken, as its network does.
    """
    grid = np.arange(0, 4, 0.01)
    unit = PairVectors(*pairs.unit(), pairs.first_names, pairs.second_names, pairs.where)

    def angle(first_nD: Floats, second_nD: Floats) -> Floats:
        return np.arccos(np.clip(_cosine(first_nD, second_nD), -1, 1)) / np.pi

    def choose(angle_n: Floats, same_n: Bools) -> float:
        right = _count_below(angle_n[same_n], grid) - _count_below(angle_n[~same_n], grid)
        return float(grid[np.argmax(right)])

    return _centred(
        unit, same_n, fold_n, angle, choose, lambda value, same, thr: (value < thr) == same
    )


def coco(pairs: PairVectors, same_n: Bools, fold_n: Ints) -> FoldAccuracy:
    """COCO: one threshold, the best on the very pairs that are judged; no fold is left out.

    Never below cross-validation over the same thresholds, and mostly above.
    """
    score_n = _cosine(*pairs.unit())
    candidates = np.append(np.sort(score_n), -2.0)  # not the mean of the best: it may be worse
    right = count_above(score_n[same_n], candidates) - count_above(score_n[~same_n], candidates)
    threshold = float(candidates[np.argmax(right)])
    correct = (score_n > threshold) == same_n
    numbers = np.unique(fold_n)
    if len(numbers) < 2:
        raise ValueError("expected two folds or more, one has no deviation; give a list in folds")
    folds = np.array([correct[fold_n == number].mean() for number in numbers])
    return FoldAccuracy(folds, np.full(len(numbers), threshold), correct)


def _centred(
    pairs: PairVectors,
    same_n: Bools,
    fold_n: Ints,
    value: Callable[[Floats, Floats], Floats],
    choose: Callable[[Floats, Bools], float],
    judge: Callable[[Floats, Bools, float], Bools],
) -> FoldAccuracy:
    """`cross_validate`, but the other folds' mean feature is subtracted before each fold."""
    correct = np.zeros(len(same_n), dtype=bool)
    folds, thresholds = [], []
    for train_n, test_n in left_out(same_n, fold_n):
        both = (pairs.first[train_n], pairs.second[train_n])
        centre_D = np.concatenate(both).mean(axis=0, dtype=np.float64)
        value_n = value(*pairs.unit(centre_D))
        threshold = choose(value_n[train_n], same_n[train_n])
        correct[test_n] = judge(value_n[test_n], same_n[test_n], threshold)
        folds.append(correct[test_n].mean())
        thresholds.append(threshold)
    return FoldAccuracy(np.array(folds), np.array(thresholds), correct)


def _cosine(first_nD: Floats, second_nD: Floats) -> Floats:
    return np.einsum("nd,nd->n", first_nD, second_nD)


def _count_below(values: Floats, grid: Floats) -> NDArray[np.int64]:
    return np.searchsorted(np.sort(values), grid, side="left")


def _strictly_right(score_n: Floats, same_n: Bools, threshold: float) -> Bools:
    return np.where(same_n, score_n > threshold, score_n < threshold)


def _read_backwards(rates: Floats, grid: Floats, wanted: float) -> float:
    """Threshold at which a rising broken line of rates has the wanted value; 0 if never."""
    if rates.max() < wanted:
        return 0.0
    left = int(np.searchsorted(rates, wanted, side="right")) - 1
    if left < 0 or left == len(rates) - 1 or rates[left] == wanted:
        return float(grid[max(left, 0)])
    share = (wanted - rates[left]) / (rates[left + 1] - rates[left])
    return float(grid[left] + share * (grid[left + 1] - grid[left]))
