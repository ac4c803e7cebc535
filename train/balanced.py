"""Orders of samples that do not simply follow the data: balanced over people, mixed from sets.

Each is a function of (seed, step). A stream gives a set's samples from a position of an endless
sequence on; a batch takes the same number from each set's stream, so a step's positions are known
without those before it.
"""

from collections.abc import Callable, Sequence

import numpy as np

from train.sampler import Order, Permutations, global_batch
from train.shuffle import mixed, shuffled

Stream = Callable[[int, int], np.ndarray]
"""(start, count) to the places of `count` units from unit `start` on; a unit is an image, or the
images of one person."""

_MIXING = (0, 1)


def build_order(
    labels: np.ndarray,
    groups: Sequence[range],
    *,
    sampler: str,
    batch: int,
    images: int,
    weights: Sequence[float],
    seed: int,
) -> Order:
    """The order of a run.

    Args:
        labels: of all images, int64 [n].
        groups: the images of each set.
        sampler: `shuffled`: permutations of all images. `class_balanced`: every person once a
            round, each time the next of their images in an order drawn for them, so that after as
            many rounds as they have images each came once. `identity_balanced`: P different people
            a batch with `images` different images each (some again where one has fewer); a round
            has every person once but for the last C mod P of it, others in each.
        batch: images a step.
        images: of a person in a batch, for `identity_balanced`.
        weights: shares of the samples of each set, rounded to whole samples (or people) of a
            batch; empty for one order over all of them.
        seed: of the run.

    Raises:
        ValueError: the batch cannot be made so; names the settings.
    """
    each = images if sampler == "identity_balanced" else 1
    if batch % each:
        raise ValueError(
            f"batch: expected a multiple of data.identity_images ({each}), got {batch}"
        )
    if sampler == "shuffled" and not weights:
        return lambda step: global_batch(step, size=len(labels), batch=batch, seed=seed)
    if not weights:
        groups = [range(len(labels))]
    counts = composition(weights or [1.0], batch // each)
    streams = []
    for number, (group, count) in enumerate(zip(groups, counts)):
        salt = number + 1
        if sampler == "shuffled":
            inner: Stream = Permutations(len(group), seed, salt)
        elif sampler == "class_balanced":
            inner = ClassBalanced(labels[group.start : group.stop], seed, salt)
        else:
            inner = IdentityBalanced(labels[group.start : group.stop], count, images, seed, salt)
        streams.append(_moved(inner, group.start))
    return Mixture(streams, counts, each, seed)


def composition(weights: Sequence[float], units: int) -> list[int]:
    """How many of a batch's units each set has: shares of `units`, the largest remainders up.

    Raises:
        ValueError: a set would have none.
    """
    shares = np.asarray(weights, np.float64) / sum(weights) * units
    counts = np.floor(shares).astype(int)
    most = np.argsort(counts - shares, kind="stable")[: units - counts.sum()]
    counts[most] += 1
    if (counts == 0).any():
        raise ValueError(
            f"data.weights: expected every set to have a share in a batch, {list(weights)} of "
            f"{units} are {counts.tolist()}; raise the smallest weight, or the batch"
        )
    return [int(count) for count in counts]


class Mixture:
    """Batches with a fixed number of units of each stream, in an order drawn for the step."""

    def __init__(
        self, streams: Sequence[Stream], counts: Sequence[int], each: int, seed: int
    ) -> None:
        """`each`: images of a unit; they stay together."""
        self.streams, self.counts, self.each, self.seed = streams, counts, each, seed

    def __call__(self, step: int) -> np.ndarray:
        """Places of the step's samples, int64 [batch]."""
        parts = [draw(step * count, count) for draw, count in zip(self.streams, self.counts)]
        units = np.concatenate(parts).reshape(-1, self.each)
        if len(parts) > 1:
            units = np.random.default_rng([self.seed, step, *_MIXING]).permutation(units)
        return units.ravel()


class ClassBalanced:
    """A stream with every person once a round; a unit is an image."""

    def __init__(self, labels: np.ndarray, seed: int, salt: int) -> None:
        """`salt` tells the streams of one run apart."""
        self.people = _People(labels, seed, salt)
        self.rounds = Permutations(len(self.people), seed, salt)

    def __call__(self, start: int, count: int) -> np.ndarray:
        """Places of the images, int64 [count]."""
        visits = np.arange(start, start + count) // len(self.people)
        return self.people.images(self.rounds(start, count), visits, 1)


class IdentityBalanced:
    """A stream of people who are all different within a batch; a unit is a person's images."""

    def __init__(self, labels: np.ndarray, people: int, images: int, seed: int, salt: int) -> None:
        """`people` and `images` of each make this set's part of a batch.

        Raises:
            ValueError: there are fewer people.
        """
        self.people, self.images = _People(labels, seed, salt), images
        self.rounds = Permutations(len(self.people), seed, salt)
        self.used = len(self.people) // people * people
        if not self.used:
            raise ValueError(
                f"batch: expected at most {len(self.people)} people x {images} images (data."
                f"identity_images), as many as there are in the records, got {people} people; "
                "lower batch or raise data.identity_images"
            )

    def __call__(self, start: int, count: int) -> np.ndarray:
        """Places of the images, int64 [count * images]; whole parts of a batch only."""
        visit, inside = divmod(start, self.used)
        chosen = self.rounds(visit * len(self.people) + inside, count)
        return self.people.images(chosen, np.full(count, visit), self.images)


class _People:
    """The images of each person who has any."""

    def __init__(self, labels: np.ndarray, seed: int, salt: int) -> None:
        self.places = np.argsort(labels, kind="stable")
        self.starts = np.flatnonzero(np.diff(labels[self.places], prepend=-1))
        self.counts = np.diff(self.starts, append=len(labels))
        self.seed, self.salt = seed, salt

    def __len__(self) -> int:
        return len(self.counts)

    def images(self, people: np.ndarray, visits: np.ndarray, each: int) -> np.ndarray:
        """`each` images at each visit of a person, int64 [visits * each].

        A person's images are permuted; a visit takes the next `each` of them, and when fewer are
        left they are permuted anew. Who has too few shows all of them before any comes again.
        """
        people, visits = people[:, None], visits[:, None]
        counts = self.counts[people]
        cycle, turn = np.divmod(visits, np.maximum(counts // each, 1))
        lap, inside = np.divmod(turn * each + np.arange(each), counts)
        keys = mixed(self.seed, self.salt, people, cycle, lap)
        found = shuffled(inside, np.broadcast_to(counts, inside.shape), keys)
        return self.places[self.starts[people] + found].ravel()


def _moved(stream: Stream, by: int) -> Stream:
    return lambda start, count: stream(start, count) + by
