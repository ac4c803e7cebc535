"""Which records of a .rec are images, and where each one lies: index, header record, rebuilding."""

import math
from array import array
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from data_prep.records import recordio
from data_prep.records.header import RANGE_SIZE, SIZE, IRHeader, is_exact, unpack, unpack_range


def identity_bytes(wide: bool) -> int:
    """An identity record in the file: frame, header, two labels, in a wide set the exact range."""
    return 8 + SIZE + 8 + (RANGE_SIZE if wide else 0)


@dataclass(frozen=True)
class Table:
    """Where every record lies: keys ascending and unique.

    Attributes:
        keys: int64 [n].
        offsets: first byte of each record, int64 [n].
        ends: the byte after each record's padding, int64 [n].
    """

    keys: np.ndarray
    offsets: np.ndarray
    ends: np.ndarray

    def slice(self, start: int, stop: int) -> "Table":
        """The records at positions [start, stop), copied so that the rest can be forgotten.

        Where each record begins at the end of the one before, one array serves for both.
        """
        keys, offsets, ends = (
            column[start:stop] for column in (self.keys, self.offsets, self.ends)
        )
        if start < stop and np.array_equal(offsets[1:], ends[:-1]):
            bounds = np.append(offsets, ends[-1])
            return Table(keys.copy(), bounds[:-1], bounds[1:])
        return Table(keys.copy(), offsets.copy(), ends.copy())


def build_table(keys: np.ndarray, offsets: np.ndarray, size: int, rec: Path) -> tuple[Table, Table]:
    """Keys and offsets of an index, checked against the file's size, as a table.

    A key that comes again later wins, as in MXNet. Every record must begin where another
    ends, so each offset in the index, also one that lost its key, is a boundary.

    Args:
        keys: int64 [n], in the order of the index.
        offsets: int64 [n].
        size: bytes in the .rec.
        rec: its path, for messages.

    Returns:
        The table, and all records whose key comes more than once.

    Raises:
        ValueError: the offsets cannot be those of this file's records.
    """
    in_order = bool((offsets[1:] > offsets[:-1]).all())
    starts = offsets if in_order else np.unique(offsets)
    misplaced = starts[(starts % 4 != 0) | (starts >= size)]
    if starts[0] != 0:
        raise _mismatch(rec, f"the index names no record at byte 0, its first is at {starts[0]}")
    if len(misplaced):
        raise _mismatch(
            rec, f"the index names a record at byte {misplaced[0]} of {size}, where none can start"
        )
    ends = np.append(starts[1:], size)
    if not in_order:
        ends = ends[np.searchsorted(starts, offsets)]
    by_key = np.argsort(keys, kind="stable")
    keys, offsets, ends = keys[by_key], offsets[by_key], ends[by_key]
    same = np.append(keys[1:] == keys[:-1], False)
    repeats = same | np.append(False, same[:-1])
    repeated = Table(keys[repeats], offsets[repeats], ends[repeats])
    table = Table(keys, offsets, ends)
    if same.any():
        table = Table(keys[~same], offsets[~same], ends[~same])
    if in_order:
        return table, repeated
    order = np.argsort(table.offsets, kind="stable")
    (shared,) = np.nonzero(np.diff(table.offsets[order]) == 0)
    if len(shared):
        pair = table.keys[order[shared[0] : shared[0] + 2]]
        raise _mismatch(rec, f"the index gives keys {pair[0]} and {pair[1]} the same byte")
    return table, repeated


