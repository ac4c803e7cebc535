"""Reading a record set: any image at random, straight from the mapped file."""

import mmap
import struct
import zlib
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from data_prep.records import recordio
from data_prep.records.fields import as_words, read_ids, read_labels, read_ranges
from data_prep.records.header import SIZE, unpack
from data_prep.records.index import WrongIndexError, read_index
from data_prep.records.layout import Table, build_table, find_images, rebuild_index
from data_prep.records.manifest import (
    as_prefix,
    manifest_path,
    read_crcs,
    read_manifest,
    read_property,
    rec_of,
    with_suffix,
)

_SAMPLED_IDS = 64

_unpack_head = struct.Struct("<IIIfQQ").unpack_from
"""Frame and header of a record in one piece: magic, length, flag, label, id, id2."""

_PADDINGS = frozenset(bytes(count) for count in range(4))


class _Tables(NamedTuple):
    """What one read needs, as objects whose elements are Python's own integers.

    An element of a NumPy array takes three times as long to come by.
    """

    buffer: mmap.mmap
    view: memoryview
    offsets: memoryview
    ends: memoryview
    keys: memoryview | range | None
    crcs: memoryview | None


class RecordSet:
    """The images of a .rec, in key order.

    Reads InsightFace's train.rec and sets without a header record (im2rec). It can be handed to
    worker processes, forked or spawned: each maps the file anew when it first reads. Memory is some
    24 bytes an image. Sets of our own writer have a CRC-32 for every image, which each read checks;
    in a foreign set a changed length that still ends in the same zero padding cannot be noticed.

    Attributes:
        prefix: `dir/train`, without .rec.
        manifest: what our writer wrote beside the set; None for a foreign set.
        identities: InsightFace's identity records, where the set has them.
        wide: whether the numbers of the set stand in it as integers too (docs/formats.md, "Sets
            past 2^24").
    """

    def __init__(self, prefix: str | Path):
        """Opens a set.

        Args:
            prefix: `dir/train` or `dir/train.rec`. Without an .idx, the index is rebuilt in memory.

        Raises:
            ValueError: .rec, .idx and manifest do not fit together; names file and byte or line.
            OSError: a file is missing.
        """
        self.prefix = as_prefix(prefix)
        self.rec = rec_of(self.prefix)
        self.size = self.rec.stat().st_size
        if self.size == 0:
            raise ValueError(
                f"{self.rec}: expected records, found an empty file; pack the set again"
            )
        self.manifest = read_manifest(self.prefix)
        idx = with_suffix(self.prefix, "idx")
        indexed = idx.exists()
        keys, offsets = read_index(idx) if indexed else rebuild_index(self._buffer, self.rec)
        table, repeated = build_table(keys, offsets, self.size, self.rec)
        self._table, self.identities, self.wide = find_images(table, self._buffer, self.rec)
        self._crcs = None
        if self.manifest is not None:
            self._crcs = read_crcs(self.prefix, self.manifest, len(self), self.wide)
        self._ids_are_keys = indexed and self._check_ids(repeated)

    def __len__(self) -> int:
        return len(self._table.keys)

    def __iter__(self) -> Iterator[bytes]:
        """The encoded images in key order."""
        return map(self.image_bytes, range(len(self)))

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        for name in ("_buffer", "_words", "_tables"):
            state.pop(name, None)
        return state

    @property
    def keys(self) -> np.ndarray:
        """The key of each image, int64 [n], ascending."""
        return self._table.keys

    @cached_property
    def labels(self) -> np.ndarray:
        """The class of each image as stored, int64 [n]; the first label where there is a list.

        Taken from the identity records where these cover the images without gap and agree with the
        images at both ends of each range; otherwise from every image's header.

        Raises:
            ValueError: a label is not a whole number from 0, or a record is damaged.
        """
        ranges = self.identity_ranges()
        if ranges is not None:
            labels = self._labels_of(self._rows(ranges[:, 0]))
            if np.array_equal(labels, self._labels_of(self._rows(ranges[:, 1] - 1))):
                return np.repeat(labels, ranges[:, 1] - ranges[:, 0])
        return self.labels_in_headers()

    @cached_property
    def num_classes(self) -> int:
        """Classes as the manifest or `property` states them; without either, largest label + 1.

        Raises:
            ValueError: a label is not below what is stated.
        """
        largest = int(self.labels.max()) + 1
        stated, source = largest, ""
        if self.manifest is not None:
            stated, source = self.manifest["num_classes"], str(manifest_path(self.prefix))
        elif (path := self.prefix.with_name("property")).exists():
            stated, source = read_property(path)[0], str(path)
        if largest > stated:
            raise ValueError(
                f"{source}: expected {stated} classes, {self.rec} has label {largest - 1}; "
                "correct the one that is wrong"
            )
        return stated

    def image_bytes(self, i: int) -> bytes:
        """The encoded image at position `i` (0 to n - 1, key order).

        Raises:
            IndexError: no such position.
            WrongIndexError: the index leads to another image.
            ValueError: the record is damaged or not an image; names file, key and byte.
        """
        buffer, view, offsets, ends, keys, crcs = self._tables
        if not 0 <= i < len(offsets):
            raise IndexError(
                f"{self.rec}: expected an image from 0 to {len(self) - 1}, asked for {i}"
            )
        offset, end = offsets[i], ends[i]
        # Nearly every record is in one piece with a scalar label; all others, and all damaged
        # ones, go the careful way.
        if SIZE + 8 < end - offset < recordio.LENGTH_LIMIT:
            magic, length, flag, _, identifier, _ = _unpack_head(buffer, offset)
            stop = offset + 8 + length
            if (
                magic == recordio.MAGIC
                and flag == 0
                and length > SIZE
                and stop <= end
                and buffer[stop:end] in _PADDINGS
                and (keys is None or identifier == keys[i])
                and (crcs is None or zlib.crc32(view[offset + 8 : stop]) == crcs[i])
            ):
                return buffer[offset + 8 + SIZE : stop]
        return self._image_carefully(i)

    def expect(self, i: int) -> None:
        """Has the system fetch image `i` (0 to n - 1), if it is not in memory; does not wait.

        A read that has to wait for the disk holds Python's lock, and so all other threads.
        """
        buffer, _, offsets, ends, _, _ = self._tables
        start = offsets[i] - offsets[i] % mmap.PAGESIZE
        buffer.madvise(mmap.MADV_WILLNEED, start, ends[i] - start)

    def _image_carefully(self, i: int) -> bytes:
        """`image_bytes` for records of every form; says what is wrong with a damaged one."""
        key, offset = int(self._table.keys[i]), int(self._table.offsets[i])
        where = f"{self.rec}, key {key}, byte {offset}"
        payload, _ = recordio.decode(
            self._buffer, offset, end=int(self._table.ends[i]), where=str(self.rec)
        )
        header, data = unpack(payload, where)
        crc = zlib.crc32(payload)
        # With another id, yet a checksum of this set, it is another image, and whole.
        if self._ids_are_keys and header.id != key and (self._crcs is None or crc in self._crcs):
            raise self._wrong_id(key, offset, header.id)
        if self._crcs is not None and self._crcs[i] != crc:
            raise ValueError(
                f"{where}: the record's CRC-32 is not the manifest's; pack the set again"
            )
        if not data:
            raise ValueError(
                f"{where}: expected an image, found an empty record; get the set again"
            )
        return data

    @cached_property
    def _buffer(self) -> mmap.mmap:
        with self.rec.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if len(mapped) != self.size:
            raise ValueError(
                f"{self.rec}: expected {self.size} bytes as when it was opened, found "
                f"{len(mapped)}; start again"
            )
        return mapped

    @cached_property
    def _tables(self) -> _Tables:
        table, crcs = self._table, self._crcs
        keys: memoryview | range | None = None
        if self._ids_are_keys:
            # A range costs no look into memory that is far away.
            consecutive = range(int(table.keys[0]), int(table.keys[-1]) + 1)
            keys = table.keys.data if self._has_gaps() else consecutive
        return _Tables(
            self._buffer,
            memoryview(self._buffer),
            table.offsets.data,
            table.ends.data,
            keys,
            None if crcs is None else crcs.data,
        )

    @cached_property
    def _words(self) -> np.ndarray:
        return as_words(self._buffer)

    def _check_ids(self, repeated: Table) -> bool:
        """Whether ids number the records, as most writers have it; foreign sets need not.

        Told from a sample. If so, the index is held against the ids where that costs nothing (the
        sample), and whole where its keys have gaps or repeat.

        Raises:
            ValueError: most ids are keys, some are not: the index is damaged.
        """
        places = np.linspace(0, len(self) - 1, _SAMPLED_IDS).astype(np.int64)
        sample = self._rows(np.unique(places))
        matches = read_ids(self._words, sample) == sample.keys
        if self.manifest is None and 2 * matches.sum() <= len(matches):
            return False
        whole = self._has_gaps() or len(repeated.keys)
        self._require_ids(self._table if whole else sample)
        self._require_ids(repeated)
        return True

    def _has_gaps(self) -> bool:
        return bool(self.keys[-1] - self.keys[0] + 1 != len(self))

    def _require_ids(self, table: Table) -> None:
        ids = read_ids(self._words, table)
        wrong = (ids != table.keys) & (ids >= 0)
        if wrong.any():
            bad = int(np.argmax(wrong))
            raise self._wrong_id(int(table.keys[bad]), int(table.offsets[bad]), int(ids[bad]))

    def _wrong_id(self, key: int, offset: int, found: int) -> WrongIndexError:
        return WrongIndexError(
            f"{self.rec}, key {key}, byte {offset}: expected a record with id {key}, found "
            f"id {found}; the .idx is another file's: get it again, or delete it to rebuild it"
        )

    def identity_ranges(self) -> np.ndarray | None:
        """The positions [start, stop) of each person's images, int64 [C, 2], from identity records.

        None if the set has none, or they do not cover its images in order (`read_ranges`).
        """
        return read_ranges(self._words, self.identities, len(self), self.wide)

    def labels_in_headers(self) -> np.ndarray:
        """The label in each image's own header, int64 [n]: what `labels` is checked against.

        Raises:
            ValueError: as `labels`.
        """
        return self._labels_of(self._table)

    def _rows(self, places: np.ndarray) -> Table:
        table = self._table
        return Table(table.keys[places], table.offsets[places], table.ends[places])

    def _labels_of(self, table: Table) -> np.ndarray:
        if self._ids_are_keys:
            self._require_ids(table)
        return read_labels(self._buffer, self._words, table, self.rec, self.wide)
