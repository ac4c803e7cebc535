"""What a plot shows, without how: `drawing.py` makes SVG of it, others may make a file of it."""

from dataclasses import dataclass
from typing import Literal

from numpy.typing import ArrayLike

from pages.scales import Axis

PALETTE = 6
"""Colours of `page.css` before they come round again with another dash."""

DASHES = ("", "6 3", "1.5 2.5")
"""SVG dash patterns of the first six colours, of the next six, and of those after."""

Hue = int | Literal["grey"]
"""A place in the palette, from 0 (any number), or grey for what is beside the point."""


@dataclass(frozen=True)
class Line:
    """Points joined by straight lines; a value that is not finite makes a gap.

    Attributes:
        label: name in the legend; lines of one label appear there once.
        x: [n] values.
        y: [n] values.
        colour: of the line.
        low: [n] lower end of a band about the line, with `high`; None for no band.
        high: [n] its upper end.
        kind: `line`, `dotted` (a thin one, a variant of another), `dots` (points alone) or `band`
            (the band alone; y is of no meaning).
        extra: [n] one more value a point, shown with it, such as the threshold.
        extra_name: what that is.
    """

    label: str
    x: ArrayLike
    y: ArrayLike
    colour: Hue = 0
    low: ArrayLike | None = None
    high: ArrayLike | None = None
    kind: Literal["line", "dotted", "dots", "band"] = "line"
    extra: ArrayLike | None = None
    extra_name: str = ""


@dataclass(frozen=True)
class Mark:
    """A dot, with a bar from `low` to `high` where they are given."""

    label: str
    x: float
    y: float
    colour: Hue = 0
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Bars:
    """A histogram: `heights` [n] between `edges` [n + 1], or bars of categories at 0.5, 1.5, ..."""

    label: str
    edges: ArrayLike
    heights: ArrayLike
    colour: Hue = 0


@dataclass(frozen=True)
class Guide:
    """A thin dashed line across the plot: at a value of one axis, or the diagonal.

    Attributes:
        at: value; of no meaning for the diagonal.
        text: written beside it.
        along: the axis on which the value is, or `diagonal` for x = y.
    """

    at: float
    text: str = ""
    along: Literal["x", "y", "diagonal"] = "x"


@dataclass(frozen=True)
class Plot:
    """A plot with its words.

    Attributes:
        name: heading.
        caption: what is to be seen and how to read it, plain text.
        x: axis across.
        y: axis upward.
        lines: drawn in order.
        marks: drawn above them.
        bars: drawn beneath them.
        guides: drawn beneath all.
    """

    name: str
    caption: str
    x: Axis
    y: Axis
    lines: tuple[Line, ...] = ()
    marks: tuple[Mark, ...] = ()
    bars: tuple[Bars, ...] = ()
    guides: tuple[Guide, ...] = ()
