"""Draws the experiments' pictures in docs/ from result files: `python -m experiments figures`."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from data_prep.files import written_aside
from experiments.compare import pairs
from experiments.geometry import BINS
from experiments.published import PAGES, Page
from experiments.results import RESULTS, Results, load
from experiments.statistics import half_interval

DOCS = Path(__file__).resolve().parents[1] / "docs"

_COLOURS = (
    *("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9"),
    *("#B8860B", "#000000", "#8a8a8a", "#7b3294", "#4d9221"),
)
"""Ten that most colour-blind readers tell apart, one a class or an arm."""
_BEYOND = {-1: "#D55E00", 0: "#444444", 1: "#0072B2"}
"""Colours of arms that are below the first one, not to be told from it, and above it."""
_STYLE: Any = {  # the stub wants literal keys
    "font.size": 8.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9,
    "legend.frameon": False,
}
_HEATED = ("alpha_025", "alpha_4", "alpha_16", "alpha_32", "alpha_64", "heated_16_4")


def draw_all(folder: Path = RESULTS, docs: Path = DOCS) -> list[Path]:
    """Draws what there are results for; the files drawn.

    Raises:
        ValueError: a result file that is none.
        OSError: a file that cannot be read or written.
    """
    drawn = []
    with rc_context(_STYLE):
        if (path := folder / "mnist_virtual.json").exists():
            drawn.append(_save(_histograms(load(path)), docs / "experiments_virtual.png"))
        if (path := folder / "mnist_heated.json").exists():
            drawn.append(_save(_embeddings(load(path)), docs / "experiments_heated.png"))
        for name in ("faces48", "faces48_mobile", "faces"):
            if (path := folder / f"{name}.json").exists():
                figure = _accuracies(load(path), PAGES[name])
                drawn.append(_save(figure, docs / f"experiments_{name}.png"))
    return drawn


def _save(figure: Figure, path: Path) -> Path:
    with written_aside(path) as aside:
        figure.savefig(aside, format="png", dpi=110)
    return path


def _histograms(results: Results) -> Figure:
    """How many test images lie at which angle's cosine from their class's mean, a curve an arm."""
    figure = Figure(figsize=(6.4, 3.4), layout="constrained")
    ax = figure.subplots()
    edges = np.linspace(0, 1, BINS + 1)
    for colour, arm in zip(_COLOURS, results.runs):
        runs = results.values(arm, "histogram")
        share = 100 * np.mean(runs, axis=0) / np.sum(runs[0])
        ax.stairs(np.cumsum(share), edges, baseline=None, color=colour, label=arm, linewidth=1.4)
    ax.set_yscale("log")
    ax.set_ylim(0.05, 100)
    ax.set_xlim(0, 1)
    ax.set_xlabel("cosine to the mean direction of the own class")
    ax.set_ylabel("test images below it, %")
    ax.legend()
    return figure


def _accuracies(results: Results, page: Page) -> Figure:
    """A panel for each compared figure, a row an arm: a dot a seed, the mean and its interval.

    Arms that differ from the first one beyond chance, as `compare.Pair.real` has it, are coloured.
    """
    arms, columns = list(results.runs), {column.figure: column for column in page.columns}
    figure = Figure(figsize=(8.4, 0.6 + 0.25 * len(arms)), layout="constrained")
    for ax, name in zip(figure.subplots(1, len(page.compared), sharey=True), page.compared):
        gaps = {
            pair.arm: pair.gap.mean
            for pair in pairs(results, name, page.contrasts)
            if pair.real and pair.than == arms[0]
        }
        column = columns[name]
        for place, arm in enumerate(arms):
            values = column.factor * np.asarray(results.values(arm, name))
            colour = _BEYOND[int(np.sign(gaps.get(arm, 0.0)))]
            mean, half = values.mean(), half_interval(values)
            ax.plot([mean - half, mean + half], [place, place], color=colour, linewidth=1.2)
            ax.plot([mean], [place], "|", color=colour, markersize=9, markeredgewidth=1.6)
            ax.plot(values, np.full(len(values), place), "o", color=colour, markersize=2.5)
        ax.set_yticks(range(len(arms)), arms)
        ax.set_xlabel(column.title)
        ax.grid(axis="x", color="#e4e4e4", linewidth=0.6)
        ax.set_axisbelow(True)
    figure.axes[0].set_ylim(len(arms) - 0.5, -0.5)  # the first one on top
    return figure


def _embeddings(results: Results) -> Figure:
    """A panel an arm: directions of 2-d embeddings on a ring, and the class weights as rays."""
    shown = [
        arm for arm in _HEATED if arm in results.runs and "embeddings" in _seed_0(results, arm)
    ]
    figure = Figure(figsize=(8.4, 5.8), layout="constrained")
    for ax, arm in zip(figure.subplots(2, 3).flat, shown):
        _ring(ax, _seed_0(results, arm))
        ax.set_title(f"{arm}   error {_seed_0(results, arm)['error_percent']:.2f} %", loc="left")
    for ax in list(figure.axes)[len(shown) :]:
        ax.axis("off")
    return figure


def _seed_0(results: Results, arm: str) -> dict[str, Any]:
    figures: dict[str, Any] = results.runs[arm].get(0, {}).get("figures") or {}
    return figures


def _ring(ax: Axes, figures: dict[str, Any]) -> None:
    """Directions on the unit circle, moved outwards by class so that they can be told apart."""
    x = np.asarray(figures["embeddings"])
    labels = np.asarray(figures["labels"])
    weights = np.asarray(figures["class_weights"])
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    weights = weights / np.linalg.norm(weights, axis=1, keepdims=True)
    jitter = np.random.default_rng(0).uniform(-0.05, 0.05, len(x))
    for label, colour in enumerate(_COLOURS):
        rows = labels == label
        ring = x[rows] * (1 + 0.04 * label + jitter[rows, None])
        ax.scatter(ring[:, 0], ring[:, 1], s=2, color=colour, linewidths=0)
        ax.plot(*np.stack([0.15 * weights[label], 0.9 * weights[label]]).T, color=colour, lw=1)
        across, up = 1.6 * weights[label]
        ax.text(across, up, str(label), color=colour, ha="center", va="center")
    ax.set_xlim(-1.75, 1.75)
    ax.set_ylim(-1.75, 1.75)
    ax.set_aspect("equal")
    ax.axis("off")
