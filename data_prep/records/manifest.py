"""What is written beside a record set: counts, names, hashes, and where the images came from."""

from pathlib import Path
from typing import Any

import numpy as np

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


def rec_of(prefix: Path) -> Path:
    """The .rec of a set.

    Raises:
        FileNotFoundError: it is not there.
    """
    rec = with_suffix(prefix, "rec")
    if not rec.exists():
        raise FileNotFoundError(
            f"{rec}: expected a record set, found no such file; give its prefix, such as data/train"
        )
    return rec


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


def read_crcs(prefix: Path, manifest: dict[str, Any], images: int, wide: bool) -> np.ndarray:
    """The CRC-32 of every image's record, uint32 [images], once the set is the manifest's.

    Args:
        prefix: the set.
        manifest: what `read_manifest` gives of it.
        images: how many the .rec has.
        wide: whether its header record says so.

    Raises:
        ValueError: lengths of files or the number of images are others; names the file.
        OSError: a file cannot be read.
    """
    where = manifest_path(prefix)
    for role in ("rec", "crc"):
        path, stated = with_suffix(prefix, role), manifest["files"][role]["bytes"]
        if path.stat().st_size != stated:
            raise ValueError(
                f"{path}: expected {stated} bytes as in {where.name}, found "
                f"{path.stat().st_size}; the file is cut or another set's: pack again"
            )
    rec = with_suffix(prefix, "rec")
    if wide != manifest.get("wide", False):
        raise ValueError(
            f"{where}: expected 'wide' to be {wide} as the header record of {rec} has it; "
            "pack the set again"
        )
    if images != manifest["images"]:
        raise ValueError(
            f"{where}: expected {manifest['images']} images, {rec} has {images}; pack the set again"
        )
    crcs = np.fromfile(with_suffix(prefix, "crc"), "<u4")
    if len(crcs) != images:
        raise ValueError(f"{where}: expected a CRC-32 an image, found {len(crcs)}; pack again")
    return crcs


def read_property(path: Path) -> tuple[int, int, int]:
    """Classes, height and width of InsightFace's `property` file (its first line).

    Raises:
        ValueError: the line is not three whole numbers.
    """
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    fields = lines[0].split(",") if lines else []
    if len(fields) != 3 or not all(field.strip().isdecimal() for field in fields):
        raise ValueError(
            f"{path}, line 1: expected classes,height,width; found {','.join(fields)!r}; "
            f"delete {path.name}, or pack the set again"
        )
    classes, height, width = (int(field) for field in fields)
    return classes, height, width
