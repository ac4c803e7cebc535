"""Figures as inline SVG. The only importer of matplotlib, and of its Figure alone: no state.

Lines and text are drawn in stand-in colours which become CSS variables, so that one drawing suits
light, dark and paper. Model names are the page's business (an HTML legend), not the figure's.
`key` goes before a figure's ids, so that they are its own on the page.
"""

import io
import re
from collections.abc import Callable
from html import escape
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter
from numpy.typing import NDArray
from scipy.special import ndtri

from eval.report.results import Series

PALETTE = 6
"""Colours before they come round again with another dash."""

_INK, _GRID, _IMPOSTOR = "#010101", "#020202", "#030303"
_COLOURS = [f"#1111{place:02d}" for place in range(PALETTE)]
_VARIABLES = {_INK: "currentColor", _GRID: "var(--grid)", _IMPOSTOR: "var(--impostor)"} | {
    colour: f"var(--series-{place + 1})" for place, colour in enumerate(_COLOURS)
}
DASHES = ("-", (0, (5, 2)), (0, (1, 1.5)))
_STYLE: Any = {  # the stub wants literal keys
    "svg.fonttype": "none",
    "svg.hashsalt": "likeness",
    "font.size": 9,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": _GRID,
    "grid.linewidth": 0.6,
    "text.color": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "path.simplify": False,
}
_RATES = (1e-5, 1e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)


def roc_svg(series: list[Series], key: str) -> str:
    """TAR over FAR, FAR on a log scale from one impostor to all; marks are TAR@FAR with bounds."""
    least = min(1 / one.result["counts"]["impostor"] for one in series)

    def draw(axes: Axes) -> None:
        lowest = 1.0
        for one in series:
            far, tar = _curve(one)
            shown = np.maximum(far, least / 10)  # a log scale has no zero
            axes.plot(shown, tar, **_line(one))
            lowest = min(lowest, float(tar[far <= least].max()))
            points = [p for p in one.result["tar_at_far"] if p["resolvable"]]
            for point in points:
                low, high = point["ci95"]
                axes.plot([point["far"]] * 2, [low, high], color=_colour(one), linewidth=1.2)
                axes.plot(point["far"], point["tar"], "o", color=_colour(one), markersize=4)
                lowest = min(lowest, low)
        axes.set_xscale("log")
        axes.set_xlim(least, 1)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        bottom = np.floor(lowest * 20) / 20
        axes.set_ylim(bottom, 1 + (1 - bottom) * 0.02)
        axes.set_xlabel("False-accept rate")
        axes.set_ylabel("True-accept rate")

    return _drawn(draw, "ROC: true-accept rate over false-accept rate, logarithmic", key)


def det_svg(series: list[Series], key: str) -> str:
    """Miss rate over FAR, both on normal-deviate axes; the mark on the diagonal is the EER."""
    least = min(
        1 / max(one.result["counts"]["impostor"], one.result["counts"]["genuine"]) for one in series
    )
    highest = max(0.3, *(min(0.9, one.result["eer"] * 2) for one in series))

    def draw(axes: Axes) -> None:
        for one in series:
            far, tar = _curve(one)
            inside = least / 10, 1 - least / 10
            axes.plot(ndtri(np.clip(far, *inside)), ndtri(np.clip(1 - tar, *inside)), **_line(one))
            if one.result["eer"] > least:
                axes.plot(*[ndtri(one.result["eer"])] * 2, "o", color=_colour(one), markersize=4)
        span = ndtri([least, highest])
        axes.plot(span, span, color=_INK, linewidth=0.5, linestyle=(0, (2, 3)))
        ticks = [rate for rate in _RATES if least <= rate <= highest]
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_ticks(ndtri(ticks), [f"{rate * 100:g}" for rate in ticks])
        axes.set_xlim(*span)
        axes.set_ylim(*span)
        axes.set_xlabel("False-accept rate, %")
        axes.set_ylabel("Miss rate (1 - TAR), %")

    return _drawn(draw, "DET: miss rate over false-accept rate on normal-deviate axes", key)


