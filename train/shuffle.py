"""Permutations of any size without a table: any entry of any of them in the same short time."""

import numpy as np

_ROUNDS = 4
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def shuffled(places: np.ndarray, sizes: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Where a permutation of 0 .. size - 1 takes each place, int64 of the same shape.

    Each key is another permutation: a Feistel network over the next power of 4 (Luby and Rackoff,
    1988), applied again until the number is below the size (Black and Rogaway, 2002), four times at
    most on average.

    Args:
        places: integers, each from 0 to its size - 1.
        sizes: integers of the same shape, from 1 to 2^53.
        keys: uint64 of the same shape.
    """
    found = places.astype(np.uint64)
    # Bits of half a number: the whole holds size - 1.
    half = np.maximum((np.frexp((sizes - 1).astype(np.float64))[1] + 1) // 2, 1).astype(np.uint64)
    limit = sizes.astype(np.uint64)
    todo = np.ones(found.shape, bool)
    while todo.any():
        found[todo] = _feistel(found[todo], half[todo], keys[todo])
        todo &= found >= limit
    # Half a number of a single bit leaves a network few choices: a turn of the circle makes every
    # entry as likely as any other.
    return ((found + mixed(keys, _ROUNDS) % limit) % limit).astype(np.int64)


def mixed(*numbers: np.ndarray | int) -> np.ndarray:
    """One uint64 of several integers, as good as drawn; shapes are broadcast together."""
    state = np.zeros(np.broadcast_shapes(*(np.shape(one) for one in numbers)), np.uint64)
    for one in numbers:
        state = _scrambled(state + _GOLDEN + np.asarray(one, np.uint64))
    return state


def _feistel(number: np.ndarray, half: np.ndarray, keys: np.ndarray) -> np.ndarray:
    mask = (np.uint64(1) << half) - np.uint64(1)
    left, right = number >> half, number & mask
    for turn in range(_ROUNDS):
        drawn = mixed(keys, right, turn)
        left, right = right, left ^ (drawn & mask)
    return (left << half) | right


def _scrambled(x: np.ndarray) -> np.ndarray:
    """The finaliser of SplitMix64 (Steele, Lea and Flood, 2014)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
