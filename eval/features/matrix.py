"""Matrices as OpenCV's programs write them (formats.md 2.9 and 2.10).

Four little-endian int32, rows, cols, stride in bytes and type (5: float32, 6: float64), then the
numbers row by row. The devkit's own writer gives cols x 4 as stride for float64 too.

Legend: `n` rows, `D` numbers in a row.
"""

import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from data_prep.files import written_aside

HEADER = struct.Struct("<4i")
FLOAT32 = 5
_KINDS: dict[int, np.dtype[Any]] = {FLOAT32: np.dtype("<f4"), 6: np.dtype("<f8")}
_BLOCK = 65_536  # rows written in one go


def read_matrix(path: str | os.PathLike[str]) -> NDArray[np.floating[Any]]:
    """A whole matrix [n, D], float32 or float64, memory-mapped.

    Raises:
        ValueError: no such matrix, or of another length than its header says; the byte is named.
        OSError: it cannot be read.
    """
    with Path(path).open("rb") as file:
        head = file.read(HEADER.size)
        size = file.seek(0, os.SEEK_END)
    rows, cols, kind = _layout(head, size, path)
    return np.memmap(path, dtype=kind, mode="r", offset=HEADER.size, shape=(rows, cols))


def read_vector(path: str | os.PathLike[str], dim: int | None = None) -> NDArray[np.float32]:
    """One image's feature file, one row or one column, [D].

    Args:
        path: the file.
        dim: D, if it is known what it must be.

    Raises:
        ValueError: as `read_matrix`; not one vector, of another D, or a number is not finite; the
            byte is named.
        OSError: it cannot be read.
    """
    data = Path(path).read_bytes()
    rows, cols, kind = _layout(data[: HEADER.size], len(data), path)
    if 1 not in (rows, cols):
        raise ValueError(f"{path}, byte 0: a matrix of {rows} x {cols}, expected one vector")
    if dim is not None and rows * cols != dim:
        raise ValueError(
            f"{path}, byte 0: {rows * cols} numbers, the files before it have {dim}; extract all "
            "images with one model"
        )
    vector = np.frombuffer(data, dtype=kind, offset=HEADER.size)
    with np.errstate(over="ignore"):
        narrow = vector.astype(np.float32)
    if not np.isfinite(narrow).all():
        place = int(np.flatnonzero(~np.isfinite(narrow))[0])
        raise ValueError(
            f"{path}, byte {HEADER.size + place * kind.itemsize}: {vector[place]}, expected finite "
            "float32 numbers; look at the model and that image"
        )
    return narrow


def matrix_bytes(vector_D: NDArray[np.float32]) -> bytes:
    """One image's feature file as the devkit has it: D rows of one float32."""
    return _header(len(vector_D), 1) + vector_D.astype("<f4").tobytes()


def write_matrix(path: str | os.PathLike[str], matrix_nD: NDArray[np.float32]) -> None:
    """Writes a float32 matrix, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    with written_aside(path) as aside, aside.open("wb") as file:
        file.write(_header(*matrix_nD.shape))
        starts = range(0, len(matrix_nD), _BLOCK)
        for start in tqdm(starts, desc="writing", delay=2, leave=False):
            file.write(matrix_nD[start : start + _BLOCK].astype("<f4").tobytes())


def _header(rows: int, cols: int) -> bytes:
    return HEADER.pack(rows, cols, cols * 4, FLOAT32)


def _layout(head: bytes, size: int, path: str | os.PathLike[str]) -> tuple[int, int, np.dtype[Any]]:
    """Rows, cols and type of the numbers."""
    if len(head) < HEADER.size:
        raise ValueError(
            f"{path}, byte {size}: ends within its header of {HEADER.size} bytes; copy it again"
        )
    rows, cols, stride, code = HEADER.unpack(head)
    if code not in _KINDS:
        raise ValueError(
            f"{path}, byte 12: type {code}, expected 5 (float32) or 6 (float64); is it a feature "
            "file?"
        )
    kind = _KINDS[code]
    if rows < 1 or cols < 1:
        raise ValueError(f"{path}, byte 0: {rows} rows of {cols} numbers, expected one or more")
    if stride not in (cols * 4, cols * kind.itemsize):
        raise ValueError(
            f"{path}, byte 8: {stride} bytes a row, expected {cols * kind.itemsize} without gaps"
        )
    whole = HEADER.size + rows * cols * kind.itemsize
    if size != whole:
        raise ValueError(
            f"{path}, byte {min(size, whole)}: {size:,} bytes in all, {rows:,} rows of {cols:,} "
            f"numbers take {whole:,}; copy or write it again"
        )
    return rows, cols, kind
