"""Reading a damaged .rec: everything in it that is still a record, and the bytes that are none.

After damage the place is found again at the next magic at a multiple of 4 (formats.md 2.1): inside
a payload the format never has one there.
"""

import mmap
from collections.abc import Iterator
from dataclasses import dataclass

from data_prep.records import recordio


@dataclass(frozen=True, slots=True)
class Found:
    """A record whose frames are in order.

    Attributes:
        offset: its first byte.
        end: the byte after its padding.
        payload: header, labels, image.
    """

    offset: int
    end: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes that are no record.

    Attributes:
        offset: the first of them.
        end: the byte after them.
        reason: what was expected there, and what is there.
    """

    offset: int
    end: int
    reason: str


def salvage(buffer: bytes | mmap.mmap) -> Iterator[Found | Damage]:
    """Everything in a .rec in order and without gap.

    A record is found if its own frames are in order, whatever follows it. A length that was changed
    to fewer whole words is not noticed here; it leaves an image without its end.

    Args:
        buffer: the whole file.
    """
    offset = 0
    while offset < len(buffer):
        try:
            end = _record_end(buffer, offset)
            payload, _ = recordio.decode(buffer, offset, end=end)
        except ValueError as error:
            end = _next_record(buffer, offset + 4)
            yield Damage(offset, end, str(error).partition(": ")[2].partition(";")[0])
        else:
            yield Found(offset, end, payload)
        offset = end


def _record_end(buffer: bytes | mmap.mmap, offset: int) -> int:
    """Where the record at `offset` ends by its own lengths.

    Raises:
        ValueError: its frames are not in order, or another record begins inside.
    """
    flag, here = recordio.FIRST, offset
    while flag in (recordio.FIRST, recordio.MIDDLE):
        flag, start, stop = recordio.read_frame(buffer, here, "RecordIO")
        here = stop + -stop % 4
        inside = _find_magic(buffer, start, stop)
        if inside < stop:
            raise ValueError(
                f"RecordIO, byte {offset}: expected one record up to byte {here}, found another "
                f"that begins at byte {inside}"
            )
    return here


def _next_record(buffer: bytes | mmap.mmap, start: int) -> int:
    """The first place from `start` on where a record can begin; the end if there is none."""
    at = _find_magic(buffer, start, len(buffer))
    while at + 8 <= len(buffer) and buffer[at + 7] >> 5 not in (recordio.WHOLE, recordio.FIRST):
        at = _find_magic(buffer, at + 4, len(buffer))
    return at if at + 8 <= len(buffer) else len(buffer)


def _find_magic(buffer: bytes | mmap.mmap, start: int, stop: int) -> int:
    """The first magic at a multiple of 4 in [start, stop); `stop` if there is none."""
    at = buffer.find(recordio.MAGIC_BYTES, start, stop)
    while at >= 0 and at % 4:
        at = buffer.find(recordio.MAGIC_BYTES, at + 1, stop)
    return at if at >= 0 else stop
