"""What all tables are made of. Text is escaped here."""

import re
from collections.abc import Sequence
from html import escape
from typing import Any

from eval.report.canvas import DASHES, PALETTE
from eval.report.results import Series
from eval.report.shapes import number

NONE = "–"


def table(caption: str, head: Sequence[str], rows: Sequence[str], words: int = 1) -> str:
    """A table.

    Args:
        caption: HTML.
        head: names of the columns, plain text.
        rows: of `row`.
        words: columns from the left that hold words, not numbers.
    """
    cells = "".join(
        f'<th scope="col"{"" if place < words else _NUMBER}>{escape(name)}</th>'
        for place, name in enumerate(head)
    )
    return (
        f'<div class="scroll"><table><caption>{caption}</caption>'
        f"<thead><tr>{cells}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def row(one: Series, cells: Sequence[str]) -> str:
    """A result's row; the cells are HTML of numbers."""
    return (
        f'<tr><th scope="row">{named(one)}</th>'
        + "".join(f"<td{_NUMBER}>{cell}</td>" for cell in cells)
        + "</tr>"
    )


def swatch(one: Series) -> str:
    """A short line in a result's colour and dash."""
    dash = DASHES[one.colour // PALETTE % len(DASHES)]
    pattern = "" if isinstance(dash, str) else " ".join(str(2 * step) for step in dash[1])
    return (
        '<svg class="swatch" viewBox="0 0 28 10" aria-hidden="true">'
        f'<line x1="0" y1="5" x2="28" y2="5" stroke-width="4" stroke-dasharray="{pattern}" '
        f'stroke="var(--series-{one.colour % PALETTE + 1})"></line></svg>'
    )


def named(one: Series) -> str:
    """A result's colour and name."""
    return f'<span class="model">{swatch(one)}<span>{breakable(one.label)}</span></span>'


def breakable(text: str) -> str:
    """Escaped text whose long names may break after a slash, underscore or comma."""
    return re.sub(r"([/_,])", r"\1<wbr>", escape(text))


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


def small(text: str) -> str:
    """A second line within a cell; nothing where there is nothing to say."""
    return "" if text in ("", NONE) else f"<small>{text}</small>"


_NUMBER = ' class="number"'
