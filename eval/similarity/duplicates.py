"""Rows that repeat another byte for byte, within a set or from one set to the next.

They are legal and tie exactly, but a protocol tells of them: an image that is both probe and
distractor, or twice among its person's, spoils a figure.

Legend: `n` rows of all sets, `m` repeats, `D` numbers in an embedding.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.similarity.vectors import BLOCK, Vectors, check_dims

_TOLD = 10  # repeats that are named


@dataclass(frozen=True)
class Duplicates:
    """Rows equal to an earlier one; sets come in their order, rows are those of a selection.

    Attributes:
        sets: those that were looked through.
        at_m4: set and row of each, and set and row of the first like it, int64 [m, 4].
    """

    sets: tuple[Vectors, ...]
    at_m4: NDArray[np.int64]

    def fact(self) -> dict[str, Any]:
        """`count`, and the first of them by file, row and name, for the `data` of a result."""
        told = [
            f"{self.sets[a].place(i)} repeats {self.sets[b].place(j)}"
            for a, i, b, j in self.at_m4[:_TOLD].tolist()
        ]
        return {"count": len(self.at_m4), "first": told}

    def notes(self) -> list[str]:
        """A sentence for a result's notes, if there are any."""
        if not len(self.at_m4):
            return []
        return [
            f"{len(self.at_m4):,} embeddings repeat another byte for byte (data.duplicates names "
            "the first): one image twice, or a damaged extraction. They are judged as they stand; "
            "take them off the list if they should not be there."
        ]


def duplicates(*sets: Vectors) -> Duplicates:
    """Finds them by a hash of each row and then by all bytes.

    Raises:
        ValueError: sets of different dimension.
    """
    for other in sets[1:]:
        check_dims(sets[0], other)
    random = np.random.default_rng(0)
    key = random.integers(2**63, size=sets[0].dim, dtype=np.uint64) | np.ones((), dtype=np.uint64)
    sum_n = np.concatenate([_sums(one, key) for one in sets])
    start = np.concatenate([[0], np.cumsum([len(one) for one in sets])])
    order = np.argsort(sum_n, kind="stable")
    same = np.flatnonzero(np.diff(sum_n[order]) == 0)
    first_with: dict[bytes, tuple[int, int]] = {}
    found = []
    for index in np.unique(np.concatenate([order[same], order[same + 1]])).tolist():
        one = int(np.searchsorted(start, index, side="right")) - 1
        place = one, index - int(start[one])
        first = first_with.setdefault(sets[one].take(np.array([place[1]])).tobytes(), place)
        if first != place:
            found.append((*place, *first))
    return Duplicates(sets, np.array(found, dtype=np.int64).reshape(-1, 4))


def _sums(vectors: Vectors, key: Any) -> NDArray[np.uint64]:
    sums = np.empty(len(vectors), dtype=np.uint64)
    for part in vectors.parts(BLOCK, "looking for duplicates"):
        bits = np.ascontiguousarray(vectors.block(part)).view(np.uint32)
        sums[part] = bits.astype(np.uint64) @ key
    return sums
