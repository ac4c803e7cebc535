"""Class centres, and how similar each image is to its own and to the others.

The centre of a class is the normalised mean of its normalised embeddings. Where labels may be
wrong it is taken over the half of the class that fits it best (trimmed): strangers below half of
a class then have no part in it. An image's similarity to its own centre leaves the image itself
out, or it would be similar to itself, the more the smaller the class.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from data_prep.dataset import ImageSource, RecordImages
from data_prep.embeddings import Embeddings
from data_prep.record_names import shard_people

ROUNDS = 3
"""How often the half that counts is chosen anew."""

_BLOCK = 8_192  # rows of embeddings in memory at a time
_CENTRES = 4_096  # centres they are compared with at a time: 128 MiB of similarities


def person_of(name: str) -> str:
    """The person an image shows: its folder; an image outside any folder stands for itself."""
    return name.rpartition("/")[0] or name


def people_of(source: ImageSource) -> list[str]:
    """The person each image shows, named as packing names people: by label in a record set."""
    if isinstance(source, RecordImages):
        return shard_people(source.sets, source.names)
    return [person_of(name) for name in source.names]


@dataclass(frozen=True)
class Classes:
    """Who the n images show.

    Attributes:
        people: P names, sorted.
        label: int64 [n], each image's place in `people`.
        count: int64 [P], images of each.
    """

    people: list[str]
    label: NDArray[np.int64]
    count: NDArray[np.int64]


def classes_of(persons: Sequence[str]) -> Classes:
    """The classes of n images, from the person each shows."""
    people = sorted(set(persons))
    place = {person: i for i, person in enumerate(people)}
    label = np.fromiter((place[person] for person in persons), np.int64, len(persons))
    return Classes(people, label, np.bincount(label, minlength=len(people)))


def centres(
    embedded: Embeddings, rows: NDArray[np.intp], classes: Classes, trimmed: bool
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The centre of each class, and each image's similarity to its own.

    Memory: P x D numbers in float64, and a few an image.

    Args:
        embedded: the embeddings.
        rows: the row of each of the n images.
        classes: who these show.
        trimmed: only the better half of each class makes its centre.

    Returns:
        centres float32 [P, D] of unit length, and similarities float32 [n]; that of an only image
        is 1.
    """
    counts = np.ones(len(rows), dtype=bool)
    for _ in range(ROUNDS if trimmed else 0):
        own = _own(embedded, rows, classes, _sums(embedded, rows, classes, counts), counts)
        counts = _better_half(own, classes)
    sums = _sums(embedded, rows, classes, counts)
    length = np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)
    return (sums / length).astype(np.float32), _own(embedded, rows, classes, sums, counts)


def nearest(
    queries: NDArray[np.float32],
    others: NDArray[np.float32],
    passed_over: NDArray[np.int64] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """For each of m queries the most similar of P others, block by block.

    Args:
        queries: [m, D], of unit length.
        others: [P, D], of unit length.
        passed_over: for each query one of the others that does not count, [m].

    Returns:
        similarity [m] and place [m].
    """
    best = np.full(len(queries), -np.inf, np.float32)
    place = np.zeros(len(queries), np.int64)
    for start in range(0, len(queries), _BLOCK):
        at = np.arange(start, min(start + _BLOCK, len(queries)))
        for first in range(0, len(others), _CENTRES):
            block = queries[at] @ others[first : first + _CENTRES].T
            if passed_over is not None:
                inside = (passed_over[at] >= first) & (passed_over[at] < first + block.shape[1])
                block[inside, passed_over[at][inside] - first] = -np.inf
            top = block.argmax(axis=1)
            value = block[np.arange(len(at)), top]
            better = value > best[at]
            best[at[better]], place[at[better]] = value[better], first + top[better]
    return best, place


def spread(one: NDArray[np.float32], other: NDArray[np.float32]) -> tuple[float, float]:
    """Mean and standard deviation of all P x Q similarities, without forming them.

    E[a.b] = E[a].E[b] and E[(a.b)^2] = <E[aa^T], E[bb^T]>, over all pairs.
    """
    wide, wider = one.astype(np.float64), other.astype(np.float64)
    mean = float(wide.mean(axis=0) @ wider.mean(axis=0))
    square = float(np.sum((wide.T @ wide / len(wide)) * (wider.T @ wider / len(wider))))
    return mean, max(square - mean * mean, 0.0) ** 0.5


def unit_blocks(
    embedded: Embeddings, rows: NDArray[np.intp], title: str
) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Normalised embeddings of the rows, block by block: (places in `rows`, block)."""
    for start in tqdm(range(0, len(rows), _BLOCK), desc=title, delay=2, leave=False):
        at = slice(start, min(start + _BLOCK, len(rows)))
        yield at, embedded.unit(rows[at], np.float32)


def _sums(
    embedded: Embeddings, rows: NDArray[np.intp], classes: Classes, counts: NDArray[np.bool_]
) -> NDArray[np.float64]:
    sums = np.zeros((len(classes.people), embedded.vectors.shape[1]))
    for at, unit in unit_blocks(embedded, rows, "class centres"):
        chosen = np.flatnonzero(counts[at])
        label = classes.label[at][chosen]
        order = np.argsort(label, kind="stable")
        present, starts = np.unique(label[order], return_index=True)
        if len(present):
            sums[present] += np.add.reduceat(unit[chosen[order]], starts, axis=0, dtype=np.float64)
    return sums


def _own(
    embedded: Embeddings,
    rows: NDArray[np.intp],
    classes: Classes,
    sums: NDArray[np.float64],
    counts: NDArray[np.bool_],
) -> NDArray[np.float32]:
    """Similarity to the own centre without the image itself: (s - x).x / |s - x|."""
    own = np.ones(len(rows), np.float32)
    squared = np.square(sums).sum(axis=1)
    number = np.bincount(classes.label[counts], minlength=len(sums))
    for at, unit in unit_blocks(embedded, rows, "own similarity"):
        label = classes.label[at]
        along = np.einsum("nd,nd->n", sums[label], unit)
        inside = counts[at].astype(float)
        rest = squared[label] - 2 * inside * along + inside
        alone = number[label] == inside
        own[at] = np.where(alone, 1, (along - inside) / np.sqrt(np.maximum(rest, 1e-12)))
    return own


def _better_half(own: NDArray[np.float32], classes: Classes) -> NDArray[np.bool_]:
    """The upper half of each class by similarity; at least two images where there are two."""
    order = np.lexsort((-own, classes.label))
    starts = np.cumsum(classes.count) - classes.count
    rank = np.empty(len(own), np.int64)
    rank[order] = np.arange(len(own)) - starts[classes.label[order]]
    return rank < np.maximum((classes.count + 1) // 2, 2)[classes.label]
