"""dmlc RecordIO frames: what lies between two records of a .rec file (formats.md 2.1).

A frame is `magic u32 | cflag << 29 | length u32 | payload | zeros up to 4 bytes`, little-endian.
A record whose payload holds the magic at a multiple of 4 is split there: the four bytes are dropped
by the writer and put back by the reader between the parts, so a reader that has lost its place
finds the next record by looking for the magic.
"""

import mmap
import struct
from collections.abc import Iterator

MAGIC = 0xCED7230A
MAGIC_BYTES = MAGIC.to_bytes(4, "little")
LENGTH_LIMIT = 1 << 29
"""Payloads are shorter than this, bytes: 29 bits of length."""

WHOLE, FIRST, MIDDLE, LAST = 0, 1, 2, 3
"""The cflag of a frame: a record in one piece, or a part of a split one."""

_FRAME = struct.Struct("<II")

Buffer = bytes | bytearray | memoryview | mmap.mmap
"""What is decoded: the bytes of a whole .rec file."""


def encode(payload: bytes) -> bytes:
    """The frames of one record.

    Args:
        payload: the record's bytes, fewer than 2**29.

    Raises:
        ValueError: the payload is too long for the format.
    """
    if len(payload) >= LENGTH_LIMIT:
        raise ValueError(
            f"RecordIO: expected a record of fewer than {LENGTH_LIMIT} bytes, found "
            f"{len(payload)}; store smaller images"
        )
    parts = _split(payload)
    if len(parts) == 1:
        return _frame(WHOLE, payload)
    flags = [FIRST, *[MIDDLE] * (len(parts) - 2), LAST]
    return b"".join(_frame(flag, part) for flag, part in zip(flags, parts))


def decode(
    buffer: Buffer, offset: int = 0, *, end: int | None = None, where: str = "RecordIO"
) -> tuple[bytes, int]:
    """The record that starts at `offset`, and where the next one starts.

    Everything that the format fixes is checked: magic, order of the parts, zero padding, and that
    the record is followed by `end` or, without one, by another record or the end of the buffer.
    What the format leaves open it cannot show: a length that is changed so that zeros of the
    padding count as payload, or the other way round.

    Args:
        buffer: a whole .rec file.
        offset: first byte of the record's magic.
        end: where the record must end, if known (from the index), byte.
        where: the file's name, for messages.

    Returns:
        The payload, and the byte after the record's padding.

    Raises:
        ValueError: the bytes are no such record; names file and byte.
    """
    size = len(buffer)
    flag, start, stop = read_frame(buffer, offset, where)
    if flag not in (WHOLE, FIRST):
        raise _broken(where, offset, "the start of a record", f"the rest of one (cflag {flag})")
    parts = [bytes(buffer[start:stop])]
    following = _after_padding(buffer, stop, where)
    while flag in (FIRST, MIDDLE):
        if (stop - start) % 4:
            raise _broken(
                where,
                start - 4,
                "a part of a split record to be a multiple of 4 bytes",
                stop - start,
            )
        here = following
        flag, start, stop = read_frame(buffer, here, where)
        if flag not in (MIDDLE, LAST):
            raise _broken(where, here, "the next part of a split record", f"cflag {flag}")
        parts.append(bytes(buffer[start:stop]))
        following = _after_padding(buffer, stop, where)
    if end is not None and following != end:
        raise _broken(where, offset, f"a record ending at byte {end}", f"one ending at {following}")
    if end is None and following < size:
        next_flag, _, _ = read_frame(buffer, following, where)
        if next_flag not in (WHOLE, FIRST):
            raise _broken(where, following, "a new record", f"part of one (cflag {next_flag})")
    return MAGIC_BYTES.join(parts), following


def scan(buffer: Buffer, where: str = "RecordIO") -> Iterator[tuple[int, bytes]]:
    """All records of a file in the order they were written, as (offset, payload).

    Raises:
        ValueError: as `decode`.
    """
    offset = 0
    while offset < len(buffer):
        payload, following = decode(buffer, offset, where=where)
        yield offset, payload
        offset = following


def read_frame(buffer: Buffer, offset: int, where: str) -> tuple[int, int, int]:
    """One frame's cflag and the range [start, stop) of its payload.

    Raises:
        ValueError: no frame is there, or it reaches past the end; names file and byte.
    """
    size = len(buffer)
    if offset % 4:
        raise _broken(where, offset, "a record at a multiple of 4", offset)
    if offset + 8 > size:
        raise _broken(where, offset, "a record", f"the end of the file at byte {size}")
    magic, length_and_flag = _FRAME.unpack_from(buffer, offset)
    if magic != MAGIC:
        raise _broken(where, offset, f"the magic {MAGIC:#010x}", f"{magic:#010x}")
    start = offset + 8
    stop = start + length_and_flag % LENGTH_LIMIT
    if stop + -stop % 4 > size:
        raise _broken(
            where,
            offset + 4,
            f"a payload of {stop - start} bytes",
            f"{size - start} before the end",
        )
    return length_and_flag // LENGTH_LIMIT, start, stop


def _split(payload: bytes) -> list[bytes]:
    """The payload cut at every magic that lies at a multiple of 4, without these magics."""
    parts = []
    start = 0
    at = payload.find(MAGIC_BYTES)
    while at >= 0:
        if at % 4 == 0:
            parts.append(payload[start:at])
            start = at + 4
        # The magic's four bytes differ, so two of them never overlap.
        at = payload.find(MAGIC_BYTES, at + 4)
    parts.append(payload[start:])
    return parts


def _frame(flag: int, part: bytes) -> bytes:
    return _FRAME.pack(MAGIC, flag * LENGTH_LIMIT + len(part)) + part + bytes(-len(part) % 4)


def _after_padding(buffer: Buffer, stop: int, where: str) -> int:
    following = stop + -stop % 4
    padding = bytes(buffer[stop:following])
    if padding.strip(b"\0"):
        raise _broken(where, stop, "zero padding", padding.hex(" "))
    return following


def _broken(where: str, offset: int, expected: str, found: object) -> ValueError:
    return ValueError(
        f"{where}, byte {offset}: expected {expected}, found {found}; "
        "the file is damaged, get or pack it again"
    )
