"""Embeddings of people who do not exist, for tests and benchmarks of large protocols.

Each person has a random centre on the sphere; their images follow a von Mises-Fisher distribution
around it. Everything is known: who is who, how wide each person spreads, which labels are wrong.
Source of the sampling: Wood, Simulation of the von Mises Fisher distribution, 1994, algorithm VM*.

Legend: `n` images, `D` numbers in an embedding.
"""

import os
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray
from tqdm import tqdm

from data_prep.files import written_aside

NOBODY = -1
"""The person of an image that is on no centre: a distractor, uniform on the sphere."""

_BLOCK = 16_384  # images made in one go, each from a random stream of its own


def people(
    count: int, images: int, dim: int, concentration: float, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """`images` embeddings of each of `count` people, float32 [n, D] of length 1, and who is who.

    Args:
        count: people.
        images: of each.
        dim: D, at least 2.
        concentration: kappa of von Mises-Fisher. Two images of a person have a mean cosine of
            about (kappa / (D - 1))^2 / (1 + ...)^2: 0.4 at kappa 2 D, 0.7 at 5 D.
        seed: of everything.
    """
    person_n = np.repeat(np.arange(count), images)
    vectors_nD = np.empty((len(person_n), dim), dtype=np.float32)
    _fill(vectors_nD, person_n, concentration, seed)
    return vectors_nD, person_n


def write_distractors(path: str | os.PathLike[str], count: int, dim: int, seed: int) -> None:
    """Writes `count` embeddings of nobody, a float32 .npy [n, D] to be memory-mapped."""
    with written_aside(path) as aside:
        vectors_nD = open_memmap(aside, mode="w+", dtype=np.float32, shape=(count, dim))
        _fill(vectors_nD, np.full(count, NOBODY), 0.0, seed)
        vectors_nD.flush()


def mislabelled(person_n: NDArray[np.int64], share: float, seed: int) -> NDArray[np.int64]:
    """Labels of which a known share, drawn at random, is another person's, [n].

    Args:
        person_n: the truth, of at least two people.
        share: of the images, 0 to 1.
        seed: of the draw.
    """
    random = np.random.default_rng([seed, len(person_n)])
    label_n = person_n.copy()
    known = np.unique(person_n)
    wrong = random.choice(len(person_n), round(share * len(person_n)), replace=False)
    place = np.searchsorted(known, person_n[wrong])
    shift = random.integers(1, len(known), size=len(wrong))
    label_n[wrong] = known[(place + shift) % len(known)]
    return label_n


def _fill(
    vectors_nD: NDArray[np.float32], person_n: NDArray[np.int64], concentration: float, seed: int
) -> None:
    dim = vectors_nD.shape[1]
    known = max(int(person_n.max(initial=NOBODY)) + 1, 0)
    centre = _directions(np.random.default_rng([seed, 0]), known, dim)
    blocks = range(0, len(person_n), _BLOCK)
    for number, start in enumerate(tqdm(blocks, desc="inventing people", delay=2, leave=False)):
        random = np.random.default_rng([seed, 1 + number])
        person = person_n[start : start + _BLOCK]
        made = _directions(random, len(person), dim)
        someone = np.flatnonzero(person != NOBODY)
        if len(someone):
            axis = centre[person[someone]]
            made[someone] = _around(random, axis, made[someone], concentration)
        vectors_nD[start : start + _BLOCK] = made


def _directions(random: np.random.Generator, count: int, dim: int) -> NDArray[np.float32]:
    """Uniform on the sphere."""
    drawn = random.standard_normal((count, dim), dtype=np.float32)
    return drawn / np.sqrt(np.einsum("nd,nd->n", drawn, drawn))[:, None]


def _around(
    random: np.random.Generator, axis: NDArray[Any], free: NDArray[Any], concentration: float
) -> NDArray[Any]:
    """von Mises-Fisher around each axis, from uniform directions."""
    across = free - np.einsum("nd,nd->n", free, axis)[:, None] * axis
    across /= np.sqrt(np.einsum("nd,nd->n", across, across))[:, None]
    along = _cosines(random, len(axis), axis.shape[1], concentration).astype(np.float32)[:, None]
    return along * axis + np.sqrt(1 - along**2) * across


def _cosines(
    random: np.random.Generator, count: int, dim: int, concentration: float
) -> NDArray[np.float64]:
    """The cosine to the axis, by rejection (Wood 1994)."""
    rest = dim - 1
    b = rest / (2 * concentration + np.sqrt(4 * concentration**2 + rest**2))
    x = (1 - b) / (1 + b)
    c = concentration * x + rest * np.log(1 - x**2)
    found = np.empty(0)
    while len(found) < count:
        z = random.beta(rest / 2, rest / 2, size=2 * count)
        w = (1 - (1 + b) * z) / (1 - (1 - b) * z)
        accept = concentration * w + rest * np.log(1 - x * w) - c >= np.log(
            random.random(2 * count)
        )
        found = np.concatenate([found, w[accept]])
    return found[:count]
