"""Recall@K and NMI, the measures of retrieval sets (Song et al., 2016; Heated-up Softmax).

Legend: `n` images, `D` numbers in an embedding.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from eval.metrics.folds import Floats, Ints
from eval.similarity import Plan, Shape, Vectors, score_pairs, search

_SHAPE = Shape()
_PAIRS = 1 << 20  # of one class scored in one go
_AT_ONCE = 1 << 26  # numbers that k-means may have in memory, 0.5 GiB
_BATCH = 16_384  # images in one go beyond that


def ranks(
    images: Vectors,
    label_n: Ints,
    *,
    device: torch.device | str = "cpu",
    shape: Shape = _SHAPE,
) -> NDArray[np.int64]:
    """How many images must be looked at until one of the query's class comes, [n]; 0 if none can.

    All other images are ranked by the reference score, in bounded memory. An image of another class
    whose score equals that of the nearest one of the query's class stands before it: ties count
    against the model.

    Args:
        images: n embeddings.
        label_n: class of each.
        device: where products run.
        shape: how the work is cut; the result does not depend on it.
    """
    best_n = nearest_mates(images, label_n)
    queries = np.flatnonzero(np.isfinite(best_n))
    found = np.zeros(len(label_n), dtype=np.int64)
    if len(queries):
        some = images.some(queries)
        plan = Plan(above=best_n[queries, None])
        labels = label_n[queries], label_n
        counts = search(some, images, plan, labels=labels, device=device, shape=shape).counts
        assert counts is not None
        found[queries] = 1 + (counts.above + counts.equal)[-1, :, 0]
    return found


def nearest_mates(images: Vectors, label_n: Ints) -> Floats:
    """The score of each image with the nearest other one of its class, [n]; -inf where none is."""
    best_n = np.full(len(label_n), -np.inf)
    order = np.argsort(label_n, kind="stable")
    starts = np.flatnonzero(np.diff(label_n[order])) + 1
    for rows in tqdm(np.split(order, starts), desc="scoring mates", delay=2, leave=False):
        step = max(1, _PAIRS // len(rows))
        for start in range(0, len(rows) if len(rows) > 1 else 0, step):
            i, j = np.indices((min(step, len(rows) - start), len(rows)))
            i += start
            after = i < j
            i, j = rows[i[after]], rows[j[after]]
            score = score_pairs(images, images, i, j)
            np.maximum.at(best_n, i, score)
            np.maximum.at(best_n, j, score)
    return best_n


def nmi(label_n: Ints, cluster_n: Ints, average: str = "arithmetic") -> float:
    """Normalised mutual information of classes and clusters.

    Args:
        label_n: class of each image.
        cluster_n: cluster of each.
        average: of the two entropies it is divided by: `arithmetic`, or `geometric`, which was
            scikit-learn's default before 0.22 and so is behind older tables.
    """
    from sklearn.metrics import normalized_mutual_info_score

    return float(normalized_mutual_info_score(label_n, cluster_n, average_method=average))


def clusters(images: Vectors, count: int, seed: int) -> Ints:
    """Cluster of each of n images, by their unit embeddings: scikit-learn's k-means++, one start.

    Sets of more than 2^26 numbers go by in batches (mini-batch k-means), so that memory is bounded.
    """
    from sklearn.cluster import KMeans, MiniBatchKMeans

    if fits(images):
        means = KMeans(n_clusters=count, n_init=1, random_state=seed)
        found: NDArray[Any] = means.fit_predict(images.unit(slice(0, len(images))))
        return found
    order = np.random.default_rng(seed).permutation(len(images))
    few = MiniBatchKMeans(n_clusters=count, n_init=1, random_state=seed)
    size = max(_BATCH, 3 * count)
    for start in tqdm(range(0, len(order), size), desc="clustering", delay=2, leave=False):
        rows = np.sort(order[start : start + size])
        if start == 0 or len(rows) == size:  # the first of them must be as many as clusters
            few.partial_fit(images.some(rows).unit(slice(0, len(rows))))
    parts = images.parts(_BATCH, "clustering")
    return np.concatenate([few.predict(images.unit(part)) for part in parts])


def fits(images: Vectors) -> bool:
    """Whether k-means takes all images at once."""
    return len(images) * images.dim <= _AT_ONCE
