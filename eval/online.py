"""Verification of a backbone while it trains: ranks share the images, all have the figures.

n: images that a list names. D: embedding dimension.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from data_prep.dataset import ImageSource, open_images
from eval.embed import embed_spans
from eval.embedders import Embedder
from eval.embeddings import Embeddings
from eval.metrics.folds import fold_accuracy
from eval.metrics.roc import tar_at_far
from eval.protocols.pairs import PairList
from eval.protocols.verification import pair_protocol
from models import comm

FAR = "1e-2"


@dataclass(frozen=True, kw_only=True)
class Listed:
    """One set to verify on.

    Attributes:
        images: folder of aligned crops, record prefix or verification .bin.
        pairs: pair list of that protocol, or a verification .bin, which has its own.
        protocol: a row of eval.protocols.PROTOCOLS.
    """

    images: str
    pairs: str
    protocol: str = "lfw"

    @property
    def stem(self) -> str:
        """File name of the list, without its suffix: `cfp_fp` of cfp_fp.bin."""
        return Path(self.pairs).stem


class OnlineVerification:
    """Pair lists and their images, opened once, embedded anew at each call.

    Only images that a list names are embedded; those of several lists over the same images once.
    They are cut into batches that do not depend on the number of ranks, and each rank takes its
    share of the batches: the same backbone has the same figures to the last bit on any number.
    """

    def __init__(self, sets: Sequence[Listed], device: torch.device | None = None) -> None:
        """Opens and checks.

        Args:
            sets: at least one.
            device: that collectives work on; None for the CPU.

        Raises:
            ValueError: a bad list, one that names an image that is not there (line number), or two
                sets of one name.
            OSError: a file is missing.
        """
        self.device = device or torch.device("cpu")
        names = _names_of(sets)
        opened = {one.images: open_images(one.images) for one in sets}
        self._groups = [
            _Group(source, {n: one for n, one in zip(names, sets) if one.images == images})
            for images, source in opened.items()
        ]
        self._names = names

    def __call__(self, embedder: Embedder) -> dict[str, float]:
        """Figures by name, the same on all ranks; called by all of them.

        Of each set the accuracy over its folds, its standard error, and TAR at FAR 1e-2 where there
        are impostors enough. Those of several sets are called `lfw/accuracy` and so on, and
        `accuracy` is then the mean over them.
        """
        found: dict[str, dict[str, float]] = {}
        for group in self._groups:
            found |= group.figures(embedder, self.device)
        if len(found) == 1:
            return found[self._names[0]]
        figures = {f"{name}/{key}": v for name in self._names for key, v in found[name].items()}
        mean = float(np.mean([found[name]["accuracy"] for name in self._names]))
        return {"accuracy": mean, **figures}


class _Group(ImageSource):
    """Those images of a source that some lists name, and these lists."""

    def __init__(self, source: ImageSource, sets: dict[str, Listed]) -> None:
        nothing = np.zeros((len(source), 0), dtype=np.float32)
        every = Embeddings(source.names, nothing, {}, next(iter(sets.values())).images)
        lists: dict[str, tuple[PairList, NDArray[np.intp], NDArray[np.intp]]] = {}
        for name, one in sets.items():
            pairs = pair_protocol(one.protocol).parse(Path(one.pairs))
            a, b = (every.rows(side, one.pairs, pairs.lines) for side in (pairs.a, pairs.b))
            lists[name] = pairs, a, b
        self.source = source
        self.rows_n = np.unique(np.concatenate([rows for _, *ab in lists.values() for rows in ab]))
        self.names = [source.names[row] for row in self.rows_n]
        self.lists = {
            name: (pairs, np.searchsorted(self.rows_n, a), np.searchsorted(self.rows_n, b))
            for name, (pairs, a, b) in lists.items()
        }

    def encoded(self, i: int) -> bytes:
        return self.source.encoded(int(self.rows_n[i]))

    def where(self, i: int) -> str:
        return self.source.where(int(self.rows_n[i]))

    def figures(self, embedder: Embedder, device: torch.device) -> dict[str, dict[str, float]]:
        """Figures of each list."""
        named = Embeddings(self.names, self._embedded(embedder, device), {}, "validation")
        found = {}
        for name, (pairs, a, b) in self.lists.items():
            scores = np.einsum("nd,nd->n", named.unit(a), named.unit(b))
            accuracy = fold_accuracy(scores, pairs.same, pairs.fold).summary()
            found[name] = {"accuracy": accuracy["mean"], "std_error": accuracy["std_error"]}
            (point,) = tar_at_far(scores[pairs.same], scores[~pairs.same], [FAR])
            if point["resolvable"]:
                found[name][f"tar_at_far_{FAR}"] = point["tar"]
        return found

    def _embedded(self, embedder: Embedder, device: torch.device) -> NDArray[np.float32]:
        """[n, D] on all ranks, each of which embeds as many batches as the others, or fewer."""
        batch = max(embedder.batch, 32)
        each = -(-len(self) // (batch * comm.world_size())) * batch  # whole batches
        first = comm.rank() * each
        last = min(first + each, len(self))
        spans = [range(low, min(low + batch, last)) for low in range(first, last, batch)]
        mine = torch.zeros(each, embedder.dim)

        def store(place: int, emb_nD: np.ndarray) -> None:
            mine[place - first : place - first + len(emb_nD)] = torch.from_numpy(emb_nD)

        title = "verify" if comm.rank() == 0 else None
        embed_spans(embedder, self, spans, "flip-sum", store, progress=title)
        whole: NDArray[np.float32] = comm.gather_rows(mine.to(device)).cpu().numpy()
        return whole[: len(self)]


def _names_of(sets: Sequence[Listed]) -> list[str]:
    """What each set is called: its protocol, or its list where that is a .bin or tells more.

    Raises:
        ValueError: two lists of one name.
    """
    by_protocol = [one.stem if one.pairs.endswith(".bin") else one.protocol for one in sets]
    for names in (by_protocol, [one.stem for one in sets]):
        if len(set(names)) == len(names):
            return names
    twice = next(one for place, one in enumerate(sets) if names.index(one.stem) != place)
    raise ValueError(
        f"validation.pairs: expected lists of different file names, {twice.pairs} has another's; "
        "rename it, since figures go by these names"
    )
