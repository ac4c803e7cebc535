"""Pairs of images whose 128 signs differ little, without comparing every two of a large set.

Within a person every two images are compared. Across people only those are that share one of
several runs of signs: cut into m runs, two images that differ in fewer than m signs share one for
certain, and most that differ in a few more do. Runs get longer with the set, so that some 64
images share each however large it is, and time grows in proportion to the set.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

_RUNS = (16, 21, 32)
"""Lengths a run can have: 8, 6 and 4 of them in 128 signs, in two words of 64."""

_SHARING = 64
_MOST = 4_096
"""An image is compared with at most so many that share a run; larger crowds are no photographs'."""


@dataclass(frozen=True)
class Pairs:
    """m pairs of places, `one` before `other`; where `mirrored`, one is the other turned around."""

    one: NDArray[np.intp]
    other: NDArray[np.intp]
    mirrored: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.one)

    def chosen(self, which: NDArray[np.bool_]) -> "Pairs":
        """Those for which `which` [m] holds."""
        return Pairs(self.one[which], self.other[which], self.mirrored[which])


def pairs_within(
    signs: NDArray[np.uint64], mirrored: NDArray[np.uint64], label: NDArray[np.int64], most: int
) -> Pairs:
    """Pairs of one person that differ in at most `most` signs.

    Args:
        signs: uint64 [n, 2].
        mirrored: of the mirrored images, uint64 [n, 2].
        label: the person of each, int64 [n].
        most: signs that may differ.
    """
    return _near(signs, mirrored, [label], most, None)


def pairs_across(
    signs: NDArray[np.uint64], mirrored: NDArray[np.uint64], label: NDArray[np.int64], most: int
) -> Pairs:
    """Pairs of two people that differ in at most `most` signs and share a run of them.

    Args:
        signs: uint64 [n, 2].
        mirrored: of the mirrored images, uint64 [n, 2].
        label: the person of each, int64 [n].
        most: signs that may differ.
    """
    fits = [run for run in _RUNS if len(signs) <= _SHARING << run]
    run = fits[0] if fits else _RUNS[-1]
    found = _near(signs, mirrored, _keys(signs, mirrored, run), most, _MOST)
    return found.chosen(label[found.one] != label[found.other])


def _keys(
    signs: NDArray[np.uint64], mirrored: NDArray[np.uint64], run: int
) -> Iterator[NDArray[np.uint64]]:
    """Each run of signs as a number, [2n]: of the images, then of the mirrored ones."""
    both = np.concatenate([signs, mirrored])
    mask = np.uint64((1 << run) - 1)
    runs = [(word, shift) for word in (0, 1) for shift in range(0, 65 - run, run)]
    for word, shift in tqdm(runs, desc="near pairs", unit="run", delay=2, leave=False):
        yield (both[:, word] >> np.uint64(shift)) & mask


def _near(
    signs: NDArray[np.uint64],
    mirrored: NDArray[np.uint64],
    keys: "Iterator[NDArray[np.uint64]] | list[NDArray[np.int64]]",
    most: int,
    limit: int | None,
) -> Pairs:
    n = len(signs)
    both = np.concatenate([signs, mirrored])
    found: list[NDArray[np.int64]] = []
    for key in keys:
        twice = key if len(key) == 2 * n else np.concatenate([key, key])
        for i, j in _sharing(twice, limit):
            comparable = ((i < n) | (j < n)) & (i % n != j % n)
            i, j = i[comparable], j[comparable]
            near = np.bitwise_count(both[i] ^ both[j]).sum(axis=1) <= most
            i, j = i[near], j[near]
            one, other = np.minimum(i % n, j % n), np.maximum(i % n, j % n)
            found.append((one * n + other) * 2 + ((i >= n) | (j >= n)))
    codes = np.unique(np.concatenate(found)) if found else np.empty(0, np.int64)
    plain_first = np.unique(codes // 2, return_index=True)[1]  # upright, where both are near
    codes = codes[plain_first]
    return Pairs(codes // 2 // n, codes // 2 % n, codes % 2 == 1)


def _sharing(
    key: NDArray[np.generic], limit: int | None
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Every two places with an equal key, in portions no larger than the set."""
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    first = np.arange(len(key))
    step = 0
    while len(first) and (limit is None or step < limit):
        step += 1
        first = first[first + step < len(key)]
        first = first[ordered[first] == ordered[first + step]]
        if len(first):
            yield order[first], order[first + step]
