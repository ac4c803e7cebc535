"""A MegaFace run: from options to figures."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_prep.embeddings import require_one_model
from eval.embeddings import unit_rows
from eval.metrics.folds import Bools, Ints
from eval.metrics.tail import enough
from eval.protocols.devkit import ImageSet, open_sets
from eval.protocols.megaface_figures import figures
from eval.protocols.megaface_trials import Compared, Distractors, Trials, compare
from eval.protocols.noise import (
    TREATMENTS,
    Treatment,
    facescrub_key,
    megaface_key,
    noisy,
    replacements,
)
from eval.protocols.pairs import sha256_of
from eval.similarity import Duplicates, Vectors, search
from models import comm


@dataclass(frozen=True)
class Judged:
    """What a run found.

    Attributes:
        version: `raw`, or which lists were used and how.
        figures: see `megaface_figures.figures`, and `dropped`, the same without noisy probes.
        about: data, model, notes.
    """

    version: str
    figures: dict[str, Any]
    about: dict[str, Any]


@dataclass(frozen=True)
class Probes:
    """P probes that count.

    Attributes:
        vectors: noisy ones replaced.
        person_P: number of each one's person.
        noisy_P: which were noisy.
        left_out: probes of people who have no clean one.
    """

    vectors: Vectors
    person_P: Ints
    noisy_P: Bools
    left_out: int


def judged(args: argparse.Namespace) -> Judged:
    """Does what the options of `megaface` say; every rank gets the same.

    Raises:
        ValueError, OSError: bad input.
    """
    treatment = TREATMENTS[args.noise] if args.probe_noises or args.distractor_noises else None
    lists = [args.probe_list] if args.probe_list else []
    probe_set = open_sets(args.probes, lists, args.algorithm)[0]
    probes = _probes(probe_set, args, treatment)
    sets = open_sets(args.distractors, args.distractor_list, args.algorithm)
    require_one_model(probe_set.embeddings, sets[0].embeddings)
    sets.sort(key=lambda one: len(one.names))
    noisy_of = _noisy_distractors(sets, args.distractor_noises)
    if len(sets) > 1 and args.sizes:
        raise ValueError("--sizes: several lists of distractors have their own sizes; leave it out")
    trials = Trials.of(probes.vectors, probes.person_P)
    compared = [
        _compared(one, noisy_n, probes, trials, args, treatment)
        for one, noisy_n in zip(sets, noisy_of)
    ]
    person_t = probes.person_P[trials.probe_t]
    ahead = [each for one in compared for each in one.ahead]
    whole = compared[-1]
    every = np.ones(len(trials.probe_t), dtype=bool)
    found = figures(trials, every, ahead, whole.impostors, person_t, args.rank, args.far)
    found["counts"]["probes"] = len(probes.vectors)
    found["counts"]["noisy_probes"] = int(probes.noisy_P.sum())
    found["counts"]["noisy_distractors"] = int(noisy_of[-1].sum())
    found["dropped"] = None
    if treatment and treatment.dropped and whole.clean is not None:
        clean = ~(probes.noisy_P[trials.probe_t] | probes.noisy_P[trials.mate_t])
        found["dropped"] = figures(trials, clean, ahead, whole.clean, person_t, args.rank, args.far)
        found["dropped"]["counts"]["probes"] = int((~probes.noisy_P).sum())
    about = _about(args, probe_set, sets, probes, treatment, whole.repeats)
    return Judged(_version(args), found, about)


def sizes_of(asked: list[int] | None, count: int) -> list[int]:
    """The sizes asked for, or 10, 100 and so on; and the whole, last.

    Raises:
        ValueError: a size that is not there.
    """
    wanted = [10**power for power in range(1, 10)] if asked is None else asked
    bad = [] if asked is None else [size for size in asked if not 1 <= size <= count]
    if bad:
        raise ValueError(
            f"--sizes {bad[0]}: there are {count:,} distractors; give sizes up to {count}"
        )
    return sorted({size for size in wanted if size < count} | {count})


def _probes(listed: ImageSet, args: argparse.Namespace, treatment: Treatment | None) -> Probes:
    """The probes, those on the noise list replaced; people without a clean one are left out."""
    person_n = np.unique(listed.people, return_inverse=True)[1].astype(np.int64)
    noisy_n = np.zeros(len(person_n), dtype=bool)
    if args.probe_noises:
        noisy_n = noisy(args.probe_noises, listed.names, facescrub_key, "probes")
    kept = np.isin(person_n, person_n[~noisy_n])
    if not kept.any():
        raise ValueError(f"{args.probe_noises}: names all probes, so that none is left to judge")
    where = listed.embeddings.prefix
    names = [listed.names[place] for place in np.flatnonzero(kept)]
    vectors = listed.embeddings.vectors[listed.row_n[kept]]
    person, noise = person_n[kept], noisy_n[kept]
    if treatment and noise.any():
        clean = np.flatnonzero(~noise)
        unit = np.zeros(vectors.shape)
        unit[clean] = unit_rows(vectors[clean], [names[place] for place in clean], where)
        vectors[noise] = replacements(unit, person, noise, treatment.jitter, args.seed)
    return Probes(Vectors(vectors, where, names=names), person, noise, int((~kept).sum()))


def _noisy_distractors(sets: Sequence[ImageSet], path: str | None) -> list[Bools]:
    if path is None:
        return [np.zeros(len(one.names), dtype=bool) for one in sets]
    names = [name for one in sets for name in one.names]
    found = noisy(path, names, megaface_key, "distractors")
    return np.split(found, np.cumsum([len(one.names) for one in sets])[:-1])


def _compared(
    one: ImageSet,
    noisy_n: NDArray[np.bool_],
    probes: Probes,
    trials: Trials,
    args: argparse.Namespace,
    treatment: Treatment | None,
) -> Compared:
    count = len(one.names)
    several = len(args.distractor_list) > 1
    return compare(
        probes.vectors,
        probes.noisy_P,
        trials,
        Distractors(
            one.embeddings.vectors,
            one.row_n,
            noisy_n,
            one.embeddings.names,
            one.embeddings.prefix,
        ),
        [count] if several else sizes_of(args.sizes, count),
        enough(args.far, len(probes.vectors) * count),
        treatment,
        partial(search, device=comm.pick_device(args.device), state=args.state),
    )


def _version(args: argparse.Namespace) -> str:
    lists = [
        name
        for name, path in (
            ("probes", args.probe_noises),
            ("distractors", args.distractor_noises),
        )
        if path
    ]
    return f"refined as {args.noise} ({' and '.join(lists)})" if lists else "raw"


def _about(
    args: argparse.Namespace,
    probe_set: ImageSet,
    sets: Sequence[ImageSet],
    probes: Probes,
    treatment: Treatment | None,
    repeats: Duplicates,
) -> dict[str, Any]:
    meta = probe_set.embeddings.meta
    noises = {
        side: None if path is None else {"path": path, "sha256": sha256_of(path)}
        for side, path in (("probes", args.probe_noises), ("distractors", args.distractor_noises))
    }
    return {
        "data": {
            "embeddings": probe_set.facts,
            "distractors": [one.facts for one in sets],
            "noise": {"treatment": args.noise, "seed": args.seed, **noises} if treatment else None,
            "duplicates": repeats.fact(),
            "images": meta.get("images"),
            "fusion": meta.get("fusion"),
            "transform": meta.get("transform"),
        },
        "model": meta.get("model"),
        "notes": [*_notes(probe_set, probes, treatment), *repeats.notes()],
    }


def _notes(probe_set: ImageSet, probes: Probes, treatment: Treatment | None) -> list[str]:
    notes = [
        "Rank k: fewer than k distractors score as high as the mate, so ties count against the "
        'model; "favourable" counts only distractors that score higher. Each ordered pair of one '
        "person's probes is a trial, the person's other probes are not in the gallery. Intervals "
        "of rank 1 draw people anew.",
        "TAR@FAR: genuine pairs are all of one person's probes, impostor pairs all of probe and "
        "distractor, exactly; the threshold lets at most floor(FAR x impostors) through. Intervals "
        "are Clopper-Pearson, 95 %, pairs taken as independent.",
        "Raw: no noise list was used. Do not compare with refined figures."
        if treatment is None
        else f"Refined: noise lists were used. Do not compare with raw figures. {treatment.note}",
    ]
    if probes.left_out:
        notes.append(
            f"{probes.left_out:,} noisy probes are of people without a clean one, and left out."
        )
    if len(probe_set.names) != 3530:
        notes.append(
            f"There are {len(probe_set.names):,} probes, the devkit's list has 3,530: the figures "
            "do not compare with published ones."
        )
    return notes
