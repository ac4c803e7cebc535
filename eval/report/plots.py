"""Figures of 1:1 verification."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from eval.report.canvas import (
    IMPOSTOR,
    INK,
    Axes,
    colour,
    drawn,
    line,
    mark,
    percent_axis,
    rate_axis,
    share_limits,
)
from eval.report.results import Series
from eval.report.shapes import bounds_of, count_of, has, number

_RATES = (1e-5, 1e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)


def roc_svg(series: list[Series], key: str) -> str:
    """TAR over FAR, FAR on a log scale from one impostor up; marks are TAR@FAR with bounds."""
    least = min(_least(one) for one in series)
    most = max(max(one.result["roc"]["far"]) for one in series)

    def draw(axes: Axes) -> None:
        lowest = 1.0
        for one in series:
            far, tar = _curve(one)
            shown = np.maximum(far, least / 10)  # a log scale has no zero
            axes.plot(shown, tar, **line(one))
            lowest = min(lowest, float(tar[far <= max(least, far.min())].max()))
            for point in one.result["tar_at_far"] if has(one.result, "tar_at_far") else []:
                if number(point.get("tar")):
                    mark(axes, one, point["far"], point["tar"], bounds_of(point))
                    lowest = min(lowest, *(bounds_of(point) or [point["tar"]]))
        # where the tail alone was kept, the curve ends early
        rate_axis(axes, least, max(10 ** float(np.ceil(np.log10(max(most, least)))), least * 10))
        share_limits(axes, lowest)
        axes.set_xlabel("False-accept rate")
        axes.set_ylabel("True-accept rate")

    return drawn(draw, "ROC: true-accept rate over false-accept rate, logarithmic", key)


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
            axes.plot(ndtri(np.clip(far, *inside)), ndtri(np.clip(1 - tar, *inside)), **line(one))
            if one.result["eer"] > least:
                axes.plot(*[ndtri(one.result["eer"])] * 2, "o", color=colour(one), markersize=4)
        span = ndtri([least, highest])
        axes.plot(span, span, color=INK, linewidth=0.5, linestyle=(0, (2, 3)))
        ticks = [rate for rate in _RATES if least <= rate <= highest]
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_ticks(ndtri(ticks), [f"{rate * 100:g}" for rate in ticks])
        axes.set_xlim(*span)
        axes.set_ylim(*span)
        axes.set_xlabel("False-accept rate, %")
        axes.set_ylabel("Miss rate (1 - TAR), %")

    return drawn(draw, "DET: miss rate over false-accept rate on normal-deviate axes", key)


def histogram_svg(one: Series, key: str) -> str:
    """Shares of genuine and impostor pairs over cosine, with the mean of the folds' thresholds."""
    histogram = one.result["histogram"]
    edges = np.array(histogram["edges"])
    impostor = _shares(histogram["impostor"])
    genuine = _shares(histogram["genuine"])

    def draw(axes: Axes) -> None:
        for share, ink, alpha in ((impostor, IMPOSTOR, 0.45), (genuine, colour(one), 0.4)):
            axes.stairs(share, edges, color=ink, alpha=alpha, fill=True, linewidth=0)
            axes.stairs(share, edges, color=ink, linewidth=1)
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
            axes.axvline(threshold, color=INK, linewidth=0.8, linestyle=(0, (4, 2)))
            axes.annotate(
                f"threshold {threshold:.3f}", (threshold, top), (4, -9), textcoords="offset points"
            )
        axes.set_xlabel("Cosine similarity")
        axes.set_ylabel("Pairs per bin, %")

    return drawn(draw, f"Scores of genuine and impostor pairs, {one.label}", key)


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
            axes.axhspan(mean - error, mean + error, color=colour(one), alpha=0.15, linewidth=0)
            axes.axhline(mean, **line(one))
            axes.plot(numbers, folds, "o", color=colour(one), markersize=5)
        axes.set_xlim(0.5, count + 0.5)
        axes.set_xticks(range(1, count + 1))
        axes.grid(visible=False, axis="x")
        percent_axis(axes)
        axes.set_xlabel("Fold")
        axes.set_ylabel("Accuracy, %")

    return drawn(draw, "Accuracy of each fold", key)


def cosine_threshold(result: dict[str, Any]) -> float | None:
    """Mean of the folds' thresholds as a cosine; None where the rule's scores are no cosines."""
    if not has(result, "accuracy"):
        return None
    mean = float(np.mean(result["accuracy"]["thresholds"]))
    unit = result["accuracy"].get("threshold_unit", "cosine")
    if unit == "squared distance":
        return 1 - mean / 2
    return mean if unit == "cosine" else None


def _shares(counts: list[int]) -> NDArray[np.float64]:
    return 100 * np.array(counts) / max(sum(counts), 1)


def _curve(one: Series) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.array(one.result["roc"]["far"]), np.array(one.result["roc"]["tar"])


def _least(one: Series) -> float:
    """The rate of one false accept."""
    impostors = count_of(one.result, "impostor")
    if isinstance(impostors, int) and impostors > 0:
        return 1 / impostors
    return min([far for far in one.result["roc"]["far"] if far > 0], default=0.1)
