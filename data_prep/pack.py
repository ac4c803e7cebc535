"""Crops of people, from whatever source, to a record set."""

import hashlib
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from data_prep.images import decoded_size
from data_prep.leftovers import remove_set_leftovers
from data_prep.parallel import ordered_map
from data_prep.records.index import WrongIndexError
from data_prep.records.manifest import ROLES, as_prefix, read_manifest, with_suffix
from data_prep.records.writer import RecordSetWriter
from data_prep.sources import open_people
from data_prep.sources.choice import share_of, shuffled, without_dropped, without_excluded
from data_prep.sources.folders import listed
from data_prep.sources.people import People, Person
from data_prep.transforms import TRANSFORM_VERSION

_SETTINGS = ("source", "transform_version", "shuffle", "excluded", "dropped", "part")
"""Fields of the manifest that, if equal, mean the same set."""


def pack_images(
    images: Path,
    prefix: Path,
    *,
    list_file: Path | None = None,
    size: tuple[int, int] | None = None,
    shuffle: int | None = None,
    exclude: Path | None = None,
    drops: Sequence[Path] = (),
    strict: bool = False,
    workers: int = 1,
    resume: bool = False,
    part: tuple[int, int] = (0, 1),
    command: str = "",
) -> dict[str, Any]:
    """Packs every image as it is, byte for byte; labels are 0 .. C-1 in the source's order.

    Each image is decoded once to see that it can be. One that cannot, or that is damaged where it
    is stored, is left out, and stands in the manifest under `skipped`; a person without any image
    left gets no label.

    Args:
        images: what `open_people` takes: DIR of DIR/person/image, a record set ...
        prefix: `dir/train`.
        list_file: the list of images, for sources that have one.
        size: (height, width) that every image must have, pixels; None for that of the first one.
        shuffle: seed that permutes the images of each person among themselves; people stay in
            order and together, as InsightFace's layout wants.
        exclude: file of people to leave out, one name a line.
        drops: lists of images and people to leave out, with reasons (`data_prep.drops`).
        strict: fail on an image that would be skipped.
        workers: threads; the files do not depend on it.
        resume: leave a whole set from the same images and settings as it is, if what it skipped
            cannot be read to this day; otherwise remove what a killed run left and pack again.
        part: (rank, ranks): of several processes, each packs a share of the people, at
            `part_prefix`.
        command: kept in the manifest.

    Returns:
        The manifest.

    Raises:
        ValueError: bad input, such as an index of another file; names the file.
        OSError: a file cannot be read or written.
    """
    source = open_people(images, list_file)
    people, details = _chosen_people(source, shuffle, exclude, drops)
    details["command"] = command
    details["source"]["listing_sha256"] = _listing_hash(source, people)
    size = size or _first_size(source, people)
    if part[1] > 1:
        details["part"] = {"rank": part[0], "of": part[1]}
        people, prefix = share_of(people, *part), part_prefix(as_prefix(prefix), *part)
    details["skipped"] = skipped = []
    if resume:
        whole = _whole_set(as_prefix(prefix), size, details)
        if whole and not (whole["skipped"] and strict) and not _mended(source, whole, workers):
            tqdm.write(f"{prefix}: whole already, from the same images and settings; left as it is")
            return whole
        remove_set_leftovers(as_prefix(prefix))
    with RecordSetWriter(prefix, height=size[0], width=size[1], details=details) as writer:
        checked = ordered_map(partial(_read_one, source, size), _names(people), workers)
        bar = tqdm(checked, total=_count(people), desc="pack", unit="image", delay=2)
        owners = (person.name for person in people for _ in person.images)
        for person, name, (encoded, problem) in zip(owners, _names(people), bar):
            if not problem:
                writer.add(person, encoded, name)
            elif strict:
                text = problem.removeprefix(f"{name}: ")  # where the name lies is worth more
                placed = problem if text == problem else f"{source.where(name)}: {text}"
                raise ValueError(f"{placed}; mend or remove it, or pack without --strict")
            else:
                skipped.append({"image": name, "reason": problem})
    manifest = read_manifest(as_prefix(prefix))
    assert manifest is not None
    return manifest


def part_prefix(prefix: Path, rank: int, ranks: int) -> Path:
    """Where one of several processes packs: `dir/train.parts/00001-of-00004/train`."""
    return with_suffix(prefix, "parts") / f"{rank:05d}-of-{ranks:05d}" / prefix.name


