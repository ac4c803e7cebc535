"""Every statistic by counting every pair, in plain Python and exact fractions: slow and obvious."""

import math
from fractions import Fraction
from itertools import pairwise


def accepted(scores, threshold):
    return sum(1 for score in scores if score > threshold)


def operating_points(genuine, impostor):
    """(false accepts, true accepts) at every threshold that matters, rising."""
    scores = sorted({*genuine, *impostor}, reverse=True)
    thresholds = [*scores, scores[-1] - 1]
    return [(accepted(impostor, t), accepted(genuine, t)) for t in thresholds]


def auc(genuine, impostor):
    wins = sum(Fraction(g > i) + Fraction(g == i, 2) for g in genuine for i in impostor)
    return float(wins / (len(genuine) * len(impostor)))


def eer(genuine, impostor):
    """Where the broken line through the operating points meets FAR = 1 - TAR."""
    points = [
        (Fraction(fa, len(impostor)), 1 - Fraction(ta, len(genuine)))
        for fa, ta in operating_points(genuine, impostor)
    ]
    for (far0, frr0), (far1, frr1) in pairwise(points):
        if far0 <= frr0 and far1 >= frr1:
            step = (far1 - far0) + (frr0 - frr1)
            return float(far0 + (far1 - far0) * (frr0 - far0) / step)
    raise AssertionError("the line goes from (0, 1) to (1, 0), so it must cross")


def exact_tar(genuine, impostor, far):
    """The best TAR of all thresholds at impostor scores whose false accepts stay within FAR."""
    allowed = math.floor(Fraction(far) * len(impostor))
    fitting = [t for t in impostor if accepted(impostor, t) <= allowed]
    best = min(fitting)
    return best, Fraction(accepted(genuine, best), len(genuine))


def nearest_tar(genuine, impostor, far):
    wanted = Fraction(far) * len(impostor)
    points = operating_points(genuine, impostor)
    least = min(abs(fa - wanted) for fa, _ in points)
    return Fraction(max(ta for fa, ta in points if abs(fa - wanted) == least), len(genuine))


def best_threshold(scores, same):
    """Tries every candidate on every pair; the mean of the best."""
    distinct = sorted(set(scores))
    middle = [(a + b) / 2 for a, b in pairwise(distinct)]
    candidates = [math.nextafter(distinct[0], -math.inf), *middle, distinct[-1]]
    right = [sum((s > t) == y for s, y in zip(scores, same)) for t in candidates]
    best = [t for t, hits in zip(candidates, right) if hits == max(right)]
    return sum(best) / len(best)


def fold_accuracies(scores, same, fold):
    shares = []
    for number in sorted(set(fold)):
        train = [i for i, f in enumerate(fold) if f != number]
        test = [i for i, f in enumerate(fold) if f == number]
        threshold = best_threshold([scores[i] for i in train], [same[i] for i in train])
        shares.append(sum((scores[i] > threshold) == same[i] for i in test) / len(test))
    return shares
