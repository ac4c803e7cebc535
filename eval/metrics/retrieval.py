"""Recall@K and NMI, the measures of retrieval sets (Song et al., 2016; Heated-up Softmax).

Legend: `n` images, `D` numbers in an embedding, `q` queries of a tile.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from eval.metrics.folds import Floats, Ints

_TILE = 1024  # queries in one go


def ranks(unit_nD: Floats, label_n: Ints) -> NDArray[np.int64]:
    """How many images must be looked at until one of the query's class comes, [n]; 0 if none can.

    All other images are ranked by cosine in float64. An image of another class whose cosine equals
    that of the nearest one of the query's class stands before it: ties count against the model.

    Args:
        unit_nD: embeddings of length 1.
        label_n: class of each.
    """
    found = np.zeros(len(label_n), dtype=np.int64)
    starts = range(0, len(label_n), _TILE)
    for start in tqdm(starts, desc="ranking", unit="tile", delay=2, leave=False):
        rows = np.arange(start, min(start + _TILE, len(label_n)))
        score_qn = unit_nD[rows] @ unit_nD.T
        alike_qn = label_n[rows, None] == label_n[None, :]
        mates_qn = alike_qn.copy()
        mates_qn[np.arange(len(rows)), rows] = False
        best_q = np.where(mates_qn, score_qn, -np.inf).max(axis=1)
        ahead_q = (~alike_qn & (score_qn >= best_q[:, None])).sum(axis=1)
        found[rows] = np.where(mates_qn.any(axis=1), 1 + ahead_q, 0)
    return found


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


def clusters(unit_nD: Floats, count: int, seed: int) -> Ints:
    """Cluster of each of n unit embeddings: scikit-learn's k-means, k-means++, one start."""
    from sklearn.cluster import KMeans

    means = KMeans(n_clusters=count, n_init=1, random_state=seed)
    found: NDArray[Any] = means.fit_predict(unit_nD)
    return found
