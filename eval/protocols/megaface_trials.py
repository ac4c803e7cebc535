"""MegaFace's trials: each ordered pair of one person's probes among distractors.

Legend: `P` probes, `T` most mates of a probe, `t` trials, `S` distractor sizes, `n` distractors.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.metrics.folds import Bools, Floats, Ints
from eval.protocols.noise import Treatment
from eval.similarity import Duplicates, Found, Plan, Vectors, duplicates, genuine_pairs, score_pairs

Search = Callable[[Vectors, Vectors, Plan], Found]


@dataclass(frozen=True)
class Trials:
    """All (probe, mate) pairs; each unordered pair twice, one half of the arrays after the other.

    Attributes:
        probe_t: row of the probe.
        mate_t: row of the mate, which is in the gallery alone of its person.
        score_t: their score.
        slot_t: number of the trial among its probe's.
    """

    probe_t: Ints
    mate_t: Ints
    score_t: Floats
    slot_t: Ints

    @staticmethod
    def of(probes: Vectors, person_P: Ints) -> "Trials":
        """All trials of the probes.

        Raises:
            ValueError: no person has two.
        """
        i, j = genuine_pairs(person_P)
        if not len(i):
            raise ValueError(
                f"{probes.where}: no person has two probes, so there is nothing to find; look at "
                "the probe list's id, or at the folders"
            )
        score = score_pairs(probes, probes, i, j)
        probe, mate = np.concatenate([i, j]), np.concatenate([j, i])
        order = np.argsort(probe, kind="stable")
        counts = np.bincount(probe, minlength=len(probes))
        slot = np.empty_like(probe)
        slot[order] = np.arange(len(probe)) - np.repeat(np.cumsum(counts) - counts, counts)
        return Trials(probe, mate, np.concatenate([score, score]), slot)

    def thresholds(self, probes: int) -> Floats:
        """The mates' scores of each probe, [P, T], filled up with infinities."""
        table = np.full((probes, int(self.slot_t.max()) + 1), np.inf)
        table[self.probe_t, self.slot_t] = self.score_t
        return table

    @property
    def genuine(self) -> slice:
        """The trials that are each unordered pair once."""
        return slice(len(self.probe_t) // 2)


@dataclass(frozen=True)
class Ahead:
    """How the distractors of one size compare with the mates.

    Attributes:
        distractors: as the list has them.
        compared: of them, those that are compared.
        above_t: of each trial, distractors of greater score than the mate.
        equal_t: of equal score.
    """

    distractors: int
    compared: int
    above_t: Ints
    equal_t: Ints


@dataclass(frozen=True)
class Impostors:
    """Scores of probe and distractor.

    Attributes:
        count: of all pairs, scored or not.
        falling: the largest scores, falling.
    """

    count: int
    falling: Floats


@dataclass(frozen=True)
class Compared:
    """One list of distractors against the probes.

    Attributes:
        ahead: of each size.
        impostors: with all probes, noisy ones replaced.
        clean: without noisy ones; None where none is noisy.
        repeats: embeddings that come twice among clean probes and distractors.
    """

    ahead: list[Ahead]
    impostors: Impostors
    clean: Impostors | None
    repeats: Duplicates


@dataclass(frozen=True)
class Distractors:
    """A list of distractors.

    Attributes:
        array: embeddings, these and perhaps more.
        row_n: row of each.
        noisy_n: which are noisy.
        names: image of each row of the array.
        where: where the embeddings come from.
    """

    array: NDArray[np.float32]
    row_n: NDArray[np.intp]
    noisy_n: Bools
    names: Sequence[str]
    where: str


def compare(
    probes: Vectors,
    noisy_P: Bools,
    trials: Trials,
    distractors: Distractors,
    sizes: Sequence[int],
    tail: int,
    treatment: Treatment | None,
    search: Search,
) -> Compared:
    """Counts the distractors ahead of each mate and keeps the largest impostor scores.

    Args:
        probes: P embeddings, noisy ones replaced.
        noisy_P: which were.
        trials: of them.
        distractors: in the order of their list.
        sizes: how many of the first distractors to look at, rising; the last is all.
        tail: how many impostor scores to keep.
        treatment: of noisy distractors; None where no list was given.
        search: `eval.similarity.search` with its settings.

    Raises:
        ValueError: all distractors are noisy, or embeddings that do not fit.
    """
    kept = ~distractors.noisy_n
    if not kept.any():
        raise ValueError(f"{distractors.where}: the noise list names all distractors")
    gallery = Vectors(
        distractors.array,
        distractors.where,
        rows=distractors.row_n[kept],
        names=distractors.names,
    )
    compared = np.cumsum(kept)[np.array(sizes) - 1]
    plan = Plan(
        tail=tail,
        above=trials.thresholds(len(probes)),
        sizes=tuple(int(size) for size in np.unique(compared[compared > 0])),
    )
    clean, rest = np.flatnonzero(~noisy_P), np.flatnonzero(noisy_P)
    parts = [(rows, _part(probes, rows, gallery, plan, search)) for rows in (clean, rest)]
    zero = treatment is not None and treatment.distractors == "zero"
    ahead = []
    for size, count in zip(sizes, compared):
        above, equal = _counts(parts, trials, plan.sizes, int(count))
        if zero:
            above += (size - count) * (trials.score_t < 0)
            equal += (size - count) * (trials.score_t == 0)
        ahead.append(Ahead(size, size if zero else int(count), above, equal))
    counted = len(gallery) if treatment and treatment.distractors == "left out" else len(kept)
    zeros = len(kept) - len(gallery) if zero else 0
    tails = [
        _impostors([found for _, found in some if found], rows, counted, zeros, tail)
        for some, rows in ((parts, len(probes)), (parts[:1], len(clean)))
    ]
    shown = probes.some(clean)
    without_noisy = tails[1] if len(rest) and len(clean) else None
    return Compared(ahead, tails[0], without_noisy, duplicates(shown, gallery))


def _part(
    probes: Vectors, rows: NDArray[np.intp], gallery: Vectors, plan: Plan, search: Search
) -> Found | None:
    """The pass over some of the probes."""
    if not len(rows):
        return None
    assert plan.above is not None
    return search(
        probes.some(rows), gallery, Plan(tail=plan.tail, above=plan.above[rows], sizes=plan.sizes)
    )


def _counts(
    parts: Sequence[tuple[NDArray[np.intp], Found | None]],
    trials: Trials,
    sizes: tuple[int, ...],
    count: int,
) -> tuple[Ints, Ints]:
    """Distractors above and at each trial's score, among the first `count` compared, [t] each."""
    above, equal = (np.zeros(len(trials.probe_t), dtype=np.int64) for _ in range(2))
    if count == 0:
        return above, equal
    for rows, found in parts:
        if found is None or found.counts is None:
            continue
        mine = np.isin(trials.probe_t, rows)
        place = np.searchsorted(rows, trials.probe_t[mine]), trials.slot_t[mine]
        above[mine] = found.counts.above[sizes.index(count)][place]
        equal[mine] = found.counts.equal[sizes.index(count)][place]
    return above, equal


def _impostors(
    found: Sequence[Found], probes: int, distractors: int, zeros: int, tail: int
) -> Impostors:
    """Joins tails; `zeros` distractors score 0 with every probe."""
    scores = [one.tail.score for one in found if one.tail is not None]
    scores.append(np.zeros(min(zeros * probes, tail)))
    falling = 0.0 - np.sort(0.0 - np.concatenate(scores))[:tail]
    return Impostors(probes * distractors, falling)
