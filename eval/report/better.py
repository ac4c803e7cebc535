"""Tables that say which model is better: of results side by side, and of comparisons alone."""

from typing import Any

from eval.report.paired import Comparison, Verdict, verdicts
from eval.report.results import Series, model_name
from pages.drawing import swatch
from pages.tables import row, small, table
from pages.text import breakable, escape

_WORDS = {"yes": "good", "no": "bad", "cannot tell": "quiet"}


def better(found: list[Comparison], series: list[Series]) -> str:
    """A row for each figure of each two models: better? yes, no, cannot tell, because."""
    colours = {one.label: one.colour for one in series}
    rows = [_row(verdict, colours) for one in found for verdict in verdicts(one)]
    units = sorted({str(one.found.get("unit", "people")) for one in found})
    draws = max((int(one.found.get("draws") or 0) for one in found), default=0)
    words = f"{draws:,} draws of {escape(' or '.join(units))}, the same for both models"
    if "pairs" in units:
        words += "; where people are not known and pairs are drawn, intervals are too narrow"
    more = ""
    if len(rows) > 3:
        more = (
            f" Of {len(rows)} such intervals about {max(1, round(len(rows) / 20))} would miss 0 "
            "by chance alone, were all models equally good."
        )
    return table(
        "Each two models, the one of higher accuracy first. Brackets: 95 % interval of the "
        f"difference; {words}.{more}",
        ("Is this model", "better than", "in", "Answer", "First", "Second", "Difference"),
        rows,
        words=4,
    )


def alone(found: dict[str, Any]) -> str:
    """A comparison whose results are not on the page."""
    names = [model_name(one) for one in found["models"]]
    if names[0] == names[1]:
        names = [f"{name} ({one.get('result')})" for name, one in zip(names, found["models"])]
    files = ", ".join(str(one.get("result")) for one in found["models"])
    return (
        f'<p class="quiet">Compared by versus: {breakable(files)}. Pair list: SHA-256 '
        f"<code>{escape(found['pairs'].get('sha256'))}</code>.</p>\n"
        + better([Comparison(names[0], names[1], found)], [])
    )


def _row(one: Verdict, colours: dict[str, int]) -> str:
    names = [
        f'<span class="model">{swatch(colours[name]) if name in colours else ""}'
        f"<span>{breakable(name)}</span></span>"
        for name in (one.better, one.other)
    ]
    low, high = one.ci95
    answer = f'<b class="{_WORDS[one.answer]}">{one.answer}</b>, because {escape(one.because)}'
    cells = [
        names[1],
        escape(one.figure),
        f'<div class="because">{answer}</div>',
        f"{one.values[0]:.4f}",
        f"{one.values[1]:.4f}",
        f"{one.values[0] - one.values[1]:+.4f}" + small(f"[{low:+.4f}, {high:+.4f}]"),
    ]
    return row(names[0], cells, words=4)
