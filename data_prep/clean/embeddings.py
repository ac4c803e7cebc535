"""Reading the embeddings that `python -m eval extract` wrote: `X.npy`, `X.txt`, `X.json`."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_prep.files import read_json


@dataclass(frozen=True)
class Embedded:
    """The embeddings of n images; the numbers stay on disk until they are used.

    Attributes:
        prefix: the path `X`.
        names: n image names.
        vectors: float32 [n, D], memory-mapped, of any length.
        meta: what `X.json` says.
    """

    prefix: str
    names: list[str]
    vectors: NDArray[np.float32]
    meta: dict[str, Any]

    def unit(self, rows: NDArray[np.intp] | slice) -> NDArray[np.float32]:
        """Rows scaled to length 1, float32 [m, D].

        Raises:
            ValueError: a row is zero, or has NaN or infinity; its image is named.
        """
        vectors = np.array(self.vectors[rows])
        length = np.linalg.norm(vectors, axis=1, keepdims=True)
        bad = np.flatnonzero(~(np.isfinite(length) & (length > 0)))
        if len(bad):
            row = int(np.arange(len(self.names))[rows][bad[0]])
            raise ValueError(
                f"{self.prefix}.npy, row {row}: the embedding of {self.names[row]!r} is zero or "
                "not finite; look at that image, or extract again"
            )
        vectors /= length
        return vectors

    def rows(self, wanted: Sequence[str], where: str) -> NDArray[np.intp]:
        """The row of each wanted image.

        Args:
            wanted: names of images.
            where: what they are the images of, for the message.

        Raises:
            ValueError: an image has no embedding.
        """
        if self.names == list(wanted):
            return np.arange(len(self.names))
        row_of = {name: row for row, name in enumerate(self.names)}
        missing = [name for name in wanted if name not in row_of]
        if missing:
            raise ValueError(
                f"{self.prefix}.txt: expected the images of {where}, {len(missing):,} are not "
                f"there, such as {missing[0]!r}; extract with --images of the same source"
            )
        return np.array([row_of[name] for name in wanted], dtype=np.intp)


def require_one_model(one: Embedded, other: Embedded) -> None:
    """Refuses embeddings that cannot be compared: of two models, or fused in two ways.

    Raises:
        ValueError: they differ in dimension, model or fusion; files without these notes pass.
    """
    for what, here, there in (
        ("embeddings of dimension", one.vectors.shape[1], other.vectors.shape[1]),
        ("the model of SHA-256", _model(one), _model(other)),
        ("the fusion", one.meta.get("fusion"), other.meta.get("fusion")),
    ):
        if here != there and None not in (here, there):
            raise ValueError(
                f"{other.prefix}: expected {what} {here} like {one.prefix}, found {there}; "
                "extract both with one model and the same settings"
            )


def _model(embedded: Embedded) -> str | None:
    model = embedded.meta.get("model")
    return str(model["sha256"])[:12] if isinstance(model, dict) and "sha256" in model else None


def read_embeddings(prefix: str | os.PathLike[str]) -> Embedded:
    """Opens `X.npy`, `X.txt` and `X.json`.

    Raises:
        ValueError: the three do not fit each other, or are something else.
        OSError: one of them is not there; without its .json, written last, a set is not whole.
    """
    text = os.fspath(prefix).removesuffix(".npy")
    npy, txt, note = (Path(f"{text}.{suffix}") for suffix in ("npy", "txt", "json"))
    if not note.exists():
        raise FileNotFoundError(
            f"{note}: not there; embeddings are X.npy, X.txt and X.json together, as "
            "`python -m eval extract` writes them"
        )
    meta = read_json(note)
    try:
        vectors = np.load(npy, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"{npy}: not a NumPy array file ({error}); extract again") from None
    if vectors.dtype != np.float32 or vectors.ndim != 2:
        raise ValueError(
            f"{npy}: expected float32 [n, D], found {vectors.dtype} {list(vectors.shape)}"
        )
    try:
        content = txt.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{txt}: expected UTF-8, byte {error.start} is not") from None
    names = content.removesuffix("\n").split("\n") if content else []
    if len(names) != len(vectors):
        raise ValueError(
            f"{txt}: {len(names):,} names for {len(vectors):,} embeddings; extract again"
        )
    if not isinstance(meta, dict):
        raise ValueError(f"{note}: expected an object; extract again")
    return Embedded(text, names, vectors, meta)
