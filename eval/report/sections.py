"""One section of the page: the results of one protocol on one list.

What is drawn is chosen by the keys that the results have (shapes.py), never by the protocol's name.
One more = a row in `_PLOTS` or `_TABLES`.
"""

from collections.abc import Callable
from typing import Any

from eval.report import plots, search_plots, searches, tables
from eval.report.better import better
from eval.report.cells import whole
from eval.report.comparable import comparability
from eval.report.hardest import hardest_pairs
from eval.report.paired import comparisons
from eval.report.provenance import other_figures, provenance
from eval.report.results import Series, groups_of, list_name, title
from eval.report.shapes import count_of, has, number, rate_keys
from pages.drawing import figure
from pages.plot import Plot
from pages.shell import Section
from pages.text import escape

_PLOTS: tuple[tuple[tuple[str, ...], Callable[[list[Series]], Plot]], ...] = (
    (("roc",), plots.roc),
    (("roc", "eer"), plots.det),
    (("accuracy",), plots.folds),
    (("cmc",), search_plots.cmc),
    (("identification",), search_plots.distractors),
    (("recall",), search_plots.recall),
)
"""Keys that a result needs, and its plot."""

_TABLES: tuple[tuple[str, str, Callable[[list[Series]], str]], ...] = (
    ("spread", "Spread over groups", searches.spread),
    ("identification", "Identification by number of distractors", searches.identification),
    ("recall", "Recall@K", searches.recall),
    ("nmi", "Clustering", searches.nmi),
    ("accuracy", "Folds", tables.folds),
)
"""Key that a result needs, heading, table."""


_COUNTED = {"genuine": "genuine pairs", "impostor": "impostor pairs", "pairs": "pairs in all"}


def section(series: list[Series], place: int, given: list[dict[str, Any]]) -> Section:
    """All that the results of one list hold.

    Args:
        series: alike in protocol and list.
        place: of the section on the page, from 1, for ids.
        given: comparisons that `versus` wrote.
    """
    drawn = "\n".join(figure(plot, f"{name}_{place}") for name, plot in plots_of(series))
    figures = f'<div class="figures">\n{drawn}\n</div>\n' if drawn else ""
    body = (
        f'<p class="quiet">{_about(series[0])}</p>\n{_groups(series)}{figures}'
        f"{_rates(series)}{_better(series, given)}{_tables(series)}{_rest(series)}"
    )
    return Section(f"list{place}", title(series[0].result), body)


def plots_of(series: list[Series]) -> list[tuple[str, Plot]]:
    """The plots of results of one list, each with a short name of letters and digits."""
    found = []
    for keys, plot in _PLOTS:
        able = [one for one in series if has(one.result, *keys) and _drawable(one, keys)]
        if able:
            found.append((plot.__name__, plot(able)))
    scored = [one for one in series if has(one.result, "histogram")]
    return found + [
        (f"scores_{order}", plots.histogram(one)) for order, one in enumerate(scored, start=1)
    ]


def _about(one: Series) -> str:
    """List and counts in a sentence."""
    counts = one.result["counts"] if has(one.result, "counts") else {}
    lists = list_name(one.result)
    if has(one.result, "accuracy") and {"genuine", "impostor"} <= set(counts):
        words = (
            f"{whole(counts['genuine'])} genuine and {whole(counts['impostor'])} impostor pairs "
            f"in {len(one.result['accuracy']['folds'])} folds"
        )
    else:
        words = ", ".join(
            f"{whole(count)} {_COUNTED.get(name, str(name).replace('_', ' '))}"
            for name, count in counts.items()
        )
    return escape(": ".join(part for part in (lists, words) if part) + ".")


def _groups(series: list[Series]) -> str:
    found = [
        Series(one.label, one.colour, group) for one in series for group in groups_of(one.result)
    ]
    order = list(dict.fromkeys(title(one.result) for one in found))
    found.sort(key=lambda one: order.index(title(one.result)))  # models side by side
    return f"<h3>Groups</h3>\n{tables.summary(found, 'Group')}\n" if found else ""


def _drawable(one: Series, keys: tuple[str, ...]) -> bool:
    """The DET's axes begin at one pair of some, so that it needs their numbers."""
    wanted = [count_of(one.result, kind) for kind in ("genuine", "impostor")]
    return "eer" not in keys or all(number(count) and count > 3 for count in wanted)


def _better(series: list[Series], given: list[dict[str, Any]]) -> str:
    found = comparisons(series, given)
    return f"<h3>Which model is better</h3>\n{better(found, series)}\n" if found else ""


def _rates(series: list[Series]) -> str:
    keys = list(dict.fromkeys(key for one in series for key in rate_keys(one.result)))
    blocks = [tables.rates([one for one in series if has(one.result, key)], key) for key in keys]
    return "<h3>Operating points</h3>\n" + "\n".join(blocks) + "\n" if blocks else ""


def _tables(series: list[Series]) -> str:
    blocks = []
    for key, heading, draw in _TABLES:
        able = [one for one in series if has(one.result, key)]
        if able:
            blocks.append(f"<h3>{heading}</h3>\n{draw(able)}\n")
    return "".join(blocks)


def _rest(series: list[Series]) -> str:
    able = [one for one in series if has(one.result, "hardest")]
    parts = (
        ("Hardest pairs", "".join(hardest_pairs(one, one is able[0]) for one in able)),
        ("Other figures", "".join(other_figures(one) for one in series)),
        ("How to read these figures", _notes(series)),
        ("Beside published figures", comparability(series)),
        ("What was run on what", "".join(provenance(one) for one in series)),
    )
    return "\n".join(f"<h3>{heading}</h3>\n{text}" for heading, text in parts if text)


def _notes(series: list[Series]) -> str:
    """Each note once; one that holds for some results only says for which."""
    holders: dict[str, list[str]] = {}
    for one in series:
        for note in one.result.get("notes") or []:
            holders.setdefault(str(note), []).append(one.label)
    items = []
    for note, labels in holders.items():
        whose = "" if len(labels) == len(series) else f" ({', '.join(labels)})"
        items.append(f"<li>{escape(note + whose)}</li>")
    return f'<ul class="notes">{"".join(items)}</ul>' if items else ""
