"""Changes to bytes that readers trip over: bits, lengths, numbers in digits, cuts, repeats."""

import random
import re

_BYTES = b"\x00\x01\x7f\x80\xff\n\r\t ,.-/+0129aeE{}[]\"'"
_WORDS = [0, 1, 3, 4, 7, 8, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 2**24, 2**29 - 1, 2**31 - 1, 2**31]
_WORDS += [2**32 - 1, 0x7F800000, 0x7FC00000, 0xFF800000, 0x3F800000, 0xCED7230A]
_NUMBERS = [b"0", b"-1", b"1", b"2", b"10", b"300", b"1e9", b"nan", b"inf", b"-0.0", b"1.5"]
_NUMBERS += [b"16777217", b"4294967296", b"9223372036854775808", b"9" * 40, b"", b"0x10"]
_NUMBERS += ["٣".encode(), "²".encode(), b"9" * 5000]  # digits of other scripts; a huge integer
_DIGITS = re.compile(rb"\d+")
_PIECES = [
    b"\x0a\x23\xd7\xce",
    b"\n",
    b"\r\n",
    b"\t",
    b"\0\0\0\0",
    b"../",
    b"\xef\xbb\xbf",
    b"\xc3",
]
_LONGEST = 1 << 14


def mutated(data: bytes, other: bytes, draw: random.Random) -> bytes:
    """One to four changes of `data`; some bring in parts of `other`."""
    for _ in range(1 + int(draw.random() * draw.random() * 4)):
        data = draw.choice(_CHANGES)(data, other, draw)[:_LONGEST]
    return data


def _flip(data: bytes, _: bytes, draw: random.Random) -> bytes:
    if not data:
        return data
    at = draw.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << draw.randrange(8)]) + data[at + 1 :]


def _byte(data: bytes, _: bytes, draw: random.Random) -> bytes:
    at = draw.randrange(len(data) + 1)
    return data[:at] + bytes([draw.choice(_BYTES)]) + data[at + 1 :]


def _word(data: bytes, _: bytes, draw: random.Random) -> bytes:
    """Four bytes at a multiple of 4, or anywhere, or two of them, in either order."""
    at = draw.randrange(len(data) + 1) & (-4 if draw.random() < 0.7 else -1)
    word = (draw.choice(_WORDS) + draw.choice((0, 0, 0, 1, -1))) % 2**32
    size = draw.choice((4, 4, 4, 2))
    new = (word % 256**size).to_bytes(size, draw.choice(("little", "little", "big")))
    return data[:at] + new + data[at + size :]


def _number(data: bytes, _: bytes, draw: random.Random) -> bytes:
    """Another number in digits."""
    found = list(_DIGITS.finditer(data[:_LONGEST]))
    if not found:
        return _flip(data, b"", draw)
    start, stop = draw.choice(found).span()
    if draw.random() < 0.5:
        return data[:start] + draw.choice(_NUMBERS) + data[stop:]
    number = int(data[start : min(stop, start + 30)]) + draw.choice((-1, 1, 4, -4))
    return data[:start] + str(number).encode() + data[stop:]


def _cut(data: bytes, _: bytes, draw: random.Random) -> bytes:
    return data[: draw.randrange(len(data) + 1)]


def _remove(data: bytes, _: bytes, draw: random.Random) -> bytes:
    start, stop = _span(data, draw)
    return data[:start] + data[stop:]


def _repeat(data: bytes, _: bytes, draw: random.Random) -> bytes:
    start, stop = _span(data, draw)
    return data[:stop] + data[start:stop] * draw.choice((1, 1, 2, 50)) + data[stop:]


def _move(data: bytes, _: bytes, draw: random.Random) -> bytes:
    start, stop = _span(data, draw)
    rest = data[:start] + data[stop:]
    at = draw.randrange(len(rest) + 1)
    return rest[:at] + data[start:stop] + rest[at:]


def _insert(data: bytes, _: bytes, draw: random.Random) -> bytes:
    at = draw.randrange(len(data) + 1)
    return data[:at] + draw.choice(_PIECES) + data[at:]


def _splice(data: bytes, other: bytes, draw: random.Random) -> bytes:
    return data[: draw.randrange(len(data) + 1)] + other[draw.randrange(len(other) + 1) :]


def _span(data: bytes, draw: random.Random) -> tuple[int, int]:
    start = draw.randrange(len(data) + 1)
    return start, min(len(data), start + draw.choice((1, 2, 4, 8, 32, 200)))


_CHANGES = [_flip, _byte, _word, _word, _number, _number, _cut, _remove, _repeat, _move, _insert]
_CHANGES += [_splice]
