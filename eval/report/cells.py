"""Cells of the report's tables. Text is escaped here."""

from collections.abc import Sequence
from typing import Any

from eval.report.results import Series
from eval.report.shapes import number
from pages import tables
from pages.drawing import swatch
from pages.text import breakable

NONE = "–"


def row(one: Series, cells: Sequence[str]) -> str:
    """A result's row; the cells are HTML of numbers."""
    return tables.row(named(one), cells)


def named(one: Series) -> str:
    """A result's colour and name."""
    return f'<span class="model">{swatch(one.colour)}<span>{breakable(one.label)}</span></span>'


def decimals(value: Any, places: int = 4) -> str:
    """A share, or a dash where there is none."""
    return f"{value:.{places}f}" if number(value) else NONE


def interval(bounds: list[float] | None) -> str:
    """`[low, high]`, or a dash where there is none."""
    return NONE if bounds is None else f"[{bounds[0]:.4f}, {bounds[1]:.4f}]"


def whole(value: Any) -> str:
    """A count; of several, from the least to the most."""
    if isinstance(value, list) and value and all(map(number, value)):
        low, high = min(value), max(value)
        return f"{low:,}" if low == high else f"{low:,} to {high:,}"
    return f"{value:,}" if number(value) else NONE
