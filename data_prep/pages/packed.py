"""What a record set tells: its manifest, its labels, and what lies beside it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.cli import one_line
from data_prep.pages.reasons import Miss, entries
from data_prep.record_names import class_names
from data_prep.records.manifest import (
    ROLES,
    as_prefix,
    manifest_path,
    read_manifest,
    rec_of,
    with_suffix,
)
from data_prep.records.reader import RecordSet


@dataclass(frozen=True)
class Packed:
    """What is known of a record set.

    Attributes:
        prefix: `dir/train`.
        records: the set, open; None where it cannot be opened.
        manifest: what our packer wrote; empty for a set of another program.
        images: how many.
        people: images by name of the class, as cleaners and packing have it.
        size: (height, width) as the manifest states it, pixels; None if unknown.
        files: bytes by suffix.
        written_at: when the .rec was, seconds since 1970.
        skipped: images that were damaged, or none.
        missing: what could not be read, and so is not shown; a sentence each.
    """

    prefix: Path
    records: RecordSet | None
    manifest: dict[str, Any]
    images: int
    people: dict[str, int]
    size: tuple[int, int] | None
    files: dict[str, int]
    written_at: float
    skipped: list[Miss]
    missing: list[str]


def gather_set(path: Path) -> Packed:
    """Reads a record set.

    Raises:
        FileNotFoundError: there is none.
    """
    prefix = as_prefix(path)
    missing: list[str] = []
    try:
        rec = rec_of(prefix)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{error}, or a folder of crops") from None
    records, people = None, {}
    manifest: dict[str, Any] = {}
    try:
        manifest = read_manifest(prefix) or {}
        if not manifest:
            missing.append(
                f"{manifest_path(prefix)} is not there: the set was not packed by `data_prep "
                "pack`, so its source, hashes and what was left out are unknown."
            )
        records = RecordSet(prefix)
        people = _people_of(records)
    except (OSError, ValueError) as error:
        missing.append(f"{one_line(error)}.")
    size = (manifest["height"], manifest["width"]) if manifest else None
    paths = {role: with_suffix(prefix, role) for role in ROLES}
    files = {role: path.stat().st_size for role, path in paths.items() if path.exists()}
    return Packed(
        prefix=prefix,
        records=records,
        manifest=manifest,
        images=sum(people.values()),
        people=people,
        size=size,
        files=files,
        written_at=rec.stat().st_mtime,
        skipped=entries(manifest.get("skipped")),
        missing=missing,
    )


def _people_of(records: RecordSet) -> dict[str, int]:
    counts = np.bincount(records.labels, minlength=records.num_classes)
    names = class_names(records)
    return {
        str(names.get(label, f"{label:06d}")): count for label, count in enumerate(counts.tolist())
    }
