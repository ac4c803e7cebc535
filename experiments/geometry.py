"""How tight classes are and how far apart: cosines of embeddings.

Legend: `n` samples, `D` dimensions, `C` classes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 100
"""Of the histogram of cosines to the own class's mean, over 0 .. 1; what is below 0 is in the first
bin."""


@dataclass(frozen=True)
class Geometry:
    """Cosines of a labelled set of embeddings.

    Attributes:
        intra: mean cosine of a sample to the mean direction of its class.
        between: mean cosine between the mean directions of two classes.
        ratio: (1 - intra) / (1 - between): spread within classes over the distance between them.
            Smaller is tighter, whatever the cone all classes lie in.
        histogram: how many samples have which cosine to the mean direction of their class, [BINS].
    """

    intra: float
    between: float
    ratio: float
    histogram: list[int]


def geometry(emb_nD: NDArray[np.float32], label_n: NDArray[np.int64]) -> Geometry:
    """The geometry of embeddings, each taken at unit length.

    The mean direction of a class is the normalised mean of its unit vectors; classes count alike in
    `between`, samples in `intra`.

    Args:
        emb_nD: not normalised; none of them 0.
        label_n: at least two classes.

    Raises:
        ValueError: one class only, or an embedding of length 0 or not finite.
    """
    x = emb_nD.astype(np.float64)
    length = np.linalg.norm(x, axis=1, keepdims=True)
    if not (np.isfinite(length).all() and (length > 0).all()):
        raise ValueError("expected finite embeddings other than 0")
    x /= length
    classes, inverse = np.unique(label_n, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(f"expected at least two classes, got {len(classes)}")
    sums = np.zeros((len(classes), x.shape[1]))
    np.add.at(sums, inverse, x)
    means = sums / np.linalg.norm(sums, axis=1, keepdims=True)
    own = np.einsum("nd,nd->n", x, means[inverse])
    pairs = (means @ means.T)[np.triu_indices(len(classes), 1)]
    bins = np.clip((own * BINS).astype(np.int64), 0, BINS - 1)
    intra, between = float(own.mean()), float(pairs.mean())
    return Geometry(
        intra=intra,
        between=between,
        ratio=(1 - intra) / (1 - between),
        histogram=np.bincount(bins, minlength=BINS).tolist(),
    )
