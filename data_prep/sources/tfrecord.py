"""TFRecord shards with a list, as TFace writes them (formats.md 2.12).

A record is `length u64 | masked CRC-32C of these 8 bytes u32 | payload | masked CRC-32C of it u32`,
little-endian; the payload is a tf.train.Example, a protocol buffer, with the image under the name
`image`. A line of the list is `name TAB shard TAB byte offset TAB label`, the shard's file
`ROOT/name/name-00000.tfrecord`.
"""

import re
import struct
from array import array
from collections.abc import Iterator
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.sources.crc32c import crc32c, masked
from data_prep.sources.people import People, grouped
from data_prep.sources.tables import class_number, relative_path, rows

_LENGTH = struct.Struct("<QI")
_CRC = struct.Struct("<I")
_NUMBER = re.compile("[0-9]{1,18}")  # fits 64 bits
_IMAGE_NAMES = ("image", "image_raw", "image/encoded")
"""What writers call the encoded image; the first is TFace's."""


class TFRecordPeople(People):
    """Images in TFRecord shards. Classes are labels; images are called `label/place in the list`.

    The list's order is kept within a class.
    """

    def __init__(self, root: Path, list_file: Path):
        """Reads the list and opens the shards.

        Args:
            root: the folder in which each set has a folder.
            list_file: TFace's index.

        Raises:
            ValueError: a line is none of TFace's, or a shard ends before its last record.
            OSError: the list or a shard cannot be read.
        """
        self.title, self._root, self._list = str(root), root, list_file
        numbers: dict[tuple[str, str], int] = {}
        self._paths: list[Path] = []
        self._files: list[mmap] = []
        self._shards, self._offsets, labels = array("i"), array("q"), array("q")
        names: list[str] = []
        for number, fields in rows(list_file):
            where = f"{list_file}, line {number}"
            if len(fields) != 4 or not all(map(_NUMBER.fullmatch, fields[1:3])):
                raise ValueError(
                    f"{where}: expected name, shard, byte offset, label with tabs between, found "
                    f"{len(fields)} columns, {fields[0][:40]!r} ..; correct the line"
                )
            name, shard = fields[0], fields[1]
            if (name, shard) not in numbers:
                numbers[name, shard] = len(numbers)
                self._open(relative_path(name, root, where), int(shard), where)
            labels.append(class_number(fields[3], where))
            self._shards.append(numbers[name, shard])
            self._offsets.append(int(fields[2]))
            names.append(f"{labels[-1]:06d}/{len(names):08d}")
        self._require_ends()
        self.people = grouped(names, np.array(labels, np.int64))

    def encoded(self, name: str) -> bytes:
        """The record's image; both checksums are verified."""
        shard, offset = self._find(name)
        where = f"{self._paths[shard]}, byte {offset}"
        features = _features(read_record(self._files[shard], offset, where), where)
        for key in _IMAGE_NAMES:
            if features.get(key):
                return features[key]
        raise ValueError(
            f"{where}: expected an image among the record's features ({', '.join(_IMAGE_NAMES)}), "
            f"found {', '.join(map(repr, sorted(features))) or 'none with bytes'}; not a face set"
        )

    def length(self, name: str) -> int:
        """The payload's length as the record states it."""
        shard, offset = self._find(name)
        stated = self._files[shard][offset : offset + 8]
        return int.from_bytes(stated, "little")

    def where(self, name: str) -> str:
        """The shard, the byte, and the image's name."""
        shard, offset = self._find(name)
        return f"{self._paths[shard]}, byte {offset} ({name})"

    def about(self) -> dict[str, Any]:
        """The folder's and the list's name."""
        return {"images": self._root.name, "list": self._list.name, "kind": "TFRecord shards"}

    def _find(self, name: str) -> tuple[int, int]:
        place = int(name.rpartition("/")[2])
        return self._shards[place], self._offsets[place]

    def _require_ends(self) -> None:
        """Refuses a shard that is cut: it would be every image after the cut that is lost."""
        last = np.zeros(len(self._files), np.int64)
        np.maximum.at(last, np.array(self._shards), np.array(self._offsets))
        for file, path, offset in zip(self._files, self._paths, last.tolist()):
            _length(file, offset, f"{path}, byte {offset}")

    def _open(self, name: str, shard: int, where: str) -> None:
        path = self._root / name / f"{Path(name).name}-{shard:05d}.tfrecord"
        try:
            with path.open("rb") as file:
                self._files.append(mmap(file.fileno(), 0, access=ACCESS_READ))
        except FileNotFoundError:
            raise FileNotFoundError(
                f"{where}: expected the shard {path}, found no file; give the folder that holds "
                f"{name}/ as --images"
            ) from None
        except ValueError:
            raise ValueError(f"{path}: expected records, found an empty file") from None
        self._paths.append(path)


