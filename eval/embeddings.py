"""Embeddings between extraction and judging; `data_prep.embeddings` reads what is written here.

Legend: `n` images, `m` rows, `D` numbers in one embedding.
"""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_prep.embeddings import (
    SCHEMA,
    Embeddings,
    check_finite,
    check_names,
    checked_array,
    load,
    paths,
    scaled,
)
from data_prep.files import read_json, write_json, write_text, written_aside

__all__ = ["SCHEMA", "Embeddings", "load", "paths", "require_replaceable", "save", "unit_rows"]


_OURS = {"count", "names_sha256"}
"""What the notes of embeddings have, and those of models do not: `save`'s and `extract`'s."""


def unit_rows(vectors_mD: NDArray[Any], names: Sequence[str], where: str) -> NDArray[np.float64]:
    """Each row divided by its Euclidean length, in float64.

    Raises:
        ValueError: a row is zero; the message names its image instead of handing on NaN.
    """
    return scaled(vectors_mD, lambda place: f"{where}: the embedding of {names[place]!r}")


def require_replaceable(prefix: str | os.PathLike[str]) -> None:
    """Refuses to write X where a file of something else is there: a model's, a list, a result.

    Raises:
        ValueError: X.json is not of embeddings, or X.txt stands alone.
    """
    npy, txt, note = paths(prefix)
    if note.is_file():
        about = read_json(note)
        if not isinstance(about, dict) or not ("dim" in about and about.keys() & _OURS):
            raise ValueError(f"{note}: is there and not of embeddings; choose another --out")
    elif txt.is_file() and not npy.is_file():  # X.npy is written before X.txt
        raise ValueError(f"{txt}: is there and not of embeddings; choose another --out")


def save(
    prefix: str | os.PathLike[str],
    names: Sequence[str],
    vectors: NDArray[np.float32],
    meta: dict[str, Any],
) -> None:
    """Writes `prefix`.npy, .txt and .json.

    The .json goes last and an older one goes first, so that a set cut short is seen as such.

    Args:
        prefix: path without suffix.
        names: n image names, no two alike, each one line.
        vectors: float32 [n, D].
        meta: the content of the .json; `schema`, `dim` and `count` are added.

    Raises:
        ValueError: names and vectors do not fit each other, a number is not finite, or there is a
            .json of something else.
    """
    npy, txt, note = paths(prefix)
    require_replaceable(prefix)
    vectors = checked_array(vectors, str(npy))
    check_names(names, len(vectors), str(txt))
    check_finite(vectors, names, str(npy))
    note.unlink(missing_ok=True)
    with written_aside(npy) as aside, aside.open("wb") as file:
        np.save(file, vectors, allow_pickle=False)
    write_text(txt, "".join(f"{name}\n" for name in names))
    write_json(note, {**meta, "schema": SCHEMA, "dim": vectors.shape[1], "count": len(names)})
