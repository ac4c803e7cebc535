"""What is written beside a record set: counts, names, hashes, and where the images came from."""

from pathlib import Path
from typing import Any

from data_prep.files import read_json, sha256_file

SCHEMA = 1

ROLES = ("rec", "idx", "crc", "lst")
"""Suffixes of the files of a set that the manifest hashes."""

_FIELDS = {
    "schema": int,
    "images": int,
    "num_classes": int,
    "height": int,
    "width": int,
    "class_names": list,
    "files": dict,
    "skipped": list,
}


def as_prefix(path: str | Path) -> Path:
    """`dir/train` from itself or from `dir/train.rec`."""
    path = Path(path)
    return path.with_suffix("") if path.suffix == ".rec" else path


def with_suffix(prefix: Path, suffix: str) -> Path:
    """`dir/train` and "rec" to `dir/train.rec`; dots in the name stay."""
    return prefix.with_name(f"{prefix.name}.{suffix}")


def manifest_path(prefix: Path) -> Path:
    """Where the manifest of the set `prefix` lies."""
    return with_suffix(prefix, "manifest.json")


def file_entry(path: Path) -> dict[str, Any]:
    """Length and hash of a file, as the manifest keeps them."""
    return {"bytes": path.stat().st_size, "sha256": sha256_file(path)}


def read_manifest(prefix: Path) -> dict[str, Any] | None:
    """The manifest of the set `prefix`; None for a set without one, from another program.

    Raises:
        ValueError: it is not a manifest that this version knows; names file and field.
    """
    path = manifest_path(prefix)
    if not path.exists():
        return None
    data = read_json(path)
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise ValueError(
            f"{path}: expected a record manifest of schema {SCHEMA}; pack the set again"
        )
    for field, kind in _FIELDS.items():
        if not isinstance(data.get(field), kind):
            raise ValueError(
                f"{path}: expected {field!r} to be {kind.__name__}; pack the set again"
            )
    for role in ROLES:
        entry = data["files"].get(role)
        if not isinstance(entry, dict) or set(entry) != {"bytes", "sha256"}:
            raise ValueError(
                f"{path}: expected files.{role} with bytes and sha256; pack the set again"
            )
    if len(data["class_names"]) != data["num_classes"]:
        raise ValueError(
            f"{path}: expected {data['num_classes']} class names, found "
            f"{len(data['class_names'])}; pack the set again"
        )
    return data