def histogram_svg(one: Series, key: str) -> str:
    """Shares of genuine and impostor pairs over cosine, with the mean of the folds' thresholds."""
    histogram = one.result["histogram"]
    edges = np.array(histogram["edges"])
    impostor = _shares(histogram["impostor"])
    genuine = _shares(histogram["genuine"])

    def draw(axes: Axes) -> None:
        for share, colour, alpha in ((impostor, _IMPOSTOR, 0.45), (genuine, _colour(one), 0.4)):
            axes.stairs(share, edges, color=colour, alpha=alpha, fill=True, linewidth=0)
            axes.stairs(share, edges, color=colour, linewidth=1)
        top = max(impostor.max(), genuine.max()) * 1.18
        used = np.flatnonzero(impostor + genuine)
        axes.set_xlim(edges[max(used[0] - 2, 0)], edges[min(used[-1] + 3, len(edges) - 1)])
        axes.set_ylim(0, top)
        for share, name in ((impostor, "impostor"), (genuine, "genuine")):
            peak = int(share.argmax())
            middle = (edges[peak] + edges[peak + 1]) / 2
            axes.annotate(
                name, (middle, share[peak]), (0, 4), textcoords="offset points", ha="center"
            )
        threshold = cosine_threshold(one.result)
        if threshold is not None:
            axes.axvline(threshold, color=_INK, linewidth=0.8, linestyle=(0, (4, 2)))
            axes.annotate(
                f"threshold {threshold:.3f}", (threshold, top), (4, -9), textcoords="offset points"
            )
        axes.set_xlabel("Cosine similarity")
        axes.set_ylabel("Pairs per bin, %")

    return _drawn(draw, f"Scores of genuine and impostor pairs, {one.label}", key)


def folds_svg(series: list[Series], key: str) -> str:
    """Accuracy of each fold; the line is the mean, the band one standard error about it."""

    def draw(axes: Axes) -> None:
        count = max(len(one.result["accuracy"]["folds"]) for one in series)
        for place, one in enumerate(series):
            accuracy = one.result["accuracy"]
            folds = np.array(accuracy["folds"]) * 100
            mean, error = accuracy["mean"] * 100, accuracy["std_error"] * 100
            shift = (place - (len(series) - 1) / 2) * 0.5 / len(series)
            numbers = np.arange(1, len(folds) + 1) + shift
            axes.axhspan(mean - error, mean + error, color=_colour(one), alpha=0.15, linewidth=0)
            axes.axhline(mean, **_line(one))
            axes.plot(numbers, folds, "o", color=_colour(one), markersize=5)
        axes.set_xlim(0.5, count + 0.5)
        axes.set_xticks(range(1, count + 1))
        axes.grid(visible=False, axis="x")
        axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
        axes.ticklabel_format(axis="y", useOffset=False)
        axes.set_xlabel("Fold")
        axes.set_ylabel("Accuracy, %")

    return _drawn(draw, "Accuracy of each fold", key)


def cosine_threshold(result: dict[str, Any]) -> float | None:
    """Mean of the folds' thresholds as a cosine; None where the rule's scores are no cosines."""
    mean = float(np.mean(result["accuracy"]["thresholds"]))
    unit = result["accuracy"].get("threshold_unit", "cosine")
    if unit == "squared distance":
        return 1 - mean / 2
    return mean if unit == "cosine" else None


def _shares(counts: list[int]) -> NDArray[np.float64]:
    return 100 * np.array(counts) / max(sum(counts), 1)


def _curve(one: Series) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.array(one.result["roc"]["far"]), np.array(one.result["roc"]["tar"])


def _colour(one: Series) -> str:
    return _COLOURS[one.colour % PALETTE]


def _line(one: Series) -> dict[str, Any]:
    dash = DASHES[one.colour // PALETTE % len(DASHES)]
    return {"color": _colour(one), "linestyle": dash, "linewidth": 1.5}


def _drawn(draw: Callable[[Axes], None], name: str, key: str) -> str:
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
