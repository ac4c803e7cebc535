"""Plots as inline SVG that is whole without a script; `page.js` adds hovering and zooming.

Zooming moves and scales what is drawn, on any scale of the axes, so that the script needs to know
nothing of the data. What it reads out is the data itself: each line carries its exact values, as
base64 of little-endian float64, in the order of its path's points.
"""

import json

import numpy as np

from pages import strokes
from pages.plot import Bars, Hue, Line, Mark, Plot
from pages.scales import ROOM, Axis, label, positions, ranked_rates, ticks
from pages.strokes import ACROSS, LEFT, TOP, UPWARD, across, finite, look, pixel, upward
from pages.tables import row, table
from pages.text import breakable, escape, tidy

WIDTH, HEIGHT = 440, 310
"""Of the drawing, in its own pixels."""

_LISTED = 8  # points of a line that its table of values lists

_SPOKEN = {"linear": "", "log": " (logarithmic)", "normal": " (normal deviates)"}


def figure(plot: Plot, key: str) -> str:
    """A plot with caption, legend and values, as a `<figure>`.

    Args:
        plot: what to show.
        key: id of the figure, its own on the page: a letter, then letters, digits or dashes.
    """
    axes = json.dumps([_facts(plot.x), _facts(plot.y)])
    return (
        f'<figure class="plot" id="{key}" aria-labelledby="{key}-name" data-axes="{escape(axes)}" '
        f'data-box="{LEFT} {TOP} {ACROSS} {UPWARD}">'
        f'<figcaption><b id="{key}-name">{escape(plot.name)}.</b> {escape(plot.caption)}'
        f'</figcaption><div class="stage">{svg(plot, key)}</div>{_legend(plot)}{_values(plot)}'
        "</figure>"
    )


def svg(plot: Plot, key: str) -> str:
    """The drawing alone; `key` as in `figure`."""
    beneath = [strokes.guide(plot, one) for one in plot.guides]
    beneath += [strokes.histogram(plot, one) for one in plot.bars]
    beneath += [strokes.band(plot, one) for one in plot.lines if one.low is not None]
    beneath += [strokes.line(plot, one) for one in plot.lines if one.kind in ("line", "dotted")]
    above = [strokes.line(plot, one) for one in plot.lines if one.kind == "dots"]
    above += [strokes.mark(plot, one) for one in plot.marks]
    parts = [_grid(plot), _clipped(beneath, f"{key}-lines", 1), _clipped(above, f"{key}-dots", 5)]
    parts += [strokes.guide_text(plot, one) for one in plot.guides if one.text]
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(spoken(plot))}">'
        f"{''.join(parts)}</svg>"
    )


def spoken(plot: Plot) -> str:
    """What a plot shows, in a few sentences for those who do not see it."""
    x_name, y_name = (axis.name + _SPOKEN[axis.scale] for axis in (plot.x, plot.y))
    said = [f"{plot.name}: {y_name} over {x_name}."]
    for one in plot.lines:
        x, y = finite(one)
        if len(x) and one.kind in ("line", "dots"):
            ends = [f"{_said(plot.y, y[end])} at {_said(plot.x, x[end])}" for end in (0, -1)]
            said.append(f"{one.label}: from {ends[0]} to {ends[1]}.")
    for bars in plot.bars:
        heights, edges = np.asarray(bars.heights, float), np.asarray(bars.edges, float)
        top = int(heights.argmax())
        said.append(
            f"{bars.label}: highest between {tidy(edges[top], 4)} and {tidy(edges[top + 1], 4)}."
        )
    return " ".join(said)


def swatch(colour: Hue) -> str:
    """A short line in a colour and its dash, for legends and tables."""
    return (
        '<svg class="swatch" viewBox="0 0 28 10" aria-hidden="true">'
        f'<path {look(colour)} d="M0 5H28"></path></svg>'
    )


