"""Plots of 1:1 verification."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.report.band import Band, band_of
from eval.report.results import Series
from eval.report.shapes import bounds_of, count_of, has, number, rows_alike
from pages.plot import Bars, Guide, Line, Mark, Plot
from pages.scales import Axis, fitted

_BANDS = {
    "people": "bands: 95 % at each rate, people drawn anew",
    "pairs": "bands: 95 % at each rate, pairs drawn anew as people are not known: too narrow",
    "binomial": "bands: Clopper-Pearson, 95 %, pairs taken as independent",
}


def roc(series: list[Series]) -> Plot:
    """TAR over FAR, FAR on a log scale from one impostor up; marks are TAR@FAR with bounds."""
    least = min(_least(one) for one in series)
    most = max(max(one.result["roc"]["far"]) for one in series)
    bands = [(one, band) for one in series if (band := band_of(one.result)) is not None]
    lowest = 1.0
    lines, marks = [_band(one, band) for one, band in bands], []
    for one in series:
        far, tar = _curve(one)
        lines.append(Line(one.label, far, tar, one.colour, **_thresholds(one.result)))
        lowest = min(lowest, float(tar[far <= max(least, far.min())].max()))
        for point in one.result["tar_at_far"] if has(one.result, "tar_at_far") else []:
            if number(point.get("tar")):
                marks.append(_mark(one, point))
                lowest = min(lowest, *(bounds_of(point) or [point["tar"]]))
    # where the tail alone was kept, the curve ends early
    end = max(10 ** float(np.ceil(np.log10(max(most, least)))), least * 10)
    said = "; ".join(dict.fromkeys(_BANDS[band.kind] for _, band in bands))
    return Plot(
        "ROC",
        "True-accept over false-accept rate, from one impostor pair upward. Dots with bars: "
        "TAR@FAR with 95 % intervals" + (f"; {said}." if said else "."),
        Axis("False-accept rate", least, end, "log"),
        shares("True-accept rate", lowest),
        lines=tuple(lines),
        marks=tuple(marks),
    )


def det(series: list[Series]) -> Plot:
    """Miss rate over FAR, both on normal-deviate axes; the mark on the diagonal is the EER."""
    counts = [one.result["counts"] for one in series]
    least = min(1 / max(count["impostor"], count["genuine"]) for count in counts)
    highest = max(0.3, *(min(0.9, one.result["eer"] * 2) for one in series))
    curves = [(one, *_curve(one)) for one in series]
    return Plot(
        "DET",
        "Misses over false accepts on normal-deviate axes, nearer to the lower left is better. "
        "Dots on the diagonal: equal error rate.",
        Axis("False-accept rate, %", least, highest, "normal", percent=True),
        Axis("Miss rate (1 - TAR), %", least, highest, "normal", percent=True),
        lines=tuple(
            Line(one.label, far, 1 - tar, one.colour, **_thresholds(one.result))
            for one, far, tar in curves
        ),
        marks=tuple(
            Mark(one.label, one.result["eer"], one.result["eer"], one.colour)
            for one in series
            if one.result["eer"] > least
        ),
        guides=(Guide(0, along="diagonal"),),
    )


def histogram(one: Series) -> Plot:
    """Shares of genuine and impostor pairs over cosine, with the mean of the folds' thresholds."""
    found = one.result["histogram"]
    edges = np.array(found["edges"])
    impostor, genuine = (_percent(found[kind]) for kind in ("impostor", "genuine"))
    used = np.flatnonzero(impostor + genuine)
    threshold = cosine_threshold(one.result)
    low, high = edges[max(used[0] - 2, 0)], edges[min(used[-1] + 3, len(edges) - 1)]
    guides = () if threshold is None else (Guide(threshold, f"threshold {threshold:.3f}"),)
    return Plot(
        f"Scores, {one.label}",
        "Genuine pairs in the model's colour, impostor pairs in grey; each adds up to 100 %.",
        Axis("Cosine similarity", float(low), float(high)),
        fitted("Pairs per bin, %", [0, max(impostor.max(), genuine.max()) * 1.1]),
        bars=(
            Bars("impostor", edges, impostor, "grey"),
            Bars("genuine", edges, genuine, one.colour),
        ),
        guides=guides,
    )


def folds(series: list[Series]) -> Plot:
    """Accuracy of each fold; the line is the mean, the band one standard error about it."""
    count = max(len(one.result["accuracy"]["folds"]) for one in series)
    dots, means, values = [], [], []
    for place, one in enumerate(series):
        accuracy = one.result["accuracy"]
        mean, error = accuracy["mean"], accuracy["std_error"]
        shift = (place - (len(series) - 1) / 2) * 0.5 / len(series)
        numbers = np.arange(1, len(accuracy["folds"]) + 1)
        dots.append(Line(one.label, numbers + shift, accuracy["folds"], one.colour, kind="dots"))
        ends = ([0.5, count + 0.5], [mean] * 2, one.colour, [mean - error] * 2, [mean + error] * 2)
        means.append(Line(one.label, *ends))
        values += [*accuracy["folds"], mean - error, mean + error]
    y = fitted("Accuracy, %", np.array(values) * 100)
    return Plot(
        "Accuracy by fold",
        "Dots: folds. Line and band: mean and one standard error.",
        Axis("Fold", 0.5, count + 0.5, ticks=tuple(range(1, count + 1))),
        Axis(y.name, y.low / 100, y.high / 100, percent=True),
        lines=(*means, *dots),
    )


def cosine_threshold(result: dict[str, Any]) -> float | None:
    """Mean of the folds' thresholds as a cosine; None where the rule's scores are no cosines."""
    if not has(result, "accuracy"):
        return None
    mean = float(np.mean(result["accuracy"]["thresholds"]))
    unit = result["accuracy"].get("threshold_unit", "cosine")
    if unit == "squared distance":
        return 1 - mean / 2
    return mean if unit == "cosine" else None


def shares(name: str, lowest: float) -> Axis:
    """Shares from a round number at or below the lowest to 1."""
    return Axis(name, min(float(np.floor(lowest * 20) / 20), 0.95), 1.0)


def _band(one: Series, band: Band) -> Line:
    return Line(one.label, band.far, band.low, one.colour, band.low, band.high, kind="band")


def _mark(one: Series, point: dict[str, Any]) -> Mark:
    low, high = bounds_of(point) or (None, None)
    return Mark(one.label, point["far"], point["tar"], one.colour, low, high)


def _thresholds(result: dict[str, Any]) -> dict[str, Any]:
    if not has(result, "roc") or not rows_alike(result["roc"], "far", "threshold"):
        return {}
    return {"extra": result["roc"]["threshold"], "extra_name": "Threshold"}


def _percent(counts: list[int]) -> NDArray[np.float64]:
    return 100 * np.array(counts) / max(sum(counts), 1)


def _curve(one: Series) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.array(one.result["roc"]["far"]), np.array(one.result["roc"]["tar"])


def _least(one: Series) -> float:
    """The rate of one false accept."""
    impostors = count_of(one.result, "impostor")
    if isinstance(impostors, int) and impostors > 1:
        return 1 / impostors
    return min([far for far in one.result["roc"]["far"] if 0 < far < 1], default=0.1)