def report(manifest: dict[str, Any]) -> list[str]:
    """What a user should know of a set just packed, one thing a line."""
    lines = [
        f"{manifest['images']} images of {manifest['num_classes']} people, "
        f"{manifest['height']}x{manifest['width']}"
    ]
    if part := manifest.get("part"):
        lines[0] = f"part {part['rank']} of {part['of']}: {lines[0]}"
    if excluded := manifest.get("excluded"):
        lines.append(f"left out {len(excluded['people'])} people of the list")
        if strangers := excluded["names_without_folder"]:
            lines.append(f"note: no folder is named like {listed(strangers)} of the list")
    if dropped := manifest.get("dropped"):
        images, people = len(dropped["images"]), len(dropped["people"])
        lines.append(f"dropped {images} images and {people} people of the drop lists")
        if strangers := dropped["unknown_people"]:
            lines.append(f"note: nobody is called {listed(strangers)} as in the drop lists")
    if skipped := manifest["skipped"]:
        names = [entry["image"] for entry in skipped]
        total = manifest["images"] + len(skipped)
        reason = skipped[0]["reason"].removeprefix(f"{names[0]}: ")
        lines.append(
            f"skipped {len(skipped)} of {total} images, damaged or no image: {listed(names)} (see "
            f"the manifest); the first: {reason}"
        )
    return lines


def _chosen_people(
    source: People, shuffle: int | None, exclude: Path | None, drops: Sequence[Path]
) -> tuple[Sequence[Person], dict[str, Any]]:
    """Who is packed, in what order, and what the manifest says of it."""
    people: Sequence[Person] = source.people
    details: dict[str, Any] = {
        "source": source.about(),
        "transform_version": TRANSFORM_VERSION,
        "shuffle": shuffle,
    }
    if exclude is not None:
        people, details["excluded"] = without_excluded(source, exclude)
    if drops:
        people, account = without_dropped(source, people, drops)
        details |= account
    if shuffle is not None:
        people = shuffled(people, shuffle)
    return people, details


def _whole_set(
    prefix: Path, size: tuple[int, int], details: dict[str, Any]
) -> dict[str, Any] | None:
    """The manifest of the set at `prefix` if packing would make the same files again.

    The manifest is written last and removed first, so where it is the set is whole; lengths are
    compared on top of it. Bytes are the business of `check`.
    """
    try:
        manifest = read_manifest(prefix)
    except ValueError:
        return None
    if manifest is None or (manifest["height"], manifest["width"]) != size:
        return None
    if any(manifest.get(field) != details.get(field) for field in _SETTINGS):
        return None
    for role in ROLES:
        path = with_suffix(prefix, role)
        if not path.exists() or path.stat().st_size != manifest["files"][role]["bytes"]:
            return None
    return manifest if prefix.with_name("property").exists() else None


def _mended(source: People, manifest: dict[str, Any], workers: int) -> bool:
    """Whether an image that was skipped can be read by now."""
    names = [entry["image"] for entry in manifest["skipped"]]
    read = partial(_read_one, source, (manifest["height"], manifest["width"]))
    bar = tqdm(names, desc="skipped before", unit="image", delay=2)
    return any(not problem for _, problem in ordered_map(read, bar, workers))


def _first_size(source: People, people: Sequence[Person]) -> tuple[int, int]:
    """(height, width) of the first image that can be decoded."""
    problem = ""
    for name in _names(people):
        try:
            return decoded_size(source.encoded(name), name)
        except ValueError as error:
            problem = problem or str(error)
    raise ValueError(
        f"{source.title}: expected images, none of {_count(people)} can be decoded; the first: "
        f"{problem}"
    )


def _read_one(source: People, size: tuple[int, int], name: str) -> tuple[bytes, str]:
    """An image's bytes, and why it cannot be read, if so."""
    try:
        encoded = source.encoded(name)
        height, width = decoded_size(encoded, name)
    except WrongIndexError:  # no fault of this image, and perhaps of all others too
        raise
    except ValueError as error:
        return b"", str(error)
    if (height, width) != size:
        raise ValueError(
            f"{source.where(name)}: expected {size[0]}x{size[1]} pixels (height x width), found "
            f"{height}x{width}; align all to one size first (python -m data_prep align)"
        )
    return encoded, ""


def _names(people: Sequence[Person]) -> Iterator[str]:
    return (name for person in people for name in person.images)


def _count(people: Sequence[Person]) -> int:
    return sum(len(person.images) for person in people)


def _listing_hash(source: People, people: Sequence[Person]) -> str:
    """SHA-256 over names and lengths of the images in order: enough to notice other ones."""
    digest = hashlib.sha256()
    for name in tqdm(_names(people), total=_count(people), desc="list", unit="image", delay=2):
        digest.update(f"{name}\t{source.length(name)}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
