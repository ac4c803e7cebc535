"""Plots of searches: identification and retrieval."""

from collections.abc import Sequence
from typing import Any

from eval.report.plots import shares
from eval.report.results import Series
from eval.report.shapes import bounds_of
from pages.plot import Line, Mark, Plot
from pages.scales import Axis

_FEW = 10  # values that can each have a tick
_MARKED = 20  # points of a line that can each have a dot


def cmc(series: list[Series]) -> Plot:
    """Share of probes whose mate is within the first k, over rank k on a log scale."""
    lines: list[_Line] = []
    kinder: list[_Line] = []
    for one in series:
        found = one.result["cmc"]
        lines.append((one, found["rank"], found["recall"], []))
        favourable = found.get("recall_favourable", found["recall"])
        if favourable != found["recall"] and len(favourable) == len(found["rank"]):
            kinder.append((one, found["rank"], favourable, []))
    caption = (
        "Share of probes whose mate is among the first k of the gallery, over k. "
        "Dotted, where it differs: ties as hits."
    )
    return _rising(lines, ("CMC", caption), ("Rank", "Identification rate"), kinder)


def distractors(series: list[Series]) -> Plot:
    """Rank-1 rate over the number of distractors on a log scale, with its intervals."""
    lines: list[_Line] = [
        (one, *_columns(one, "identification", "distractors", "rank1")) for one in series
    ]
    caption = (
        "Share of probes whose mate comes first, over the number of distractors. "
        "Bars: 95 % intervals."
    )
    axes = ("Distractors", "Rank-1 identification rate")
    return _rising(lines, ("Rank 1 by distractors", caption), axes)


def recall(series: list[Series]) -> Plot:
    """Recall@K over K on a log scale, with its intervals."""
    lines = [(one, *_columns(one, "recall", "k", "recall")) for one in series]
    caption = "Share of queries with one of their class among the K nearest. Bars: 95 % intervals."
    return _rising(lines, ("Recall@K", caption), ("K", "Recall@K"))


_Line = tuple[Series, list[float], list[float], list[Any]]


def _columns(one: Series, key: str, x: str, y: str) -> tuple[list[float], list[float], list[Any]]:
    rows = sorted(one.result[key], key=lambda row: row[x])
    return [row[x] for row in rows], [row[y] for row in rows], [bounds_of(row) for row in rows]


def _rising(
    lines: list[_Line],
    words: tuple[str, str],
    axes: tuple[str, str],
    dotted: Sequence[_Line] = (),
) -> Plot:
    """Shares over whole numbers on a log scale; points of few are marked, with their bounds."""
    marks = []
    for one, x, y, bounds in lines:
        for place in range(len(x) if len(x) <= _MARKED else 0):
            low, high = (bounds[place] if bounds else None) or (None, None)
            marks.append(Mark(one.label, x[place], y[place], one.colour, low, high))
    found = [share for _, _, y, bounds in lines for share in (*y, *(b[0] for b in bounds if b))]
    return Plot(
        *words,
        _counts(axes[0], [value for _, x, _, _ in lines for value in x]),
        shares(axes[1], min(found)),
        lines=(
            *(Line(one.label, x, y, one.colour, kind="dotted") for one, x, y, _ in dotted),
            *(Line(one.label, x, y, one.colour) for one, x, y, _ in lines),
        ),
        marks=tuple(marks),
    )


def _counts(name: str, counts: Sequence[float]) -> Axis:
    """A log scale of whole numbers; of few, each has its tick if there is room."""
    places = sorted(set(counts))
    first, last = max(places[0], 1), max(places[-1], places[0] * 2, 2)
    chosen = None
    if len(places) <= _FEW:
        room = (last / first) ** 0.1
        chosen = tuple(
            a for a, b in zip(places, [*places[1:], float("inf")]) if b / max(a, 1) >= room
        )
    return Axis(name, first / 1.06, last * 1.06, "log", ticks=chosen)