def find_images(table: Table, buffer: recordio.Buffer, rec: Path) -> tuple[Table, Table, bool]:
    """The image records and the identity records of a set (formats.md 2.4), and whether it is wide.

    With InsightFace's header record at key 0 the images are keys 1 to label[0] - 1; without one
    every record is an image.

    Raises:
        ValueError: the header record and the index do not fit together.
    """
    count = len(table.keys)
    none = table.slice(0, 0)
    # A record after the last one that the index names would go unseen.
    last = int(np.argmax(table.offsets))
    recordio.decode(buffer, int(table.offsets[last]), end=int(table.ends[last]), where=str(rec))
    if table.keys[0] != 0:
        return table.slice(0, count), none, False
    header, data = _record(table, buffer, 0, rec)
    if not is_header_record(header, data):
        return table.slice(0, count), none, False
    wide = bool(data)
    images = _image_count(table, header, data, rec)
    if images < 1 or images >= count or table.keys[images] != images:
        raise _mismatch(
            rec, f"the header record says keys 1 to {images} are images, not all are there"
        )
    _, last_image = _record(table, buffer, images, rec)
    if not last_image:
        raise _mismatch(rec, f"the header record says key {images} is an image, it is empty")
    if images + 1 < count:
        identity, rest = _record(table, buffer, images + 1, rec)
        wrong = unpack_range(identity, rest) is None if wide else rest or identity.flag != 2
        if wrong:
            raise _mismatch(
                rec, f"the header record says images end before key {images + 1}, it is one"
            )
    return table.slice(1, images + 1), table.slice(images + 1, count), wide


def is_header_record(header: IRHeader, data: bytes) -> bool:
    """Whether the record at key 0 is InsightFace's header, and not an image with several labels."""
    if data:
        start, stop = unpack_range(header, data) or (0, 0)
        return stop > start
    return header.flag == 2 and 1 <= header.labels[1] - header.labels[0] < math.inf


def rebuild_index(buffer: recordio.Buffer, rec: Path) -> tuple[np.ndarray, np.ndarray]:
    """Keys and offsets of a .rec without an .idx, by walking through the frames.

    Keys are the ids of the records if these number them (0 to n - 1, or 1 to n); otherwise the
    order of writing, with key 0 for a header record at the end.

    Raises:
        ValueError: the frames do not follow each other to the end of the file.
    """
    ids, offsets = array("Q"), array("q")
    header, data = IRHeader(0, (0.0,), 0, 0), b""
    with tqdm(
        total=len(buffer),
        unit="B",
        unit_scale=True,
        desc=f"index of {rec.name}",
        delay=2,
        leave=False,
    ) as bar:
        for offset, payload in recordio.scan(buffer, str(rec)):
            header, data = unpack(payload, f"{rec}, byte {offset}")
            ids.append(header.id)
            offsets.append(offset)
            bar.update(offset - bar.n)
    count = len(ids)
    ascending = np.sort(ids)
    if count and ascending[0] <= 1 and (np.diff(ascending) == 1).all():
        keys = np.array(ids, np.int64)
    elif is_header_record(header, data):
        keys = np.append(np.arange(1, count), 0)
    else:
        keys = np.arange(count)
    return keys, np.array(offsets, np.int64)


def _image_count(table: Table, header: IRHeader, data: bytes, rec: Path) -> int:
    """How many images the header record speaks of.

    Beyond 2**24 its float32 labels are rounded; there the exact range counts or, in a set of
    another writer, the records before the empty ones at the end.
    """
    if exact := unpack_range(header, data):
        if exact[1] != len(table.keys):
            raise _mismatch(
                rec, f"the header record says keys end at {exact[1]}, there are {len(table.keys)}"
            )
        return exact[0] - 1
    stated = int(header.labels[0]) - 1
    if is_exact(header.labels[1]):
        return stated
    sizes = table.ends - table.offsets
    images = int(np.flatnonzero(sizes[1:] != identity_bytes(False)).max(initial=-1)) + 1
    if abs(images - stated) > np.spacing(np.float32(header.labels[0])):
        raise _mismatch(rec, f"the header record says about {stated} images, {images} are there")
    return images


def _record(table: Table, buffer: recordio.Buffer, place: int, rec: Path) -> tuple[IRHeader, bytes]:
    where = f"{rec}, key {table.keys[place]}"
    payload, _ = recordio.decode(
        buffer, int(table.offsets[place]), end=int(table.ends[place]), where=str(rec)
    )
    return unpack(payload, where)


def _mismatch(rec: Path, what: str) -> ValueError:
    return ValueError(
        f"{rec}: {what}; the .rec is cut or its .idx is not its own: get both again, or delete the "
        ".idx to have it rebuilt"
    )
