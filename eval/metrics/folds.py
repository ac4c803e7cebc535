"""Accuracy over folds: each fold is judged with the threshold that suits all the others best.

LFW's procedure (protocols.md, "LFW"), under this project's own rule. Other people's rules are in
`compat.py`. Legend: `n` pairs, `f` folds.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class FoldAccuracy:
    """What cross-validation found.

    Attributes:
        folds: float64 [f], share of each fold's pairs judged rightly.
        thresholds: float64 [f], chosen on the other folds.
        correct: bool [n], whether each pair was judged rightly when its fold was left out.
    """

    folds: Floats
    thresholds: Floats
    correct: Bools

    def summary(self, std_ddof: int = 1) -> dict[str, Any]:
        """Plain data for JSON: mean, std_error (ddof 1 / sqrt f), std, std_ddof, per-fold lists."""
        return {
            "mean": float(self.folds.mean()),
            "std_error": float(self.folds.std(ddof=1) / np.sqrt(len(self.folds))),
            "std": float(self.folds.std(ddof=std_ddof)),
            "std_ddof": std_ddof,
            "folds": self.folds.tolist(),
            "thresholds": self.thresholds.tolist(),
        }


def fold_accuracy(score_n: Floats, same_n: Bools, fold_n: Ints) -> FoldAccuracy:
    """Cross-validated accuracy: `best_threshold` on the other folds, same where score > threshold.

    Args:
        score_n: similarity of each pair.
        same_n: whether both images show one person.
        fold_n: fold of each pair, any integers, two or more distinct.

    Raises:
        ValueError: fewer than two folds, or training folds of one class only.
    """
    return cross_validate(
        score_n, same_n, fold_n, best_threshold, lambda score, same, thr: (score > thr) == same
    )


def best_threshold(score_n: Floats, same_n: Bools) -> float:
    """The threshold of highest accuracy, in O(n log n).

    Candidates are the midpoints between neighbouring distinct scores and both ends (reject all,
    accept all). Where several are equally good, their mean is taken.
    """
    distinct, place = np.unique(score_n, return_inverse=True)
    genuine = np.bincount(place[same_n], minlength=len(distinct))
    impostor = np.bincount(place[~same_n], minlength=len(distinct))
    # Right answers when the lowest j distinct scores are rejected, j = 0 .. len(distinct).
    right = np.concatenate([[0], np.cumsum(impostor - genuine)]) + genuine.sum()
    lower, upper = distinct[:-1], distinct[1:]
    middle = lower + (upper - lower) / 2
    middle = np.where(middle < upper, middle, lower)  # neighbours with no number between them
    candidates = np.concatenate([[np.nextafter(distinct[0], -np.inf)], middle, [distinct[-1]]])
    return float(candidates[right == right.max()].mean())


def cross_validate(
    score_n: Floats,
    same_n: Bools,
    fold_n: Ints,
    choose: Callable[[Floats, Bools], float],
    judge: Callable[[Floats, Bools, float], Bools],
) -> FoldAccuracy:
    """Leaves each fold out once.

    Args:
        score_n: any comparison value of each pair.
        same_n: whether both images show one person.
        fold_n: fold of each pair.
        choose: training scores and labels to a threshold.
        judge: scores, labels and a threshold to whether each answer is right.

    Raises:
        ValueError: as `left_out`.
    """
    correct = np.zeros(len(score_n), dtype=bool)
    folds, thresholds = [], []
    for train_n, test_n in left_out(same_n, fold_n):
        threshold = choose(score_n[train_n], same_n[train_n])
        correct[test_n] = judge(score_n[test_n], same_n[test_n], threshold)
        folds.append(correct[test_n].mean())
        thresholds.append(threshold)
    return FoldAccuracy(np.array(folds), np.array(thresholds), correct)


def left_out(same_n: Bools, fold_n: Ints) -> Iterator[tuple[Bools, Bools]]:
    """Masks of the training pairs and of the test pairs, one fold at a time, folds rising.

    Raises:
        ValueError: fewer than two folds, or training folds of one class only.
    """
    numbers = np.unique(fold_n)
    if len(numbers) < 2:
        raise ValueError(
            f"expected two folds or more to choose thresholds on, found {len(numbers)}; "
            "give a list in folds"
        )
    for number in numbers:
        test_n = fold_n == number
        train_same = same_n[~test_n]
        if train_same.all() or not train_same.any():
            raise ValueError(
                f"without fold {number} only {'genuine' if train_same.all() else 'impostor'} pairs "
                "are left to choose a threshold on; give a list with both kinds in every fold"
            )
        yield ~test_n, test_n
