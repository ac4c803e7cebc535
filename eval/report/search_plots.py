"""Figures of searches: identification and retrieval."""

from collections.abc import Sequence
from typing import Any

from eval.report.canvas import Axes, count_axis, drawn, line, mark, share_limits
from eval.report.results import Series
from eval.report.shapes import bounds_of


def cmc_svg(series: list[Series], key: str) -> str:
    """Share of probes whose mate is within the first k, over rank k on a log scale."""
    lines: list[_Line] = []
    kinder: list[_Line] = []
    for one in series:
        cmc = one.result["cmc"]
        lines.append((one, cmc["rank"], cmc["recall"], []))
        favourable = cmc.get("recall_favourable", cmc["recall"])
        if favourable != cmc["recall"] and len(favourable) == len(cmc["rank"]):
            kinder.append((one, cmc["rank"], favourable, []))
    name = "CMC: identification rate over rank, logarithmic"
    return _rising_svg(lines, ("Rank", "Identification rate"), name, key, kinder)


def distractors_svg(series: list[Series], key: str) -> str:
    """Rank-1 rate over the number of distractors on a log scale, with its intervals."""
    lines: list[_Line] = [
        (one, *_columns(one, "identification", "distractors", "rank1")) for one in series
    ]
    name = "Rank-1 identification rate over the number of distractors, logarithmic"
    return _rising_svg(lines, ("Distractors", "Rank-1 identification rate"), name, key)


def recall_svg(series: list[Series], key: str) -> str:
    """Recall@K over K on a log scale, with its intervals."""
    lines = [(one, *_columns(one, "recall", "k", "recall")) for one in series]
    return _rising_svg(lines, ("K", "Recall@K"), "Recall over K, logarithmic", key)


_Line = tuple[Series, list[float], list[float], list[Any]]


def _columns(one: Series, key: str, x: str, y: str) -> tuple[list[float], list[float], list[Any]]:
    rows = sorted(one.result[key], key=lambda row: row[x])
    return [row[x] for row in rows], [row[y] for row in rows], [bounds_of(row) for row in rows]


def _rising_svg(
    lines: list[_Line],
    labels: tuple[str, str],
    name: str,
    key: str,
    dotted: Sequence[_Line] = (),
) -> str:
    """Shares over whole numbers on a log scale; points of few are marked, with their bounds."""

    def draw(axes: Axes) -> None:
        for one, x, y, _ in dotted:
            axes.plot(x, y, **(line(one) | {"linestyle": (0, (1, 2)), "linewidth": 1}))
        for one, x, y, bounds in lines:
            axes.plot(x, y, **line(one))
            for place in range(len(x) if len(x) <= 20 else 0):
                mark(axes, one, x[place], y[place], bounds[place] if bounds else None)
        count_axis(axes, [value for _, x, _, _ in lines for value in x])
        found = [share for _, _, y, bounds in lines for share in (*y, *(b[0] for b in bounds if b))]
        share_limits(axes, min(found))
        axes.set_xlabel(labels[0])
        axes.set_ylabel(labels[1])

    return drawn(draw, name, key)
