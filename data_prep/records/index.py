"""The .idx beside a .rec: one line `key<TAB>byte offset` a record (formats.md 2.2)."""

import io
import os
from pathlib import Path
from typing import BinaryIO

import numpy as np

_LONGEST_NUMBER = 18
"""Digits that certainly fit int64."""

_BLOCK = 1 << 19
"""Bytes parsed at once: the arrays made of them stay in the processor's cache."""


class WrongIndexError(ValueError):
    """The .idx is another file's: what it leads to is not what was asked for, though whole."""


def format_index(keys: np.ndarray, offsets: np.ndarray) -> bytes:
    """The text of an .idx.

    Args:
        keys: integers [n], in the order of writing.
        offsets: first byte of each record, integers [n].
    """
    lines = zip(keys.tolist(), offsets.tolist())
    return "".join(f"{key}\t{offset}\n" for key, offset in lines).encode()


def read_index(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Keys and offsets of an .idx file, int64 [n] each, in the file's order.

    Ten million lines take a second or two: form and numbers of a block are worked out on the whole
    array of its bytes.

    Raises:
        ValueError: a line is not `key<TAB>offset`, or the last one is cut; names file and line.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        return _parse(file, os.fstat(file.fileno()).st_size, str(path))


def parse_index(text: bytes, where: str) -> tuple[np.ndarray, np.ndarray]:
    """The same of the text of an .idx.

    Raises:
        ValueError: as `read_index`.
    """
    return _parse(io.BytesIO(text), len(text), where)


def _parse(file: BinaryIO, size: int, where: str) -> tuple[np.ndarray, np.ndarray]:
    # A line is 4 bytes at least; room that is not written to takes no memory.
    keys, offsets = np.empty(size // 4, np.int64), np.empty(size // 4, np.int64)
    lines, rest = 0, b""
    for start in range(0, size, _BLOCK):
        block = rest + file.read(min(_BLOCK, size - start))
        cut = block.rfind(b"\n") + 1
        if not cut and len(block) >= _BLOCK:
            raise _bad_line(block, len(block), lines, where)
        block, rest = block[:cut], block[cut:]
        if block:
            numbers = _parse_lines(block.replace(b"\r\n", b"\n"), lines, where)
            here = slice(lines, lines + len(numbers) // 2)
            keys[here], offsets[here] = numbers[0::2], numbers[1::2]
            lines = here.stop
    if rest:
        raise _bad_line(rest, len(rest), lines, where)
    if not lines:
        raise ValueError(f"{where}: expected lines of key, tab, byte offset; found an empty file")
    keys.resize(lines, refcheck=False)
    offsets.resize(lines, refcheck=False)
    return keys, offsets


def _parse_lines(text: bytes, lines: int, where: str) -> np.ndarray:
    """Key, offset, key, offset .. of whole lines, of which there were `lines` before."""
    # Bytes below "0" wrap around to large numbers, so that one comparison finds all breaks.
    digits = np.frombuffer(text, np.uint8) - np.uint8(ord("0"))
    (breaks,) = np.nonzero(digits > 9)
    lengths = np.diff(breaks, prepend=-1) - 1
    fine = (lengths >= 1) & (lengths <= _LONGEST_NUMBER)
    for first, character in enumerate("\t\n"):
        fine[first::2] &= digits[breaks[first::2]] == (ord(character) - ord("0")) % 256
    if not fine.all():
        raise _bad_line(text, int(breaks[np.argmin(fine)]), lines, where)
    numbers = np.zeros(len(breaks), np.int64)
    for place in range(int(lengths.max())):
        # Where a number has no such place, any digit times zero.
        digit = digits[breaks - (place + 1)]
        numbers += digit * np.where(lengths > place, 10**place, 0)
    return numbers


def _bad_line(text: bytes, at: int, lines: int, where: str) -> ValueError:
    start = text.rfind(b"\n", 0, at) + 1
    stop = text.find(b"\n", at)
    line = text[start : stop + 1 or len(text)]
    return ValueError(
        f"{where}, line {lines + text.count(10, 0, start) + 1}: expected key, tab, byte offset, "
        f"end of line; found {line[:60]!r}; delete the .idx to have it rebuilt from the .rec"
    )
