"""Screening: similarities in a cheap precision, and how far they can be from the reference.

Rows u, v of length 1 are rounded to a, b. With r = |u - a|, q = |v - b| (Euclidean, measured for
bfloat16 and int8), and |u|, |v| <= 1:

    |u.v - a.b| <= |u - a| |v| + |a| |v - b| <= r + (1 + r) q                  (Cauchy-Schwarz)
    |a.b - computed| <= g |a| |b| <= g (1 + r)(1 + q),  g = D w / (1 - D w)    (any order)

and the bound is their sum, plus 1e-9 for what is far smaller: the reference's own rounding
(below 1e-14) and numbers under float32's range that a unit may flush to zero (D 2^-126).
w is twice the accumulator's unit roundoff, so that a unit which truncates is covered too: 2^-23
for float32 and bfloat16 (products of two bfloat16 are exact in float32; torch on the CPU and AMX
accumulate in float32), 2^-52 for float64; int8 adds integers exactly, g = 0.
Source of g: Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., (3.5).

bfloat16 products come out rounded to bfloat16. Rounding is monotone, so no width is added for it:
a threshold t - bound is rounded too, and taken one number lower (t + bound one higher), which
holds for every rounding to one of the two neighbours.

Scores leave here as *keys*: numbers that order as the similarities do and that can be compared
without arithmetic. bfloat16 keys are the bits as int16, which order as they should above zero;
`order` makes them order everywhere.

Legend: `p` probes, `g` gallery rows, `D` numbers in an embedding.
"""

import sys
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from eval.similarity.vectors import Vectors

Precision = Literal["bfloat16", "int8", "float32", "float64"]
Keys = NDArray[Any]

PRECISIONS: tuple[Precision, ...] = ("bfloat16", "int8", "float32", "float64")

_DTYPE = {
    "bfloat16": torch.bfloat16,
    "int8": torch.int32,
    "float32": torch.float32,
    "float64": torch.float64,
}
_ROUNDOFF = {"bfloat16": 2.0**-23, "int8": 0.0, "float32": 2.0**-23, "float64": 2.0**-52}
_LONGEST = 2**15  # numbers in an embedding: int8 sums fit 32 bits, g stays small
_SLACK = 1e-9
_EXACT_SLACK = 1e-14  # for float64, whose numbers do not come near its range's end
_AT_ONCE = 131_072  # numbers rounded in one go: they stay in the cache
_ALL_BUT_SIGN = 0x7FFF
_STORED: dict[Precision, torch.dtype] = {
    "bfloat16": torch.bfloat16,
    "int8": torch.int8,
    "float32": torch.float32,
    "float64": torch.float64,
}
_HALF, _UPPER = 0x8000, 0xFFFF0000  # of a float32 whose upper half is a bfloat16
_UPPER_HALF = 1 if sys.byteorder == "little" else 0


@dataclass(frozen=True)
class Operand:
    """Rows in a screening precision.

    Attributes:
        matrix: [n, D]; `step` times it is near the unit rows.
        step: 1 but for int8.
        residual: no row is farther from its unit row, Euclidean.
    """

    matrix: Tensor
    step: float
    residual: float


