"""What is within a plot's axes, as pieces of SVG: lines, bands, dots, bars, guides."""

import base64
from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pages.plot import DASHES, PALETTE, Bars, Guide, Hue, Line, Mark, Plot
from pages.scales import Axis, positions
from pages.text import escape
from pages.thinning import kept

LEFT, TOP, ACROSS, UPWARD = 54, 14, 364, 248
"""The box within the axes, in the drawing's own pixels: corner, width, height."""

Floats = NDArray[np.float64]


def line(plot: Plot, line: Line) -> str:
    """A line of the plot, with its exact values."""
    x, y = (np.asarray(values, dtype=np.float64) for values in (line.x, line.y))
    path, places = [], [np.arange(0)]
    for run in _runs(line):
        px, py = across(plot.x, x[run]), upward(plot.y, y[run])
        keep = kept(px, py)
        places.append(run.start + keep)
        if line.kind == "dots":
            path += [f"M{pixel(a)} {pixel(b)}h0" for a, b in zip(px[keep], py[keep])]
        else:
            path.append(_joined(px[keep], py[keep]))
    shown = np.concatenate(places)
    columns = {"x": x, "y": y, "low": line.low, "high": line.high, "extra": line.extra}
    facts = "".join(
        f' data-{name}="{_packed(np.asarray(values)[shown])}"'
        for name, values in columns.items()
        if values is not None
    )
    if line.extra is not None:
        facts += f' data-name="{escape(line.extra_name)}"'
    return (
        f'<g class="{line.kind}" data-label="{escape(line.label)}">'
        f'<path {look(line.colour)} d="{"".join(path)}"{facts}/></g>'
    )


def band(plot: Plot, line: Line) -> str:
    """The area between `low` and `high`."""
    path = []
    x = np.asarray(line.x, dtype=np.float64)
    ends = [np.asarray(end, dtype=np.float64) for end in (line.low, line.high)]
    for run in _runs(line):
        px = across(plot.x, x[run])
        sides = []
        for end in ends:
            py = upward(plot.y, np.nan_to_num(end[run]))
            keep = kept(px, py, 1500)
            sides.append((px[keep], py[keep]))
        (low_x, low_y), (high_x, high_y) = sides
        path.append(_joined(np.append(low_x, high_x[::-1]), np.append(low_y, high_y[::-1])) + "Z")
    return (
        f'<g class="band" data-label="{escape(line.label)}">'
        f'<path class="{hue_class(line.colour)}" d="{"".join(path)}"/></g>'
    )


def mark(plot: Plot, mark: Mark) -> str:
    """A dot and its bar."""
    x, y = across(plot.x, mark.x), upward(plot.y, mark.y)
    bar, extra, hue = "", "", hue_class(mark.colour)
    if mark.low is not None and mark.high is not None:
        ends = upward(plot.y, [mark.low, mark.high])
        path = f"M{pixel(x)} {pixel(ends[0])}V{pixel(ends[1])}"
        bar = f'<path class="bar {hue}" d="{path}"/>'
        extra = f' data-low="{_packed([mark.low])}" data-high="{_packed([mark.high])}"'
    return (
        f'<g class="dots" data-label="{escape(mark.label)}">{bar}<path class="{hue}" '
        f'd="M{pixel(x)} {pixel(y)}h0" data-x="{_packed([mark.x])}" '
        f'data-y="{_packed([mark.y])}"{extra}/></g>'
    )


def histogram(plot: Plot, bars: Bars) -> str:
    """Bars as one outline, with a point atop each to hover."""
    edges, heights = (np.asarray(part, dtype=np.float64) for part in (bars.edges, bars.heights))
    px, py = across(plot.x, edges), upward(plot.y, heights)
    floor = pixel(upward(plot.y, max(plot.y.low, 0) if plot.y.scale == "linear" else plot.y.low))
    outline = "".join(f"V{pixel(y)}H{pixel(x)}" for x, y in zip(px[1:], py))
    middles = (edges[:-1] + edges[1:]) / 2
    points = "".join(f"M{pixel(x)} {pixel(y)}" for x, y in zip((px[:-1] + px[1:]) / 2, py))
    return (
        f'<g class="bars" data-label="{escape(bars.label)}">'
        f'<path class="{hue_class(bars.colour)}" d="M{pixel(px[0])} {floor}{outline}V{floor}Z"/>'
        f'<path class="tops" d="{points}" data-x="{_packed(middles)}" data-y="{_packed(heights)}"/>'
        "</g>"
    )


def guide(plot: Plot, guide: Guide) -> str:
    """A dashed line across the box."""
    if guide.along == "x":
        path = f"M{pixel(across(plot.x, guide.at))} {TOP}v{UPWARD}"
    elif guide.along == "y":
        path = f"M{LEFT} {pixel(upward(plot.y, guide.at))}h{ACROSS}"
    else:
        ends = np.array([max(plot.x.low, plot.y.low), min(plot.x.high, plot.y.high)])
        path = _joined(across(plot.x, ends), upward(plot.y, ends))
    return f'<path class="guide" d="{path}"/>'


def guide_text(plot: Plot, guide: Guide) -> str:
    """A guide's words, which zooming does not scale."""
    if guide.along == "y":
        x, y, side = LEFT + ACROSS - 4.0, float(upward(plot.y, guide.at)) - 4, "end"
    else:
        x, y, side = float(across(plot.x, guide.at)) + 4, TOP + 9.0, ""
        if x > LEFT + ACROSS * 0.75:
            x, side = x - 8, "end"
    return (
        f'<text class="at {side}" x="{x:.1f}" y="{y:.1f}" data-along="{guide.along}">'
        f"{escape(guide.text)}</text>"
    )


def across(axis: Axis, values: ArrayLike) -> Floats:
    """Pixels from the left of the drawing."""
    return LEFT + ACROSS * positions(axis, values)


def upward(axis: Axis, values: ArrayLike) -> Floats:
    """Pixels from the top of the drawing."""
    return TOP + UPWARD * (1 - positions(axis, values))


def finite(line: Line) -> tuple[Floats, Floats]:
    """The points of a line that can be drawn."""
    x, y = (np.asarray(values, dtype=np.float64) for values in (line.x, line.y))
    there = np.isfinite(x) & np.isfinite(y)
    return x[there], y[there]


def hue_class(colour: Hue) -> str:
    """Class of a colour in `page.css`."""
    return "grey" if colour == "grey" else f"c{colour % PALETTE + 1}"


def look(colour: Hue) -> str:
    """Class and dash of a line's colour, as attributes."""
    dash = "" if colour == "grey" else DASHES[colour // PALETTE % len(DASHES)]
    return f'class="{hue_class(colour)}"' + (f' stroke-dasharray="{dash}"' if dash else "")


def pixel(value: float | np.floating | Floats) -> str:
    """A length in the drawing, to a hundredth of its pixel."""
    return f"{float(value):.2f}".rstrip("0").rstrip(".")


def _runs(line: Line) -> Iterator[slice]:
    """The pieces between gaps."""
    there = np.isfinite(np.asarray(line.x, dtype=np.float64))
    if line.kind != "band":
        there &= np.isfinite(np.asarray(line.y, dtype=np.float64))
    edges = np.flatnonzero(np.diff(there.astype(int), prepend=0, append=0))
    yield from (slice(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2]))


def _joined(x: Floats, y: Floats) -> str:
    return "M" + "L".join(f"{pixel(a)} {pixel(b)}" for a, b in zip(x, y))


def _packed(values: ArrayLike) -> str:
    return base64.b64encode(np.asarray(values, dtype="<f8").tobytes()).decode("ascii")
