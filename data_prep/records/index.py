"""The .idx beside a .rec: one line `key<TAB>byte offset` a record (formats.md 2.2)."""

from pathlib import Path

import numpy as np

_LONGEST_NUMBER = 18
"""Digits that certainly fit int64."""


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

    Raises:
        ValueError: a line is not `key<TAB>offset`; names file and line.
        OSError: the file cannot be read.
    """
    return parse_index(path.read_bytes(), str(path))


def parse_index(text: bytes, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Keys and offsets of the text of an .idx, int64 [n] each, in the text's order.

    Millions of lines take a second: the form is checked on the whole array of bytes.

    Raises:
        ValueError: a line is not `key<TAB>offset`, or the last one is cut; names file and line.
    """
    text = text.replace(b"\r\n", b"\n")
    if not text:
        raise ValueError(f"{where}: expected lines of key, tab, byte offset; found an empty file")
    characters = np.frombuffer(text, np.uint8)
    is_digit = (characters >= ord("0")) & (characters <= ord("9"))
    (breaks,) = np.nonzero(~is_digit)
    digits = np.diff(breaks, prepend=-1) - 1
    wanted = np.where(np.arange(len(breaks)) % 2, ord("\n"), ord("\t"))
    fine = (characters[breaks] == wanted) & (digits >= 1) & (digits <= _LONGEST_NUMBER)
    if not fine.all():
        raise _bad_line(text, int(breaks[np.argmin(fine)]), where)
    if len(breaks) == 0 or len(breaks) % 2 or breaks[-1] != len(text) - 1:
        raise _bad_line(text, len(text) - 1, where)
    numbers = np.fromstring(text.decode("ascii"), np.int64, sep=" ")
    return numbers[0::2].copy(), numbers[1::2].copy()


def _bad_line(text: bytes, at: int, where: str) -> ValueError:
    start = text.rfind(b"\n", 0, at) + 1
    stop = text.find(b"\n", at)
    line = text[start : stop + 1 or len(text)]
    return ValueError(
        f"{where}, line {text.count(10, 0, start) + 1}: expected key, tab, byte offset, "
        f"end of line; found {line[:60]!r}; delete the .idx to have it rebuilt from the .rec"
    )
