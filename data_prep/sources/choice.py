"""Who of a source is packed, and in what order; and what the manifest says of it."""

from collections.abc import Iterable, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.drops import read_drops
from data_prep.files import sha256_file
from data_prep.sources.folders import leave_out, listed, read_names
from data_prep.sources.people import People, Person


def without_excluded(source: People, names_file: Path) -> tuple[list[Person], dict[str, Any]]:
    """The people whom a list of names does not name, and the account of the others.

    Raises:
        ValueError: nobody is left, or the list is no text.
        OSError: the list cannot be read.
    """
    kept, strangers = leave_out(source.people, read_names(names_file))
    staying = {person.name for person in kept}
    account = {
        "list_sha256": sha256_file(names_file),
        "people": sorted(person.name for person in source.people if person.name not in staying),
        "names_without_folder": strangers,
    }
    if not kept:
        raise ValueError(f"{names_file}: leaves nobody of {source.title}; check the list")
    return kept, account


def without_dropped(
    source: People, people: Sequence[Person], lists: Sequence[Path]
) -> tuple[list[Person], dict[str, Any]]:
    """The people without the images and people of drop lists, and the account of these.

    The account is the manifest's: `dropped`, what the lists name; `dropped_images`, how many images
    that leaves out, each counted once: with a person, or else by name.

    Args:
        source: where the lists' names must be.
        people: those of the source who are to be packed.
        lists: files that `data_prep.drops` reads.

    Raises:
        ValueError: a list names an image that the source does not have, or leaves nobody.
        OSError: a list cannot be read.
    """
    images: dict[str, str] = {}
    persons: dict[str, str] = {}
    files = []
    for path in lists:
        drops = read_drops(path)
        files.append({"list": path.name, "sha256": sha256_file(path)})
        _require_images(source, drops.images, path)
        _add(images, drops.images)
        _add(persons, drops.people)
    present = {person.name for person in source.people}
    account = {
        "lists": files,
        "images": [{"image": name, "reason": images[name]} for name in sorted(images)],
        "people": [
            {"person": name, "reason": persons[name]} for name in sorted(persons) if name in present
        ],
        "unknown_people": sorted(set(persons) - present),
    }
    kept = []
    counts = {"of_people": 0, "by_name": 0}
    for person in people:
        if person.name in persons:
            counts["of_people"] += len(person.images)
            continue
        left = tuple(name for name in person.images if name not in images)
        counts["by_name"] += len(person.images) - len(left)
        if left:
            kept.append(Person(person.name, left))
    if not kept:
        raise ValueError(f"{lists[-1]}: leaves nobody of {source.title}; check the list")
    return kept, {"dropped": account, "dropped_images": counts}


def shuffled(people: Iterable[Person], seed: int) -> list[Person]:
    """The same people, the images of each in an order drawn from `seed`.

    Raises:
        ValueError: the seed is negative.
    """
    if seed < 0:
        raise ValueError(f"--shuffle: expected a seed of at least 0, found {seed}")
    draw = np.random.default_rng(seed)
    return [
        Person(person.name, tuple(person.images[i] for i in draw.permutation(len(person.images))))
        for person in people
    ]


def share_of(people: Sequence[Person], rank: int, ranks: int) -> Sequence[Person]:
    """The part of the people that one of several processes packs.

    Shares follow each other, have about as many images each, and none is without people.

    Args:
        people: all of them.
        rank: the process, 0 to ranks - 1.
        ranks: how many there are.

    Raises:
        ValueError: there are fewer people than processes.
    """
    if len(people) < ranks:
        raise ValueError(
            f"expected at least one person a process, found {len(people)} people for {ranks} "
            "processes; start fewer"
        )
    ends = list(accumulate(len(person.images) for person in people))
    cuts = [0]
    for other in range(1, ranks):
        nearest = int(np.searchsorted(ends, ends[-1] * other / ranks, side="left")) + 1
        cuts.append(min(max(nearest, cuts[-1] + 1), len(people) - (ranks - other)))
    cuts.append(len(people))
    return people[cuts[rank] : cuts[rank + 1]]


def _require_images(source: People, wanted: Iterable[str], path: Path) -> None:
    """Refuses a list of images that are not there: it would be another set's."""
    missing = set(wanted)
    for person in source.people:
        if not missing:
            return
        missing.difference_update(person.images)
    if missing:
        raise ValueError(
            f"{path}: expected names of images of {source.title}, found {len(missing)} that are "
            f"not there: {listed(sorted(missing))}; make the list from these images, or remove "
            "its lines"
        )


def _add(reasons: dict[str, str], more: dict[str, str]) -> None:
    """Joins the entries of one more list; a name that several have gets all their reasons."""
    for name, reason in more.items():
        reasons[name] = f"{reasons[name]}; {reason}" if name in reasons else reason
