"""MATLAB files of level 5 (`-v6`, `-v7`), as AgeDB and BLUFR define their protocols in.

Cells, structs, text and real numbers, little-endian. Layout: MathWorks, "MAT-File Format", level 5.
Written out here because SciPy's reader, which is not made for damaged files, can crash on them.
"""

import math
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np

_STORED = {1: "<i1", 2: "<u1", 3: "<i2", 4: "<u2", 5: "<i4", 6: "<u4"} | {
    7: "<f4",
    9: "<f8",
    12: "<i8",
    13: "<u8",
}
_TEXT = {1: "latin-1", 2: "latin-1", 4: "utf-16-le", 16: "utf-8", 17: "utf-16-le", 18: "utf-32-le"}
_MATRIX, _COMPRESSED = 14, 15
_CELL, _STRUCT, _CHAR = 1, 2, 4
_NUMBERS = range(6, 16)
_COMPLEX = 0x0800
_HEADER = 128
_MOST = 1 << 28  # bytes that a compressed variable may unpack to
_DEEPEST = 16


def read_mat(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The variables of a MATLAB file by name.

    Returns:
        Numbers as an array of MATLAB's shape; text as str; a cell as an array of objects of its
        shape; a struct as an array of dicts, fields in their order.

    Raises:
        ValueError: not such a file, damaged, or with what is not read (version 7.3, sparse or
            complex numbers, objects); the file is named.
        OSError: it cannot be read.
    """
    data = Path(path).read_bytes()
    if len(data) < _HEADER or data[124:128] != b"\x00\x01IM":
        raise ValueError(
            f"{path}: expected a little-endian MATLAB file of level 5; save it again with -v7"
        )
    try:
        return _variables(memoryview(data)[_HEADER:])
    except (ValueError, struct.error, zlib.error, IndexError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{path}: damaged, or not to be read here ({reason})") from None


def _variables(rest: memoryview) -> dict[str, Any]:
    found = {}
    while len(rest):
        kind, body, rest = _element(rest)
        if kind == _COMPRESSED:
            unpacker = zlib.decompressobj()
            plain = unpacker.decompress(body, _MOST)
            if not unpacker.eof:
                raise ValueError("a compressed variable is cut short or too large")
            kind, body, _ = _element(memoryview(plain))
        if kind == _MATRIX:
            name, value = _matrix(body, 0)
            found[name] = value
    return found


def _element(data: memoryview) -> tuple[int, memoryview, memoryview]:
    """Kind and content of the first element, and what follows it."""
    kind, size = struct.unpack_from("<II", data)
    if kind >> 16:  # a small one: four bytes or fewer, within the tag
        kind, size, start, end = kind & 0xFFFF, kind >> 16, 4, 8
        if size > 4:
            raise ValueError(f"a small element of {size} bytes")
    else:
        start, end = 8, 8 + size if kind == _COMPRESSED else 8 + size + -size % 8
    if start + size > len(data):
        raise ValueError(f"an element of {size} bytes where {len(data) - start} are left")
    return kind, data[start : start + size], data[min(end, len(data)) :]


def _matrix(data: memoryview, depth: int) -> tuple[str, Any]:
    """Name and value of an array."""
    if not len(data):
        return "", np.zeros((0, 0))
    if depth > _DEEPEST:
        raise ValueError(f"arrays within arrays, more than {_DEEPEST} deep")
    _, flags, data = _element(data)
    _, dims, data = _element(data)
    _, name, data = _element(data)
    word = struct.unpack_from("<I", flags)[0]
    shape = tuple(np.frombuffer(dims, "<i4").tolist())
    if len(shape) < 2 or min(shape) < 0:
        raise ValueError(f"an array of shape {shape}")
    return str(name, "latin-1"), _content(data, word, shape, depth)


def _content(data: memoryview, word: int, shape: tuple[int, ...], depth: int) -> Any:
    family = word & 0xFF
    if family == _CELL:
        return _arrays(data, shape, [None], depth)
    if family == _STRUCT:
        _, width, data = _element(data)
        _, names, data = _element(data)
        step = struct.unpack("<i", width)[0]
        if step < 1:
            raise ValueError(f"field names of {step} bytes")
        parts = [bytes(names[at : at + step]) for at in range(0, len(names), step)]
        return _arrays(data, shape, [str(p.partition(b"\0")[0], "latin-1") for p in parts], depth)
    if family not in (_CHAR, *_NUMBERS) or word & _COMPLEX:
        raise ValueError(f"an array of class {family}{' (complex)' if word & _COMPLEX else ''}")
    kind, body, _ = _element(data)
    if family == _CHAR:
        if kind not in _TEXT:
            raise ValueError(f"text stored as type {kind}")
        return str(body, _TEXT[kind])
    if kind not in _STORED:
        raise ValueError(f"numbers stored as type {kind}")
    values = np.frombuffer(body, _STORED[kind])
    if len(values) != math.prod(shape):
        raise ValueError(f"{len(values)} numbers in an array of shape {shape}")
    return values.reshape(shape, order="F")


def _arrays(
    data: memoryview, shape: tuple[int, ...], fields: list[str] | list[None], depth: int
) -> Any:
    """A cell (its one field is None) or a struct, which holds an array an item and field."""
    count = math.prod(shape)
    if count * len(fields) * 8 > len(data):
        raise ValueError(f"{count} items in {len(data)} bytes")
    found = np.empty(count, dtype=object)
    for place in range(count):
        values = {}
        for field in fields:
            kind, body, data = _element(data)
            if kind != _MATRIX:
                raise ValueError(f"an item of type {kind}, expected an array")
            values[field] = _matrix(body, depth + 1)[1]
        found[place] = values[None] if fields == [None] else values
    return found.reshape(shape, order="F")
