"""The curves of a run's page, from what its log holds."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from pages.plot import Guide, Line, Plot
from pages.scales import Axis, fitted, ticks
from pages.thinning import kept
from train.page.gather import Run
from train.page.log_file import Series

CURVES = (
    ("loss", "Loss", "loss", "Mean over the batch, every so many steps."),
    (
        "target_similarity",
        "Similarity to the own class",
        "cosine",
        "Mean over the batch. It should rise; near 1 while verification falls, people are learnt "
        "by heart.",
    ),
    (
        "hard_negative_share",
        "Hard negatives",
        "share of other classes",
        "Classes, of those that are not the image's own, that are more similar to it than the "
        "margin allows. They are what the loss learns from; none left, it has no more to say.",
    ),
    ("lr", "Learning rate", "learning rate", "Of the backbone."),
    (
        "images_per_second",
        "Throughput",
        "images a second",
        "Over all processes, between two lines of the log, without verification.",
    ),
    (
        "gradient_norm",
        "Gradient's norm",
        "norm",
        "Of the backbone, before clipping.",
    ),
)
"""Logged name, heading, axis and explanation, in the order of the page."""

_LOGARITHMIC = ("gradient_norm",)
_SMOOTH = ("loss", "target_similarity", "hard_negative_share", "images_per_second", "gradient_norm")
_FEW = 200
"""Points up to which a curve is shown as it is, without a running mean."""

_POINTS = 800
"""Points of a drawn curve, about; the page is written again and again."""

_LONG = 100_000
"""Steps from which on their numbers are long."""

_ROOM = 0.15
"""Of the plot's width: what the word at a restart takes."""


def training_plots(run: Run) -> list[Plot]:
    """A plot of each value that the log has, well-known ones first."""
    plots = []
    for name, heading, axis, text in CURVES:
        if name in run.train and run.train[name].steps:
            plots.append(_plot(run, name, heading, axis, text))
    known = {name for name, *_ in CURVES}
    for name in run.train:
        if name not in known and run.train[name].steps:
            plots.append(_plot(run, name, name, name, "As logged."))
    return plots


def verification_plots(run: Run) -> list[Plot]:
    """A plot of each figure over the run, one line a set; standard errors become bands."""
    figures = dict.fromkeys(
        figure for figures in run.validation.values() for figure in figures if figure != "std_error"
    )
    return [_verification(run, figure) for figure in figures]


def set_name(run: Run, name: str) -> str:
    """What a validation set is called on the page."""
    if name:
        return name
    if len(run.validation) > 1:
        return "mean over the sets"
    settings = run.settings("validation")
    file = settings.get("pairs") or settings.get("images")
    return file.rpartition("/")[2] if isinstance(file, str) and file else "validation"


def smoothed(series: Series) -> tuple[Series, int]:
    """The running mean over a hundredth of a series, and over how many of its values that is."""
    width = max(5, len(series.values) // 100)
    sums = np.cumsum(np.concatenate([[0.0], series.values]))
    ends = np.arange(1, len(series.values) + 1)
    starts = np.maximum(ends - width, 0)
    means = (sums[ends] - sums[starts]) / (ends - starts)
    return Series(list(series.steps), means.tolist()), width


def _plot(run: Run, name: str, heading: str, axis: str, text: str) -> Plot:
    series = run.train[name]
    # Over decades as far as it is positive throughout: learning rates begin at zero.
    logarithmic = name in _LOGARITHMIC and min(series.values) > 0
    if name in _SMOOTH and len(series.steps) > _FEW:
        mean, width = smoothed(series)
        lines = [
            _line("as logged", series, dotted=True),
            _line(f"mean of the last {width} lines of the log", mean),
        ]
    else:
        lines = [_line("as logged", series)]
    upward = fitted(axis, series.values, scale="log" if logarithmic else "linear")
    return Plot(heading, text, _steps(run), upward, tuple(lines), guides=_restarts(run))


def _verification(run: Run, figure: str) -> Plot:
    lines, heights = [], []
    for place, (whose, figures) in enumerate(run.validation.items()):
        series = figures.get(figure)
        if series is None or not series.steps:
            continue
        errors = figures.get("std_error") if figure == "accuracy" else None
        low = high = None
        if errors is not None and errors.steps == series.steps:
            low = np.subtract(series.values, errors.values).tolist()
            high = np.minimum(np.add(series.values, errors.values), 1.0).tolist()
            heights += [*low, *high]
        heights += series.values
        label = set_name(run, whose)
        lines.append(Line(label, series.steps, series.values, place, low, high))
    band = " The band is one standard error over the folds." if figure == "accuracy" else ""
    text = f"Verification while it trained.{band}"
    share = _is_share(heights)
    upward = fitted(readable(figure) + (", %" if share else ""), heights, percent=share)
    return Plot(readable(figure), text, _steps(run), upward, tuple(lines), guides=_restarts(run))


def readable(figure: str) -> str:
    """`tar_at_far_1e-2` as `TAR at FAR 1e-2`."""
    words = figure.replace("_", " ").replace("tar at far", "TAR at FAR")
    return words[0].upper() + words[1:]


def _is_share(values: Sequence[float]) -> bool:
    return bool(values) and all(0 <= value <= 1 for value in values)


def _line(label: str, series: Series, *, dotted: bool = False) -> Line:
    x, y = np.array(series.steps, float), np.array(series.values)
    spread = float(np.ptp(y)) or 1.0
    keep = kept(x / max(x[-1], 1) * 372, (y - y.min()) / spread * 248, _POINTS)
    if dotted:
        return Line(label, x[keep], y[keep], "grey", kind="dotted")
    return Line(label, x[keep], y[keep])


def _steps(run: Run) -> Axis:
    axis = Axis("step", 0, max(run.total or 0, run.step, 1))
    # A long number at the very end would not fit.
    chosen = tuple(value for value, _ in ticks(axis, about=5) if value <= 0.95 * axis.high)
    return replace(axis, ticks=chosen) if axis.high >= _LONG else axis


def _restarts(run: Run) -> tuple[Guide, ...]:
    """A line at each restart; words only where there is room for them."""
    steps = sorted({int(after.get("step", 0)) for _, after in pairwise(run.sessions)} - {0})
    guides, room = [], _ROOM * max(run.total or 0, run.step, 1)
    free = 0.0
    for step in steps:
        guides.append(Guide(step, "restart" if step >= free else ""))
        free = step + room if step >= free else free
    return tuple(guides)
