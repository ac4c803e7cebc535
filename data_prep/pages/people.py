"""People by number of images: the numbers behind the histogram and the two tables."""

from collections.abc import Mapping

import numpy as np


def steps_of(counts: np.ndarray) -> list[tuple[int, int, int]]:
    """A histogram over ranges that widen: 1, 2, 3, 4, 5-6, 7-9, 10-14, 15-19, 20-29 ...

    Args:
        counts: images of each person, int [C], at least 1 each.

    Returns:
        (least images, most images, people) of each range from the first to the last that has any.
    """
    if not len(counts):
        return []
    starts = [1, 2, 3, 4, 5, 7]
    scale = 10
    while starts[-1] <= counts.max():
        starts += [round(scale * factor) for factor in (1, 1.5, 2, 3, 5, 7)]
        scale *= 10
    edges = np.array(starts)
    people, _ = np.histogram(counts, bins=edges)
    (used,) = np.nonzero(people)
    return [
        (int(edges[i]), int(edges[i + 1] - 1), int(people[i])) for i in range(used[0], used[-1] + 1)
    ]


def extremes(people: Mapping[str, int], most: int) -> tuple[list[tuple[str, int]], ...]:
    """The people with the most and with the fewest images, `most` of each; nobody is in both.

    Args:
        people: images by name.
        most: of each end.
    """
    ordered = sorted(people.items(), key=lambda one: (-one[1], one[0]))
    ends = min(most, -(-len(ordered) // 2))
    smallest = ordered[ends:][-most:] if len(ordered) > ends else []
    return ordered[:ends], smallest[::-1]


def summary_of(counts: np.ndarray) -> dict[str, float]:
    """Mean, median, quartiles, and how many people have few images.

    Args:
        counts: images of each person, int [C], not empty.
    """
    low, middle, high = np.percentile(counts, [25, 50, 75])
    return {
        "mean": float(counts.mean()),
        "median": float(middle),
        "quarter": float(low),
        "three_quarters": float(high),
        "least": int(counts.min()),
        "most": int(counts.max()),
        "single": int((counts == 1).sum()),
        "below_10": int((counts < 10).sum()),
    }


def people_count(number: int) -> str:
    """`1 person`, `2 people`."""
    return f"{number:,} {'person' if number == 1 else 'people'}"
