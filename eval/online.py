"""Verification of a backbone while it trains, over all ranks."""

from pathlib import Path

import numpy as np
import torch

from data_prep.dataset import open_images
from eval.embedders import Embedder
from eval.embeddings import Embeddings
from eval.extract import embed, share
from eval.metrics.folds import fold_accuracy
from eval.metrics.roc import tar_at_far
from eval.protocols.verification import pair_protocol
from models import comm

FAR = "1e-2"


class OnlineVerification:
    """A pair list and its images, opened once."""

    def __init__(self, images: str, pairs: str, protocol: str) -> None:
        """Opens and checks.

        Raises:
            ValueError: bad list, or one that names an image that is not there (line number).
            OSError: a file is missing.
        """
        self.source = open_images(images)
        self.pairs = pair_protocol(protocol).parse(Path(pairs))
        nothing = np.zeros((len(self.source), 0), dtype=np.float32)
        names = Embeddings(self.source.names, nothing, {}, images)
        self.a, self.b = (
            names.rows(side, pairs, self.pairs.lines) for side in (self.pairs.a, self.pairs.b)
        )

    def __call__(self, embedder: Embedder) -> dict[str, float]:
        """Accuracy over folds, its standard error, and TAR at FAR 1e-2; the same on all ranks."""
        vectors = torch.zeros(len(self.source), embedder.dim)

        def store(place: int, emb_nD: np.ndarray) -> None:
            vectors[place : place + len(emb_nD)] = torch.from_numpy(emb_nD)

        embed(embedder, self.source, share(len(self.source)), "flip-sum", store)
        whole = comm.all_sum(vectors).numpy()  # other ranks' rows are zero here
        named = Embeddings(self.source.names, whole, {}, "validation")
        scores = np.einsum("nd,nd->n", named.unit(self.a), named.unit(self.b))
        accuracy = fold_accuracy(scores, self.pairs.same, self.pairs.fold).summary()
        figures = {"accuracy": accuracy["mean"], "std_error": accuracy["std_error"]}
        (point,) = tar_at_far(scores[self.pairs.same], scores[~self.pairs.same], [FAR])
        if point["resolvable"]:
            figures[f"tar_at_far_{FAR}"] = point["tar"]
        return figures
