"""IRHeader: the 24 bytes and the labels in front of every image (formats.md 2.3)."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_HEADER = struct.Struct("<IfQQ")
SIZE = _HEADER.size
"""Bytes of a header without a list of labels."""

EXACT_LIMIT = 1 << 24
"""Labels are float32: every whole number up to this one is exact, beyond it not all are."""

LARGEST_CLASS = (1 << 31) - 1
"""Class numbers beyond this are taken for damage."""

_RANGE = struct.Struct("<QQ")
RANGE_SIZE = _RANGE.size
"""Bytes of the exact range that identity and header records of a wide set carry."""


def is_exact(labels: Any) -> Any:
    """Whether a float32 label that is read as this number was written as it; also of arrays."""
    return labels < EXACT_LIMIT


@dataclass(frozen=True, slots=True)
class IRHeader:
    """What stands before an image.

    Attributes:
        flag: 0 for a scalar label, otherwise how many labels the list has.
        labels: the labels as stored, float32 values; one of them where flag is 0.
        id: the record's key, in sets that keep it.
        id2: a second number, mostly 0.
    """

    flag: int
    labels: tuple[float, ...]
    id: int
    id2: int


def pack(labels: float | Sequence[float], key: int, data: bytes = b"", *, id2: int = 0) -> bytes:
    """A record's payload: header, labels, image.

    Args:
        labels: one number for a scalar label (flag 0), a sequence for a list (flag = its length).
        key: stored as id, 0 to 2**64 - 1.
        data: the encoded image; empty for header and identity records.
        id2: stored as id2.

    Raises:
        ValueError: a label is not exact in float32, or a list of labels is empty.
    """
    if isinstance(labels, Sequence):
        if not labels:
            raise ValueError(f"record {key}: expected at least one label, found an empty list")
        exact = [_exact(label, key) for label in labels]
        return (
            _HEADER.pack(len(exact), 0.0, key, id2) + struct.pack(f"<{len(exact)}f", *exact) + data
        )
    return _HEADER.pack(0, _exact(labels, key), key, id2) + data


def pack_class(label: int, key: int, image: bytes) -> bytes:
    """An image's payload with a class of any size.

    From 2**24 on the label is the nearest float32 and the exact one stands in id2 (docs/formats.md,
    "Sets past 2^24"); a smaller one has id2 0, as everywhere.
    """
    if is_exact(label):
        return pack(label, key, image)
    return _HEADER.pack(0, label, key, label) + image


def pack_range(start: int, stop: int, key: int, *, id2: int = 0, wide: bool = False) -> bytes:
    """An identity or header record's payload: the keys [start, stop) as two labels.

    Args:
        start: first key.
        stop: the key after the last.
        key: stored as id.
        id2: stored as id2.
        wide: the labels are the nearest float32, and the exact numbers follow as two u64.

    Raises:
        ValueError: a number is not exact in float32, and the record is not a wide one.
    """
    if not wide:
        return pack((start, stop), key, id2=id2)
    return (
        _HEADER.pack(2, 0.0, key, id2) + struct.pack("<ff", start, stop) + _RANGE.pack(start, stop)
    )


def unpack_range(header: IRHeader, data: bytes) -> tuple[int, int] | None:
    """The range [start, stop) of a wide identity or header record; None for any other record."""
    if header.flag != 2 or len(data) != RANGE_SIZE:
        return None
    start, stop = _RANGE.unpack(data)
    nearest = struct.unpack("<ff", struct.pack("<ff", start, stop))
    return (start, stop) if nearest == header.labels else None


def unpack(payload: bytes, where: str = "record") -> tuple[IRHeader, bytes]:
    """The inverse of `pack`: header and the image's bytes.

    Args:
        payload: a record.
        where: file and record, for the message.

    Raises:
        ValueError: the record is shorter than its header says.
    """
    if len(payload) < SIZE:
        raise ValueError(
            f"{where}: expected an image header of {SIZE} bytes, found a record of {len(payload)}; "
            "not a set of images"
        )
    flag, label, key, id2 = _HEADER.unpack_from(payload)
    if flag == 0:
        return IRHeader(0, (label,), key, id2), payload[SIZE:]
    start = SIZE + 4 * flag
    if len(payload) < start:
        raise ValueError(
            f"{where}: expected {flag} labels, found {len(payload) - SIZE} bytes after the header; "
            "the file is damaged, get or pack it again"
        )
    labels = struct.unpack_from(f"<{flag}f", payload, SIZE)
    return IRHeader(flag, labels, key, id2), payload[start:]


def _exact(label: float, key: int) -> float:
    try:
        stored = struct.unpack("<f", struct.pack("<f", label))[0]
    except (OverflowError, struct.error):
        stored = None
    if isinstance(label, int) and stored != label:
        raise ValueError(
            f"record {key}: expected a label that float32 holds exactly (every whole number up to "
            f"{EXACT_LIMIT}), found {label}; split the set"
        )
    return label
