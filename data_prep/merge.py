"""The parts that several processes packed to one record set."""

import os
import re
import shutil
from pathlib import Path
from typing import Any

from tqdm import tqdm

from data_prep.leftovers import remove_leftovers, remove_set_leftovers
from data_prep.pack import part_prefix
from data_prep.record_names import class_names, record_names
from data_prep.records.manifest import as_prefix, read_manifest, with_suffix
from data_prep.records.reader import RecordSet
from data_prep.records.writer import RecordSetWriter
from data_prep.sources.folders import listed

_PART = re.compile(r"\d+-of-(\d+)")

_OF_ONE_PART = ("images", "num_classes", "files", "skipped", "class_names", "part", "wide")
"""Fields of the manifest that differ between the parts of one set."""

_WRITTEN = (
    "schema",
    "images",
    "num_classes",
    "height",
    "width",
    "files",
    "class_names",
    "part",
    "wide",
)
"""Fields that the writer fills in, or that only parts have."""


def merge(prefix: Path, *, keep_parts: bool = False) -> dict[str, Any]:
    """Joins PREFIX.parts to the set that one process would have packed, byte for byte.

    Every image is checked against its checksum on the way. The parts go only when the set is whole.
    Stopped at any moment, the same call goes on; a set that is whole, without parts, is left alone.

    Args:
        prefix: `dir/train`, as it was given to `pack`.
        keep_parts: leave the parts there.

    Returns:
        The manifest.

    Raises:
        ValueError: a part is missing, unfinished or damaged, or parts are of different sets.
        OSError: a file cannot be read or written.
    """
    prefix = as_prefix(prefix)
    folder = with_suffix(prefix, "parts")
    remove_set_leftovers(prefix)
    if prefix.parent.is_dir():
        remove_leftovers(prefix.parent.iterdir(), {folder.name})
    if not folder.exists() and (whole := read_manifest(prefix)):
        return whole
    manifests = _read_manifests(prefix, folder)
    _refuse_strangers(folder, manifests)
    details = {field: value for field, value in manifests[0].items() if field not in _WRITTEN}
    details["skipped"] = [entry for manifest in manifests for entry in manifest["skipped"]]
    height, width = manifests[0]["height"], manifests[0]["width"]
    total = sum(manifest["images"] for manifest in manifests)
    with (
        RecordSetWriter(prefix, height=height, width=width, details=details) as writer,
        tqdm(total=total, desc="merge", unit="image", delay=2) as bar,
    ):
        for rank in range(len(manifests)):
            records = RecordSet(part_prefix(prefix, rank, len(manifests)))
            people, labels = class_names(records), records.labels.tolist()
            for i, name in enumerate(record_names(records)):
                writer.add(people[labels[i]], records.image_bytes(i), name)
                bar.update()
    if not keep_parts:
        _remove(folder)
    merged = read_manifest(prefix)
    assert merged is not None
    return merged


def _read_manifests(prefix: Path, folder: Path) -> list[dict[str, Any]]:
    """The manifests of all parts in order."""
    found = [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
    counts = {int(match[1]) for path in found if (match := _PART.fullmatch(path.name))}
    if not counts:
        raise FileNotFoundError(
            f"{folder}: expected the parts that pack leaves under torchrun, found none; pack first"
        )
    if len(counts) > 1:
        raise ValueError(
            f"{folder}: expected the parts of one run, found those of {sorted(counts)} processes; "
            "remove those of the others"
        )
    count = counts.pop()
    parts = [part_prefix(prefix, rank, count) for rank in range(count)]
    missing = [part.parent.name for part in parts if not part.parent.is_dir()]
    if missing:
        raise ValueError(
            f"{folder}: expected {count} parts, {listed(missing)} missing; run that pack again "
            "with --resume"
        )
    manifests = []
    for part in parts:
        manifest = read_manifest(part)
        if manifest is None:
            raise ValueError(
                f"{part.parent}: the part is not finished; run that pack again with --resume"
            )
        manifests.append(manifest)
    return manifests


def _refuse_strangers(folder: Path, manifests: list[dict[str, Any]]) -> None:
    """Stops at parts that are not of one source, packed with the same settings."""
    first = manifests[0]
    owners: dict[str, int] = {}
    for rank, manifest in enumerate(manifests):
        where = f"{folder}, part {rank} of {len(manifests)}"
        stated = manifest.get("part")
        if stated != {"rank": rank, "of": len(manifests)}:
            raise ValueError(f"{where}: its manifest says part {stated}; pack it again")
        for field in sorted(first.keys() | manifest.keys()):
            if field not in _OF_ONE_PART and first.get(field) != manifest.get(field):
                raise ValueError(
                    f"{where}: {field!r} is {manifest.get(field)}, in part 0 it is "
                    f"{first.get(field)}; pack all parts from the same images and settings"
                )
        for name in manifest["class_names"]:
            if owners.setdefault(name, rank) != rank:
                raise ValueError(
                    f"{where}: {name!r} is in part {owners[name]} too; pack all parts again"
                )


def _remove(folder: Path) -> None:
    """Removes the parts; they vanish at once, so that half of them are never left."""
    aside = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    folder.replace(aside)
    shutil.rmtree(aside)
