"""A set of listed images for the large protocols: from X.npy, or from a devkit feature tree."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.embeddings import Embeddings, load
from eval.features.lists import ImageList, read_list
from eval.features.tree import read_tree
from eval.protocols.base import embeddings_facts
from eval.protocols.pairs import folder_of, sha256_of


@dataclass(frozen=True)
class ImageSet:
    """n images of a list, in its order.

    Attributes:
        embeddings: these and perhaps more.
        row_n: row of each.
        names: name of each as the list has it.
        people: person of each: the list's `id`, or the folder.
        facts: what was read, for a result.
    """

    embeddings: Embeddings
    row_n: NDArray[np.intp]
    names: list[str]
    people: list[str]
    facts: dict[str, Any]


def open_sets(source: str, lists: Sequence[str], algorithm: str | None) -> list[ImageSet]:
    """Opens `source` once for each list, or once with all its images where there is no list.

    Args:
        source: X of X.npy, or a folder of `<image>_<algorithm>.bin`, which needs a list.
        lists: see `read_list`.
        algorithm: part of the names of feature files.

    Raises:
        ValueError: a bad list or feature, or an image that has none; list and line are named.
        OSError: a file that is missing or cannot be read.
    """
    if Path(source).is_dir():
        if not lists or algorithm is None:
            raise ValueError(
                f"{source}: a folder of feature files needs its list and --algorithm, the NAME of "
                "<image>_NAME.bin; or give X of X.npy"
            )
        return [_from_tree(source, read_list(path), algorithm) for path in lists]
    embeddings = load(source)
    facts = embeddings_facts(embeddings)
    if not lists:
        names = embeddings.names
        people = [folder_of(name) for name in names]
        return [ImageSet(embeddings, np.arange(len(names)), names, people, facts)]
    return [_listed(embeddings, read_list(path), facts) for path in lists]


def _from_tree(folder: str, images: ImageList, algorithm: str) -> ImageSet:
    vectors = read_tree(folder, images, algorithm)
    embeddings = Embeddings(images.names, vectors, {}, folder)
    facts = {"path": folder, "algorithm": algorithm, "count": len(vectors)}
    return _listed(embeddings, images, {**facts, "dim": vectors.shape[1], "command": None})


def _listed(embeddings: Embeddings, images: ImageList, facts: dict[str, Any]) -> ImageSet:
    row_n = embeddings.rows(images.names, images.path, images.lines)
    people = images.people or [folder_of(name) for name in images.names]
    about = {"path": images.path, "sha256": sha256_of(images.path), "images": len(images.names)}
    return ImageSet(embeddings, row_n, images.names, people, {**facts, "list": about})