def lower(
    vectors: Vectors, part: slice, precision: Precision, device: torch.device, step: float = 1.0
) -> Operand:
    """Rows `part` rounded to a screening precision, on a device; `step` as `step_of` says."""
    # torch's memory begins where a cache line does; AMX takes twice as long over numpy's.
    matrix = torch.empty((part.stop - part.start, vectors.dim), dtype=_STORED[precision])
    rows = (matrix.view(torch.int16) if precision == "bfloat16" else matrix).numpy()
    worst = 0.0
    each = max(1, _AT_ONCE // vectors.dim)
    for start in range(part.start, part.stop, each):
        here = slice(start, min(start + each, part.stop))
        out = rows[here.start - part.start : here.stop - part.start]
        if precision == "float64":
            out[:] = vectors.unit(here)
        elif precision == "float32":
            out[:] = vectors.nearly_unit(here)
        else:
            near = vectors.nearly_unit(here)
            near -= _rounded(near, step, out)
            worst = max(worst, float(np.einsum("nd,nd->n", near, near).max()))
    lost = (vectors.dim + 8) * 2.0**-24  # of `nearly_unit`, and of a sum of squares in float32
    residual = 0.0 if precision == "float64" else lost
    if precision in ("bfloat16", "int8"):
        # The difference was taken in float32, a few 2^-24 of each number off.
        residual += worst**0.5 * (1 + lost) + vectors.dim**0.5 * 2.0**-22
    if precision == "int8":  # cuBLAS wants it, and torch 2.14 on the CPU is wrong for one column
        matrix = torch.nn.functional.pad(matrix, (0, -vectors.dim % 8))
    return Operand(matrix.to(device), step, residual)


def step_of(vectors: Vectors, part: slice, precision: Precision) -> float:
    """What the number 1 stands for: for int8 such that the largest number of all rows is 127.

    Raises:
        ValueError: embeddings too long for the bound to mean anything.
    """
    if vectors.dim > _LONGEST:
        raise ValueError(
            f"{vectors.where}: embeddings of {vectors.dim:,} numbers, at most {_LONGEST:,} can be "
            "screened"
        )
    if precision != "int8":
        return 1.0
    return (float(np.abs(vectors.nearly_unit(part)).max()) or 1.0) / 127


def _rounded(near: NDArray[np.float32], step: float, out: NDArray[Any]) -> NDArray[np.float32]:
    """Puts rows rounded to bfloat16 bits or to int8 steps into `out`; returns their values."""
    if out.dtype == np.int8:
        np.rint(near / np.float32(step), out=out, casting="unsafe")
        return out * np.float32(step)
    bits = near.view(np.uint32) + np.uint32(_HALF)  # to the nearest, halves away from zero
    bits &= np.uint32(_UPPER)
    out[:] = bits.view(np.uint16)[:, _UPPER_HALF::2]
    return bits.view(np.float32)


def bound(a: Operand, b: Operand, precision: Precision) -> float:
    """How far a screened similarity can be from the reference score (its output rounding apart)."""
    width = a.matrix.shape[1] * _ROUNDOFF[precision]
    r, q = a.residual, b.residual
    slack = _EXACT_SLACK if precision == "float64" else _SLACK
    return r + (1 + r) * q + width / (1 - width) * (1 + r) * (1 + q) + slack


def product(a: Operand, b: Operand, precision: Precision, out: Tensor) -> Keys:
    """Keys of all similarities of two operands, [p, g]; unordered below zero for bfloat16.

    Args:
        a: p rows.
        b: g rows.
        precision: that of both.
        out: memory on the CPU from `blank`, [p, g]; the keys live in it.
    """
    if precision == "int8":
        out.copy_(torch._int_mm(a.matrix, b.matrix.T))
    elif a.matrix.device == out.device:
        torch.mm(a.matrix, b.matrix.T, out=out)
    else:
        out.copy_(torch.mm(a.matrix, b.matrix.T))
    return (out.view(torch.int16) if precision == "bfloat16" else out).numpy()


def blank(shape: tuple[int, ...], precision: Precision) -> Tensor:
    """Memory for screened similarities."""
    return torch.empty(shape, dtype=_DTYPE[precision])


def masked(keys: Keys) -> Any:
    """The key of a pair that is no impostor: below all others once keys are ordered."""
    if keys.dtype == np.int16:
        return np.int16(-1)  # a NaN, which no product of finite rows is
    return np.iinfo(keys.dtype).min if keys.dtype.kind == "i" else -np.inf


def order(keys: Keys) -> None:
    """Makes unordered bfloat16 keys order below zero too, in place."""
    keys ^= (keys >> 15) & _ALL_BUT_SIGN


def key_below(value: NDArray[np.float64], step: float, precision: Precision) -> Keys:
    """An ordered key that every similarity of at least `value` reaches."""
    return _neighbour(value, step, precision, -1)


def key_above(value: NDArray[np.float64], step: float, precision: Precision) -> Keys:
    """An ordered key that no similarity of at most `value` exceeds."""
    return _neighbour(value, step, precision, 1)


def value_of(keys: Keys, step: float, precision: Precision) -> NDArray[np.float64]:
    """What ordered keys stand for: the similarity as it was screened."""
    if precision != "bfloat16":
        return keys * np.float64(step)
    bits = keys ^ ((keys >> 15) & _ALL_BUT_SIGN)
    return (bits.astype(np.int32) << 16).view(np.float32).astype(np.float64)


def spacing(values: NDArray[np.float64], precision: Precision) -> NDArray[np.float64]:
    """How much rounding the output may have moved a screened similarity."""
    return np.abs(values) * (2.0**-7 if precision == "bfloat16" else 0) + 2.0**-126


def _neighbour(value: NDArray[np.float64], step: float, precision: Precision, way: int) -> Keys:
    if precision == "float64":
        return np.asarray(value, dtype=np.float64)
    if precision == "float32":
        return np.nextafter(np.asarray(value, np.float32), np.float32(way * np.inf))
    if precision == "int8":
        return np.rint(value / step).astype(np.int32) + np.int32(way)
    bits = torch.from_numpy(np.ascontiguousarray(value)).bfloat16().view(torch.int16).numpy()
    return (bits ^ ((bits >> 15) & _ALL_BUT_SIGN)) + np.int16(way)