def _facts(axis: Axis) -> dict[str, object]:
    """What the script needs of an axis to draw ticks when zoomed."""
    facts: dict[str, object] = {"name": axis.name, "scale": axis.scale}
    facts |= {"low": axis.low, "high": axis.high, "percent": axis.percent}
    if axis.scale == "normal":
        rates = sorted(ranked_rates(axis), key=lambda one: (one[1], one[0]))
        places = positions(axis, [rate for rate, _ in rates])
        facts["rates"] = [
            [round(float(place), 5), label(axis, rate)] for place, (rate, _) in zip(places, rates)
        ]
        facts["room"] = ROOM
    return facts


def _clipped(parts: list[str], key: str, more: int) -> str:
    """What zooming moves, cut off some pixels beyond the box, so that no dot at its edge is cut."""
    box = (
        f'<rect x="{LEFT - more}" y="{TOP - more}" width="{ACROSS + 2 * more}" '
        f'height="{UPWARD + 2 * more}"/>'
    )
    return (
        f'<clipPath id="{key}">{box}</clipPath><g clip-path="url(#{key})">'
        f'<g class="zoom">{"".join(parts)}</g></g>'
    )


def _grid(plot: Plot) -> str:
    bottom = TOP + UPWARD
    parts = []
    for value, text in ticks(plot.x):
        x = pixel(across(plot.x, value))
        parts.append(f'<path d="M{x} {TOP}V{bottom}"/>')
        parts.append(f'<text x="{x}" y="{bottom + 16}" class="middle">{escape(text)}</text>')
    for value, text in ticks(plot.y):
        y = upward(plot.y, value)
        parts.append(f'<path d="M{LEFT} {pixel(y)}H{LEFT + ACROSS}"/>')
        parts.append(f'<text x="{LEFT - 7}" y="{pixel(y + 4)}" class="end">{escape(text)}</text>')
    middle = TOP + UPWARD / 2
    return (
        f'<g class="grid">{"".join(parts)}</g>'
        f'<path class="axes" d="M{LEFT} {TOP}V{bottom}H{LEFT + ACROSS}"/>'
        f'<text x="{LEFT + ACROSS / 2}" y="{HEIGHT - 8}" class="middle">{escape(plot.x.name)}'
        f'</text><text class="middle" transform="translate(13 {middle}) rotate(-90)">'
        f"{escape(plot.y.name)}</text>"
    )


def _legend(plot: Plot) -> str:
    hues: dict[str, Hue] = {}
    shown: list[Line | Bars | Mark] = [*plot.lines, *plot.bars, *plot.marks]
    for one in shown:
        hues.setdefault(one.label, one.colour)
    if not hues:
        return ""
    items = "".join(
        f'<li data-label="{escape(name)}">{swatch(hue)}<span>{breakable(name)}</span></li>'
        for name, hue in hues.items()
    )
    return f'<ul class="legend" aria-label="Legend">{items}</ul>'


def _values(plot: Plot) -> str:
    """Some points of every line, all marks: what the drawing says, in numbers."""
    rows = []
    for one in plot.lines:
        x, y = finite(one) if one.kind != "band" else (np.zeros(0), np.zeros(0))
        for place in np.unique(np.linspace(0, len(x) - 1, min(len(x), _LISTED)).astype(int)):
            rows.append(_value(plot, one.label, x[place], y[place]))
    rows += [_value(plot, one.label, one.x, one.y) for one in plot.marks]
    for bars in plot.bars:
        edges, heights = np.asarray(bars.edges, float), np.asarray(bars.heights, float)
        for place in np.sort(np.argsort(-heights, kind="stable")[:_LISTED]):
            rows.append(
                _value(plot, bars.label, (edges[place] + edges[place + 1]) / 2, heights[place])
            )
    if not rows:
        return ""
    few = f"{escape(plot.name)}: some of its points, in numbers"
    found = table(few, ("Line", plot.x.name, plot.y.name), rows)
    return f'<details class="values"><summary>Some values in numbers</summary>{found}</details>'


def _value(plot: Plot, name: str, x: float, y: float) -> str:
    return row(breakable(name), [_said(plot.x, x), _said(plot.y, y)])


def _said(axis: Axis, value: float) -> str:
    return tidy(value * 100 if axis.percent else value, 5)
