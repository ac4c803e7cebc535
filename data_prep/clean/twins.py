"""Which of several pictures of one photograph go: pure decisions on pairs, no pixels.

Of a person's images the first by name stays; one goes only if it is a twin of one that stays, so
that a chain of small changes does not take the far ends with it. A photograph under two people has
at least one wrong label: all its images go, or, where it is known how similar each is to its own
class, all but the best.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data_prep.clean.near import Pairs


@dataclass(frozen=True, slots=True)
class Likeness:
    """Two pictures of one photograph.

    Attributes:
        correlation: of the small grey pictures; None for the same bytes.
        mirrored: whether one is the other turned around.
    """

    correlation: float | None
    mirrored: bool = False

    def of(self, name: str) -> str:
        """In words, of the twin with that name."""
        if self.correlation is None:
            return f"the same file as {name}"
        kind = "the mirror image of" if self.mirrored else "the same photograph as"
        return f"{kind} {name} (correlation {self.correlation:.2f})"


SAME_FILE = Likeness(None)

Twins = dict[int, dict[int, Likeness]]
"""For a place its twins, both ways."""


@dataclass(frozen=True, slots=True)
class Gone:
    """An image that goes.

    Attributes:
        place: of the image.
        twin: the image that it repeats, or contradicts.
        likeness: of the two.
        others: how many more people have the photograph.
    """

    place: int
    twin: int
    likeness: Likeness
    others: int = 0


def as_twins(pairs: Pairs, correlation: NDArray[np.float32]) -> Twins:
    """Pairs with their correlations [m], looked up by place."""
    twins: Twins = defaultdict(dict)
    columns = (pairs.one, pairs.other, correlation, pairs.mirrored)
    for one, other, value, turned in zip(*(column.tolist() for column in columns)):
        twins[one][other] = twins[other][one] = Likeness(value, turned)
    return twins


def repeats(
    names: Sequence[str], label: NDArray[np.int64], photo: NDArray[np.int64], twins: Twins
) -> list[Gone]:
    """Images that repeat an earlier one, by name, of the same person.

    Args:
        names: n names.
        label: the person of each, int64 [n].
        photo: equal for images of the same bytes, int64 [n].
        twins: near pairs of one person.
    """
    counts = np.bincount(photo)
    suspects = np.flatnonzero(counts[photo] > 1).tolist()
    order = sorted({*suspects, *twins}, key=lambda place: names[place])
    staying: set[int] = set()
    first: dict[tuple[int, int], int] = {}
    gone = []
    for place in order:
        key = (int(label[place]), int(photo[place]))
        if key in first:
            gone.append(Gone(place, first[key], SAME_FILE))
            continue
        earlier = [twin for twin in twins.get(place, ()) if twin in staying]
        if earlier:
            twin = min(earlier, key=lambda other: names[other])
            gone.append(Gone(place, twin, twins[place][twin]))
        else:
            staying.add(place)
            first[key] = place
    return gone


def conflicts(
    names: Sequence[str],
    label: NDArray[np.int64],
    photo: NDArray[np.int64],
    twins: Twins,
    own: NDArray[np.float32] | None,
) -> list[Gone]:
    """Images whose photograph somebody else has too.

    Args:
        names: n names.
        label: the person of each, int64 [n].
        photo: equal for images of the same bytes, int64 [n].
        twins: near pairs of two people, each photo known by its first place.
        own: similarity of each to its own class; None if not known.
    """
    members: dict[int, list[int]] = defaultdict(list)
    for place in np.flatnonzero(_shared(photo, label, twins)).tolist():
        members[int(photo[place])].append(place)
    gone = []
    for places in members.values():
        near = twins.get(places[0], {})
        likeness = dict.fromkeys(places, SAME_FILE)
        for other, how in near.items():
            likeness.update(dict.fromkeys(members[int(photo[other])], how))
        # The rival of an image is the first here that shows somebody else: either the very first,
        # or, for that one's own person, the first of another.
        if own is None:
            everyone = sorted(likeness, key=lambda place: names[place])
        else:
            everyone = sorted(likeness, key=lambda place: (-own[place], names[place]))
        best = everyone[0]
        second = next((place for place in everyone if label[place] != label[best]), None)
        if second is None:
            continue
        others = len({int(label[place]) for place in everyone}) - 2
        for place in places:
            rival = second if label[place] == label[best] else best
            if own is None or own[place] <= own[rival]:
                how = likeness[rival] if rival not in places else SAME_FILE
                gone.append(Gone(place, rival, how, others))
    return gone


def _shared(photo: NDArray[np.int64], label: NDArray[np.int64], twins: Twins) -> NDArray[np.bool_]:
    """Images whose bytes two people have, or with a twin; and all of the same bytes as these."""
    lowest = np.full(int(photo.max()) + 1, np.iinfo(np.int64).max)
    highest = np.full(len(lowest), -1)
    np.minimum.at(lowest, photo, label)
    np.maximum.at(highest, photo, label)
    marked = lowest != highest
    marked[photo[list(twins)]] = True
    return marked[photo]
