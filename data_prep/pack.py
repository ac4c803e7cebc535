"""A tree of aligned crops, one folder a person, to a record set."""

import hashlib
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from data_prep.align_images import SUMMARY
from data_prep.files import read_json, sha256_file
from data_prep.images import decode
from data_prep.leftovers import remove_leftovers
from data_prep.parallel import ordered_map
from data_prep.records.header import EXACT_LIMIT
from data_prep.records.manifest import ROLES, as_prefix, manifest_path, read_manifest, with_suffix
from data_prep.records.writer import RecordSetWriter
from data_prep.sources.folders import Person, leave_out, listed, read_names, read_people
from data_prep.transforms import TRANSFORM_VERSION


def pack_folder(
    images: Path,
    prefix: Path,
    *,
    size: tuple[int, int] | None = None,
    shuffle: int | None = None,
    exclude: Path | None = None,
    strict: bool = False,
    workers: int = 1,
    resume: bool = False,
    command: str = "",
) -> dict[str, Any]:
    """Packs every image as it is, byte for byte; labels are 0 .. C-1 in the order of sorted names.

    Each image is decoded once to see that it can be. One that cannot is left out, and stands in the
    manifest under `skipped`; a person without any image left gets no label.

    Args:
        images: tree IMAGES/person/image.
        prefix: `dir/train`.
        size: (height, width) that every image must have, pixels; None for that of the first one.
        shuffle: seed that permutes the images of each person among themselves; people stay sorted
            and together, as InsightFace's layout wants.
        exclude: file of people to leave out, one name a line.
        strict: fail on an image that cannot be decoded.
        workers: threads; the files do not depend on it.
        resume: leave a whole set from the same images and settings as it is; otherwise remove
            what a killed run left and pack again.
        command: kept in the manifest.

    Returns:
        The manifest.

    Raises:
        ValueError: bad input; names the file.
        OSError: a file cannot be read or written.
    """
    people, details = _chosen_people(images, shuffle, exclude)
    details["command"] = command
    tasks = [(person.name, name) for person in people for name in person.images]
    details["source"]["listing_sha256"] = _listing_hash(images, tasks)
    details["skipped"] = skipped = []
    size = size or _first_size(images, tasks)
    if resume:
        whole = _whole_set(as_prefix(prefix), size, details)
        if whole and not (strict and whole["skipped"]):
            tqdm.write(f"{prefix}: whole already, from the same images and settings; left as it is")
            return whole
        _tidy(as_prefix(prefix))
    with RecordSetWriter(prefix, height=size[0], width=size[1], details=details) as writer:
        checked = ordered_map(partial(_read_one, images, size), tasks, workers)
        bar = tqdm(checked, total=len(tasks), desc="pack", unit="image", delay=2)
        for (person, name), (encoded, problem) in zip(tasks, bar):
            if not problem:
                writer.add(person, encoded, name)
            elif strict:
                raise ValueError(f"{images}/{problem}; mend or remove it, or pack without --strict")
            else:
                skipped.append({"image": name, "reason": problem})
    manifest = read_manifest(as_prefix(prefix))
    assert manifest is not None
    return manifest


def _chosen_people(
    images: Path, shuffle: int | None, exclude: Path | None
) -> tuple[list[Person], dict[str, Any]]:
    """Who is packed, in what order, and what the manifest says of it."""
    people = read_people(images)
    details: dict[str, Any] = {
        "source": _source(images),
        "transform_version": TRANSFORM_VERSION,
        "shuffle": shuffle,
    }
    if exclude is not None:
        everyone = people
        people, strangers = leave_out(everyone, read_names(exclude))
        left = {person.name for person in everyone} - {person.name for person in people}
        details["excluded"] = {
            "list_sha256": sha256_file(exclude),
            "people": sorted(left),
            "names_without_folder": strangers,
        }
        if not people:
            raise ValueError(f"{exclude}: leaves nobody of {images}; check the list")
    if shuffle is not None:
        people = _shuffled(people, shuffle)
    count = sum(len(person.images) for person in people)
    if count + len(people) + 1 > EXACT_LIMIT:
        raise ValueError(
            f"{images}: {count} images of {len(people)} people, one record set holds fewer than "
            f"{EXACT_LIMIT} of both together; pack parts of the tree"
        )
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
    for field in ("source", "transform_version", "shuffle", "excluded"):
        if manifest.get(field) != details.get(field):
            return None
    for role in ROLES:
        path = with_suffix(prefix, role)
        if not path.exists() or path.stat().st_size != manifest["files"][role]["bytes"]:
            return None
    return manifest if prefix.with_name("property").exists() else None


def _tidy(prefix: Path) -> None:
    """Removes what a killed run of this set was still writing."""
    if prefix.parent.exists():
        paths = [manifest_path(prefix), *(with_suffix(prefix, role) for role in ROLES)]
        targets = {path.name for path in paths} | {"property"}
        remove_leftovers(prefix.parent.iterdir(), targets)


def report(manifest: dict[str, Any]) -> list[str]:
    """What a user should know of a set just packed, one thing a line."""
    lines = [
        f"{manifest['images']} images of {manifest['num_classes']} people, "
        f"{manifest['height']}x{manifest['width']}"
    ]
    if excluded := manifest.get("excluded"):
        lines.append(f"left out {len(excluded['people'])} people of the list")
        if strangers := excluded["names_without_folder"]:
            lines.append(f"note: no folder is named like {listed(strangers)} of the list")
    if skipped := manifest["skipped"]:
        names = listed([entry["image"] for entry in skipped])
        lines.append(
            f"skipped {len(skipped)} images that cannot be decoded: {names} (see the manifest)"
        )
    return lines


def _first_size(images: Path, tasks: list[tuple[str, str]]) -> tuple[int, int]:
    """(height, width) of the first image that can be decoded."""
    for _, name in tasks:
        try:
            height, width = decode((images / name).read_bytes(), name).shape[:2]
        except ValueError:
            continue
        return height, width
    raise ValueError(f"{images}: expected images, none of {len(tasks)} can be decoded")


def _read_one(images: Path, size: tuple[int, int], task: tuple[str, str]) -> tuple[bytes, str]:
    """An image's bytes, and why it cannot be decoded, if so."""
    name = task[1]
    encoded = (images / name).read_bytes()
    try:
        height, width = decode(encoded, name).shape[:2]
    except ValueError as error:
        return b"", str(error)
    if (height, width) != size:
        raise ValueError(
            f"{images / name}: expected {size[0]}x{size[1]} pixels (height x width), found "
            f"{height}x{width}; align all to one size first (python -m data_prep align)"
        )
    return encoded, ""


def _shuffled(people: list[Person], seed: int) -> list[Person]:
    draw = np.random.default_rng(seed)
    return [
        Person(person.name, tuple(person.images[i] for i in draw.permutation(len(person.images))))
        for person in people
    ]


def _listing_hash(images: Path, tasks: list[tuple[str, str]]) -> str:
    """SHA-256 over names and lengths of the images in order: enough to notice other ones."""
    lines = (f"{name}\t{(images / name).stat().st_size}\n" for _, name in tasks)
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _source(images: Path) -> dict[str, Any]:
    """Where the crops came from, with the alignment's own account if there is one."""
    source: dict[str, Any] = {"images": images.name}
    note = images / SUMMARY
    if note.exists():
        account = read_json(note)
        if not account.get("complete"):
            raise ValueError(f"{note}: the alignment is not complete; go on with align --resume")
        kept = ("template", "settings", "detector", "landmarks_sha256", "source_sha256", "counts")
        source["alignment"] = {field: account[field] for field in kept if field in account}
    return source
