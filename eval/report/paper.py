"""Plots as files in a paper's style: the only importer of matplotlib. No state.

The same plots as on the page (`pages.plot`), for one column of a two-column paper: PNG of 300 dots
an inch for slides, PDF with its text as text for LaTeX.
"""

import os
import re
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from data_prep.files import written_aside
from pages.plot import PALETTE, Bars, Guide, Hue, Line, Mark, Plot
from pages.scales import Axis, positions, ticks
from pages.shell import CSS

KINDS = ("png", "pdf")
"""Files of each plot."""

_INCHES = (3.4, 2.5)
_DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.5)))
_NOTHING = {"png": {"Software": None}, "pdf": {"CreationDate": None, "Creator": None}}
_STYLE: Any = {  # the stub wants literal keys
    "font.family": "serif",
    "font.serif": ["STIXGeneral"],
    "mathtext.fontset": "stix",
    "font.size": 8,
    "legend.fontsize": 7,
    "axes.linewidth": 0.5,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "0.88",
    "grid.linewidth": 0.4,
    "xtick.major.width": 0.5,
    "ytick.major.width": 0.5,
    "pdf.fonttype": 42,
    "path.simplify": False,
}


def write_figures(folder: str | os.PathLike[str], plots: list[tuple[str, Plot]]) -> list[Path]:
    """Writes each plot as PNG and PDF.

    Args:
        folder: where; it is made.
        plots: each with the name of its files, without suffix.

    Returns:
        The files.

    Raises:
        OSError: they cannot be written.
    """
    written = []
    for name, plot in plots:
        with rc_context(_STYLE):
            figure = drawn(plot)
            for kind in KINDS:
                target = Path(folder) / f"{name}.{kind}"
                with written_aside(target) as aside:
                    figure.savefig(aside, format=kind, dpi=300, metadata=_NOTHING[kind])
                written.append(target)
    return written


def drawn(plot: Plot) -> Figure:
    """The plot as a figure; its coordinates are positions along the axes, 0 to 1."""
    figure = Figure(figsize=_INCHES, layout="constrained")
    axes = figure.add_subplot()
    for guide in plot.guides:
        _guide(axes, plot, guide)
    for bars in plot.bars:
        _bars(axes, plot, bars)
    named: set[str] = set()
    for line in plot.lines:
        _line(axes, plot, line, named)
    for mark in plot.marks:
        _mark(axes, plot, mark)
    for axis, side in ((plot.x, axes.xaxis), (plot.y, axes.yaxis)):
        found = ticks(axis)
        side.set_ticks(positions(axis, [value for value, _ in found]), [text for _, text in found])
        side.set_label_text(axis.name)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    if named:
        axes.legend(frameon=True, framealpha=0.85, edgecolor="none", borderpad=0.2)
    return figure


def colour(hue: Hue) -> str:
    """A hue of the style sheet, on paper's white."""
    name = "grey" if hue == "grey" else f"series-{hue % PALETTE + 1}"
    found = re.search(rf"--{name}: light-dark\((#[0-9a-f]{{6}})", CSS)
    assert found is not None
    return found[1]


def _line(axes: Axes, plot: Plot, line: Line, named: set[str]) -> None:
    x, ink = _along(plot.x, line.x), colour(line.colour)
    if line.low is not None and line.high is not None:
        ends = (_along(plot.y, end) for end in (line.low, line.high))
        axes.fill_between(x, *ends, color=ink, alpha=0.15, linewidth=0)
    if line.kind == "band":
        return
    look: dict[str, Any] = {"color": ink}
    if line.kind == "dots":
        look |= {"linestyle": "", "marker": "o", "markersize": 2.5}
    elif line.kind == "dotted":
        look |= {"linestyle": (0, (1, 2)), "linewidth": 0.7}
    else:
        dash = 0 if line.colour == "grey" else line.colour // PALETTE % len(_DASHES)
        look |= {"linestyle": _DASHES[dash], "linewidth": 1}
        if line.label not in named:
            named.add(line.label)
            look["label"] = _plain(line.label)
    axes.plot(x, _along(plot.y, line.y), **look)


def _mark(axes: Axes, plot: Plot, mark: Mark) -> None:
    x, ink = _along(plot.x, mark.x), colour(mark.colour)
    if mark.low is not None and mark.high is not None:
        axes.vlines(x, *_along(plot.y, [mark.low, mark.high]), color=ink, linewidth=0.8)
    axes.plot(x, _along(plot.y, mark.y), "o", color=ink, markersize=2.5, clip_on=False)


def _bars(axes: Axes, plot: Plot, bars: Bars) -> None:
    heights, edges = _along(plot.y, bars.heights), _along(plot.x, bars.edges)
    look: dict[str, Any] = {"color": colour(bars.colour)}
    axes.stairs(heights, edges, fill=True, alpha=0.35, linewidth=0, **look)
    axes.stairs(heights, edges, linewidth=0.7, **look)
    top = int(np.argmax(heights))
    where = ((edges[top] + edges[top + 1]) / 2, heights[top])
    axes.annotate(_plain(bars.label), where, (0, 2), textcoords="offset points", ha="center")


def _guide(axes: Axes, plot: Plot, guide: Guide) -> None:
    look: dict[str, Any] = {"color": "0.3", "linewidth": 0.5, "linestyle": (0, (4, 2))}
    if guide.along == "diagonal":
        ends = [max(plot.x.low, plot.y.low), min(plot.x.high, plot.y.high)]
        axes.plot(_along(plot.x, ends), _along(plot.y, ends), **look)
    elif guide.along == "x":
        at = float(_along(plot.x, guide.at))
        axes.axvline(at, **look)
        axes.annotate(_plain(guide.text), (at, 1), (2, -7), textcoords="offset points")
    else:
        at = float(_along(plot.y, guide.at))
        axes.axhline(at, **look)
        axes.annotate(_plain(guide.text), (1, at), (-2, 2), textcoords="offset points", ha="right")


def _along(axis: Axis, values: Any) -> Any:
    return positions(axis, values)


def _plain(text: str) -> str:
    """Text that matplotlib does not take for mathematics, nor for a label to leave out."""
    return text.replace("$", r"\$").replace("_", "\u2005_", 1 if text.startswith("_") else 0)
