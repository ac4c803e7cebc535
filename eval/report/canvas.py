"""What figures are drawn on: inline SVG, colours, marks. The only importer of matplotlib: no state.

Lines and text are drawn in stand-in colours which become CSS variables, so that one drawing suits
light, dark and paper. Model names are the page's business (an HTML legend), not the figure's.
`key` goes before a figure's ids, so that they are its own on the page.
"""

import io
import re
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter, NullLocator

from eval.report.results import Series

PALETTE = 6
"""Colours before they come round again with another dash."""

INK, _GRID, IMPOSTOR = "#010101", "#020202", "#030303"
_COLOURS = [f"#1111{place:02d}" for place in range(PALETTE)]
_VARIABLES = {INK: "currentColor", _GRID: "var(--grid)", IMPOSTOR: "var(--impostor)"} | {
    colour: f"var(--series-{place + 1})" for place, colour in enumerate(_COLOURS)
}
_FEW = 10
DASHES = ("-", (0, (5, 2)), (0, (1, 1.5)))
_STYLE: Any = {  # the stub wants literal keys
    "svg.fonttype": "none",
    "svg.hashsalt": "likeness",
    "font.size": 9,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": _GRID,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "path.simplify": False,
}


def mark(axes: Axes, one: Series, x: float, y: float, bounds: list[float] | None) -> None:
    """A dot, with a bar from bound to bound."""
    if bounds:
        axes.plot([x] * 2, bounds, color=colour(one), linewidth=1.2)
    axes.plot(x, y, "o", color=colour(one), markersize=4, clip_on=False)


def share_limits(axes: Axes, lowest: float) -> None:
    """Shares upward, from a round number at or below the lowest to 1."""
    bottom = min(np.floor(lowest * 20) / 20, 0.95)
    axes.set_ylim(bottom, 1 + (1 - bottom) * 0.02)


def colour(one: Series) -> str:
    """Stand-in colour of a result."""
    return _COLOURS[one.colour % PALETTE]


def line(one: Series) -> dict[str, Any]:
    """Colour and dash of a result's line."""
    dash = DASHES[one.colour // PALETTE % len(DASHES)]
    return {"color": colour(one), "linestyle": dash, "linewidth": 1.5}


def drawn(draw: Callable[[Axes], None], name: str, key: str) -> str:
    """A figure of one plot as inline SVG; `name` is what is read aloud."""
    with rc_context(_STYLE):
        figure = Figure(figsize=(5.2, 3.7), layout="constrained")
        draw(figure.add_subplot())
        file = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(file, format="svg", transparent=True, metadata=nothing)
    return _inline(file.getvalue(), name, key)


def _inline(svg: str, name: str, key: str) -> str:
    """A file's SVG as part of a page: no prologue, style sheet or addresses, ids of its own."""
    view = re.search(r'viewBox="[\d. ]+"', svg)
    assert view is not None
    body = svg[svg.index(">", view.end()) + 1 :]
    for unwanted in (r"<style.*?</style>", r"<metadata>.*?</metadata>", r"<!--.*?-->"):
        body = re.sub(unwanted, "", body, flags=re.DOTALL)
    body = re.sub(r"font-family: [^;]*; ?", "", body).replace("xlink:href", "href")
    used = set(re.findall(r"#([pm][0-9a-f]{10})\b", body))
    body = re.sub(
        r' id="([^"]+)"', lambda found: f' id="{key}{found[1]}"' if found[1] in used else "", body
    )
    body = re.sub(r"#([pm][0-9a-f]{10})\b", rf"#{key}\1", body)
    for stand_in, variable in _VARIABLES.items():
        body = body.replace(stand_in, variable)
    return f'<svg {view[0]} role="img" aria-label="{escape(name)}">{body.strip()}'


def rate_axis(axes: Axes, least: float, most: float) -> None:
    """A log scale of rates across."""
    axes.set_xscale("log")
    axes.set_xlim(least, most)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def count_axis(axes: Axes, counts: Sequence[float]) -> None:
    """A log scale of whole numbers across; of few, each has its tick if there is room."""
    places = sorted(set(counts))
    first, last = max(places[0], 1), max(places[-1], places[0] * 2, 2)
    axes.set_xscale("log")
    axes.set_xlim(first / 1.06, last * 1.06)
    if len(places) <= _FEW:
        room = (last / first) ** 0.1
        ticks = [a for a, b in zip(places, [*places[1:], np.inf]) if b / a >= room]
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xticks(ticks)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def percent_axis(axes: Axes) -> None:
    """Percent upward, in round steps."""
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.ticklabel_format(axis="y", useOffset=False)
