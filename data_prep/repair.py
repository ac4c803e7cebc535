"""A damaged record set to a new whole one, with an account of what was dropped."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from data_prep.files import sha256_file
from data_prep.found_keys import without_advice
from data_prep.leftovers import remove_set_leftovers
from data_prep.records import recordio
from data_prep.records.header import unpack
from data_prep.records.manifest import as_prefix, read_manifest, with_suffix
from data_prep.records.writer import RecordSetWriter
from data_prep.sources.folders import listed
from data_prep.survey import Survey, mapped, survey
from data_prep.traps import label_problems, stated_classes

_KEPT_FIELDS = (
    "source",
    "transform_version",
    "shuffle",
    "excluded",
    "dropped",
    "dropped_images",
)
"""What the new manifest says as the old one did."""


def repair(
    prefix: Path,
    out: Path,
    *,
    size: tuple[int, int] | None = None,
    workers: int = 1,
    command: str = "",
) -> dict[str, Any]:
    """Writes what can be used of the set PREFIX as a new whole set; the source stays as it is.

    Images stay byte for byte. Those of a label come together, in the order of their keys; labels
    are numbered anew from 0 in their order, keys from 1. Index, header, identity records and
    `property` are made anew. Names and people stay where .lst and manifest still tell them.

    Sets of our packer have checksums, so that no changed byte gets through. Others have none:
    there an image with changed bytes that can still be decoded stays, and a changed label that is
    a class number is believed.

    Args:
        prefix: `dir/train`; its files but the .rec may be wrong or missing.
        out: prefix of the new set, in another folder.
        size: (height, width) that images must have, pixels; None for what the set states, or the
            most frequent one.
        workers: threads; the result does not depend on it.
        command: kept in the manifest.

    Returns:
        The manifest; `repaired` says what was dropped and why.

    Raises:
        ValueError: nothing usable is left, or `out` is beside the source.
        OSError: a file cannot be read or written.
    """
    prefix, out = as_prefix(prefix), as_prefix(out)
    if prefix.parent.resolve() == out.parent.resolve():
        raise ValueError(
            f"{out}: expected another folder than that of the set to repair; choose a new one"
        )
    found = survey(prefix, size=size, workers=workers)
    old_labels, labels = np.unique(found.labels, return_inverse=True)
    names = _Names(prefix)
    people = _people(prefix, old_labels.tolist())
    details = _details(prefix, found, names, old_labels.tolist(), command)
    remove_set_leftovers(out)
    with (
        mapped(found.rec) as buffer,
        RecordSetWriter(out, height=found.size[0], width=found.size[1], details=details) as writer,
    ):
        for i in tqdm(range(len(labels)), desc="write", unit="image", delay=2):
            payload, _ = recordio.decode(
                buffer, int(found.offsets[i]), end=int(found.ends[i]), where=str(found.rec)
            )
            key, label = int(found.keys[i]), int(found.labels[i])
            name = names.find(key, label) or f"{label:06d}/{key:08d}"
            writer.add(people[labels[i]], unpack(payload)[1], name)
    manifest = read_manifest(out)
    assert manifest is not None
    return manifest


def report(manifest: dict[str, Any]) -> list[str]:
    """What a user should know of a set just repaired, one thing a line."""
    repaired = manifest["repaired"]
    lines = [f"was wrong: {note}" for note in repaired["notes"]]
    for kind, count in repaired["counts"].items():
        where = [
            f"byte {entry['byte']}" if entry["key"] is None else f"key {entry['key']}"
            for entry in repaired["dropped"]
            if entry["kind"] == kind
        ]
        lines.append(f"dropped {count}, {kind}: {listed(where)} (see the manifest)")
    lines.append(
        f"{manifest['images']} images of {manifest['num_classes']} people, "
        f"{manifest['height']}x{manifest['width']}"
    )
    return lines


class _Names:
    """Names of images as a .lst of ours or of im2rec has them: key, label, .., name a line."""

    def __init__(self, prefix: Path):
        path = with_suffix(prefix, "lst")
        self.note = ""
        self._lines: dict[int, tuple[float, str]] = {}
        if not path.exists():
            return
        lines = path.read_text(encoding="utf-8", errors="surrogateescape").split("\n")
        for number, line in enumerate(lines[:-1], 1):
            fields = line.split("\t")
            try:
                self._lines[int(fields[0])] = float(fields[1]), fields[-1].rstrip("\r")
            except (ValueError, IndexError):
                self.note = f"{path}, line {number}: expected key, label and name; not used"
        if lines[-1]:
            self.note = f"{path}, line {len(lines)}: is cut"

    def find(self, key: int | None, label: int | None = None) -> str:
        """The name of the image with this key, and label if given; empty without one."""
        stated, name = self._lines.get(-1 if key is None else key, (None, ""))
        return name if label is None or stated == label else ""


def _people(prefix: Path, labels: list[int]) -> list[str]:
    """The name of each label: of the manifest where it has one, otherwise the label itself."""
    try:
        manifest = read_manifest(prefix) or {"class_names": []}
    except ValueError:
        manifest = {"class_names": []}
    known = manifest["class_names"]
    return [known[label] if label < len(known) else f"{label:06d}" for label in labels]


def _details(
    prefix: Path, found: Survey, names: _Names, old_labels: list[int], command: str
) -> dict[str, Any]:
    """What the manifest says of the source and of what was dropped."""
    notes = list(found.notes)
    order = np.argsort(found.keys, kind="stable")
    try:
        kept = read_manifest(prefix) or {}
        classes, path = stated_classes(prefix, found.rec, found.labels)
        notes += label_problems(found.rec, found.keys[order], found.labels[order], classes, path)
    except ValueError as error:
        kept = {}
        notes.append(without_advice(error))
    if names.note:
        notes.append(names.note)
    dropped = [
        {
            "kind": one.kind,
            "byte": one.offset,
            "key": one.key,
            "image": names.find(one.key),
            "reason": one.reason,
        }
        for one in found.dropped
    ]
    return {
        **{field: kept[field] for field in _KEPT_FIELDS if field in kept},
        "command": command,
        "skipped": kept.get("skipped", []),
        "repaired": {
            "rec": found.rec.name,
            "bytes": found.rec.stat().st_size,
            "sha256": sha256_file(found.rec),
            "notes": list(dict.fromkeys(notes)),
            "counts": dict(Counter(one.kind for one in found.dropped)),
            "dropped": dropped,
            "old_labels": old_labels,
        },
    }
