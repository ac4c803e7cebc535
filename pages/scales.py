"""Axes of plots: linear, logarithmic, or of normal deviates (DET); their ticks and positions."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from pages.text import tidy

Scale = Literal["linear", "log", "normal"]
ROOM = 0.08
"""Of an axis's length, between the ticks of one of normal deviates."""

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Axis:
    """One axis of a plot.

    Attributes:
        name: what it measures, with its unit.
        low: value at its left or lower end; above 0 for `log`, within (0, 1) for `normal`.
        high: value at its other end, above `low`.
        scale: how values are spread.
        percent: values are shares and are written in percent.
        ticks: where ticks stand; None for round values.
    """

    name: str
    low: float
    high: float
    scale: Scale = "linear"
    percent: bool = False
    ticks: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        """Checks the limits.

        Raises:
            ValueError: limits that the scale cannot show.
        """
        least, most = {"linear": (-np.inf, np.inf), "log": (0, np.inf), "normal": (0, 1)}[
            self.scale
        ]
        if not (least < self.low < self.high < most):
            raise ValueError(
                f"axis {self.name!r}: expected {least} < low < high < {most} for a {self.scale} "
                f"scale, got low {self.low} and high {self.high}"
            )


def fitted(name: str, values: ArrayLike, scale: Scale = "linear", percent: bool = False) -> Axis:
    """An axis from a round value at or below the least to one at or above the greatest.

    Args:
        name: of the axis.
        values: of any shape; those that are not finite, or that the scale cannot show, are passed
            over. Where none is left, the axis goes from 0 to 1 (0.1 to 1, 0.01 to 0.5).
        scale: of the axis.
        percent: of the axis.
    """
    flat = np.asarray(values, dtype=np.float64).ravel()
    flat = flat[np.isfinite(flat)]
    if scale != "linear":
        flat = flat[(flat > 0) & ((flat < 1) | (scale == "log"))]
    if not len(flat):
        low, high = {"linear": (0.0, 1.0), "log": (0.1, 1.0), "normal": (0.01, 0.5)}[scale]
        return Axis(name, low, high, scale, percent)
    low, high = float(flat.min()), float(flat.max())
    if scale == "log":
        low, high = (10.0**end for end in (np.floor(np.log10(low)), np.ceil(np.log10(high))))
        return Axis(name, float(low), float(high if high > low else 10 * low), scale, percent)
    if scale == "normal":
        return Axis(name, low * 0.8, 1 - (1 - high) * 0.8, scale, percent)
    if low == high:
        low, high = low - (abs(low) or 1) / 2, high + (abs(high) or 1) / 2
    step = _step(high - low, 6)
    return Axis(
        name,
        float(np.floor(low / step + 1e-9) * step),
        float(np.ceil(high / step - 1e-9) * step),
        scale,
        percent,
    )


def positions(axis: Axis, values: ArrayLike) -> NDArray[np.float64]:
    """Where values lie along the axis: 0 at `low`, 1 at `high`; beyond its ends, beyond these.

    Values that the scale has no place for (0 on `log`; 0 and 1 on `normal`) come a little beyond
    the end they are nearest to.
    """
    raw = np.asarray(values, dtype=np.float64)
    low, high = (float(_spread(axis.scale, np.array(end))) for end in (axis.low, axis.high))
    if axis.scale == "log":
        raw = np.maximum(raw, axis.low * (axis.low / axis.high) ** 0.1)
    elif axis.scale == "normal":
        raw = np.clip(raw, axis.low / 3, 1 - (1 - axis.high) / 3)
    return (_spread(axis.scale, raw) - low) / (high - low)


def ticks(axis: Axis, about: int = 6) -> list[tuple[float, str]]:
    """Value and label of each tick."""
    if axis.ticks is not None:
        chosen = [value for value in axis.ticks if axis.low <= value <= axis.high]
    elif axis.scale == "linear":
        chosen = _linear(axis.low, axis.high, about)
    elif axis.scale == "log":
        chosen = _decades(axis.low, axis.high)
    else:
        chosen = _chosen_rates(axis)
    return [(value, label(axis, value)) for value in chosen]


def label(axis: Axis, value: float) -> str:
    """A value as it stands beside the axis."""
    return tidy(value * 100 if axis.percent else value)


def ranked_rates(axis: Axis) -> list[tuple[float, int]]:
    """Rates of two digits within a `normal` axis and how round each is, from 0: for zooming."""
    found: dict[float, int] = {}
    for exponent in range(int(np.floor(np.log10(axis.low))), 0):
        for digits in range(10, 100):
            rank = {10: 0, 50: 1, 20: 1}.get(digits, 2 if digits % 10 == 0 else 3)
            found[round(digits * 10.0 ** (exponent - 1), 12)] = rank
    found |= dict.fromkeys((0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999), 1)
    return [(rate, rank) for rate, rank in found.items() if axis.low <= rate <= axis.high]


def _spread(scale: Scale, values: NDArray[np.float64]) -> NDArray[Any]:
    if scale == "log":
        return np.log10(values)
    return ndtri(values) if scale == "normal" else values


def _step(span: float, about: int) -> float:
    """The least round step with no more than `about` of them in a span."""
    rough = span / about
    unit = 10.0 ** np.floor(np.log10(rough))
    return float(next(step for step in _STEPS if step * unit >= rough * (1 - 1e-9)) * unit)


def _linear(low: float, high: float, about: int) -> list[float]:
    step = _step(high - low, about)
    first, last = np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9)
    return [float(f"{place * step:.12g}") + 0.0 for place in np.arange(first, last + 1)]


def _decades(low: float, high: float) -> list[float]:
    """Powers of ten, every so many; of little more than one decade, 2 and 5 times them as well."""
    first, last = int(np.floor(np.log10(low))), int(np.ceil(np.log10(high)))
    parts = (1, 2, 5) if last - first <= 2 else (1,)
    every = max(1, round((last - first) / 7))
    exponents = range(first, last + 1, every)
    values = [float(f"{part}e{exponent}") for exponent in exponents for part in parts]
    inside = [value for value in values if low * 0.999 <= value <= high * 1.001]
    return inside if len(inside) > 1 else _linear(low, high, 5)


def _chosen_rates(axis: Axis) -> list[float]:
    """Round rates, roundest first, as long as there is room between them."""
    chosen: dict[float, float] = {}
    for rate, rank in sorted(ranked_rates(axis), key=lambda one: (one[1], one[0])):
        if rank == 3 and len(chosen) > 3:
            break
        place = float(positions(axis, rate))
        if all(abs(place - other) >= ROOM for other in chosen.values()):
            chosen[rate] = place
    return sorted(chosen)