def read_record(buffer: mmap | bytes, offset: int, where: str) -> bytes:
    """The payload of the TFRecord at a byte offset.

    Raises:
        ValueError: a checksum is another, or the file ends before; the message begins with `where`.
    """
    length = _length(buffer, offset, where)
    if length is None:
        raise _broken(where, "a record", "a length that its checksum does not fit")
    start = offset + _LENGTH.size
    payload = buffer[start : start + length]
    if masked(crc32c(payload)) != _CRC.unpack_from(buffer, start + length)[0]:
        raise _broken(where, "a record that its checksum fits", "other bytes")
    return payload


def _length(buffer: mmap | bytes, offset: int, where: str) -> int | None:
    """The bytes of a record's payload; None if its checksum does not fit.

    Raises:
        ValueError: the file ends before the record does.
    """
    head = buffer[offset : offset + _LENGTH.size]
    if len(head) < _LENGTH.size:
        raise _broken(where, "a record", f"the end of the file at byte {len(buffer)}")
    length, stated = _LENGTH.unpack(head)
    if masked(crc32c(head[:8])) != stated:
        return None
    left = len(buffer) - offset - _LENGTH.size
    if left < length + _CRC.size:
        raise _broken(where, f"a record of {length} bytes", f"{left} before the end")
    return int(length)


def _features(example: bytes, where: str) -> dict[str, bytes]:
    """The features of a tf.train.Example that have bytes: the first value of each, by name.

    Example.features = 1, Features.feature = 1 (a map: key 1, value 2), Feature.bytes_list = 1,
    BytesList.value = 1.
    """
    found = {}
    for features in _messages(example, 1, where):
        for entry in _messages(features, 1, where):
            key = next(_messages(entry, 1, where), b"").decode(errors="replace")
            for feature in _messages(entry, 2, where):
                for values in _messages(feature, 1, where):
                    found[key] = next(_messages(values, 1, where), b"")
    return found


def _messages(message: bytes, wanted: int, where: str) -> Iterator[bytes]:
    """The length-delimited fields of one number in a protocol buffer, others skipped."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at, where)
        kind = tag & 7
        length = {1: 8, 5: 4}.get(kind, 0)
        if kind == 0:
            _, at = _varint(message, at, where)
        elif kind == 2:
            length, at = _varint(message, at, where)
        elif not length:
            raise _broken(where, "a tf.train.Example", f"field type {kind}")
        if at + length > len(message):
            raise _broken(where, "a tf.train.Example", "a field longer than the message")
        if kind == 2 and tag >> 3 == wanted:
            yield message[at : at + length]
        at += length


def _varint(message: bytes, at: int, where: str) -> tuple[int, int]:
    """A number in groups of seven bits, lowest first, and the byte after it."""
    value = 0
    for place, byte in enumerate(message[at : at + 10]):
        value |= (byte & 127) << 7 * place
        if byte < 128:
            return value, at + place + 1
    raise _broken(where, "a tf.train.Example", "a number without end")


def _broken(where: str, expected: str, found: str) -> ValueError:
    return ValueError(
        f"{where}: expected {expected}, found {found}; the shard is damaged or the list is "
        "another's: get both again"
    )
