"""One section of the page: the results of one protocol on one list.

What is drawn is chosen by the keys that the results have (shapes.py), never by the protocol's name.
One more = a row in `_FIGURES` or `_TABLES`.
"""

from collections.abc import Callable
from html import escape

from eval.report import plots, search_plots, searches, tables
from eval.report.cells import named, whole
from eval.report.hardest import hardest_pairs
from eval.report.provenance import other_figures, provenance
from eval.report.results import Series, groups_of, list_name, title
from eval.report.shapes import count_of, has, number, rate_keys

_FIGURES: tuple[tuple[tuple[str, ...], Callable[[list[Series], str], str], str, str], ...] = (
    (
        ("roc",),
        plots.roc_svg,
        "ROC",
        "True-accept over false-accept rate, from one impostor pair upward. "
        "Dots with bars: TAR@FAR with 95 % intervals.",
    ),
    (
        ("roc", "eer"),
        plots.det_svg,
        "DET",
        "Misses over false accepts on normal-deviate axes. Dots on the diagonal: equal error.",
    ),
    (
        ("accuracy",),
        plots.folds_svg,
        "Accuracy by fold",
        "Dots: folds. Line and band: mean and one standard error.",
    ),
    (
        ("cmc",),
        search_plots.cmc_svg,
        "CMC",
        "Share of probes whose mate is among the first k of the gallery, over k. "
        "Dotted, where it differs: ties as hits.",
    ),
    (
        ("identification",),
        search_plots.distractors_svg,
        "Rank 1 by distractors",
        "Share of probes whose mate comes first, over the number of distractors. "
        "Bars: 95 % intervals.",
    ),
    (
        ("recall",),
        search_plots.recall_svg,
        "Recall@K",
        "Share of queries with one of their class among the K nearest. Bars: 95 % intervals.",
    ),
)
"""Keys that a result needs, drawing, name, caption."""

_TABLES: tuple[tuple[str, str, Callable[[list[Series]], str]], ...] = (
    ("spread", "Spread over groups", searches.spread),
    ("identification", "Identification by number of distractors", searches.identification),
    ("recall", "Recall@K", searches.recall),
    ("nmi", "Clustering", searches.nmi),
    ("accuracy", "Folds", tables.folds),
)
"""Key that a result needs, heading, table."""


_COUNTED = {"genuine": "genuine pairs", "impostor": "impostor pairs", "pairs": "pairs in all"}


def section(series: list[Series], place: int) -> str:
    """All that the results of one list hold.

    Args:
        series: alike in protocol and list.
        place: of the section on the page, from 1, for ids.
    """
    return f"""<section aria-labelledby="list{place}">
<h2 id="list{place}">{escape(title(series[0].result))}</h2>
<p class="quiet">{_about(series[0])}</p>
{_legend(series)}
{_groups(series)}{_figures(series, place)}{_rates(series)}{_tables(series)}{_rest(series)}
</section>"""


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


def _legend(series: list[Series]) -> str:
    items = "".join(f"<li>{named(one)}</li>" for one in {one.label: one for one in series}.values())
    return f'<ul class="legend" aria-label="Models">{items}</ul>'


def _groups(series: list[Series]) -> str:
    found = [
        Series(one.label, one.colour, group) for one in series for group in groups_of(one.result)
    ]
    order = list(dict.fromkeys(title(one.result) for one in found))
    found.sort(key=lambda one: order.index(title(one.result)))  # models side by side
    return f"<h3>Groups</h3>\n{tables.summary(found, 'Group')}\n" if found else ""


def _figures(series: list[Series], place: int) -> str:
    figures = []
    for keys, draw, name, caption in _FIGURES:
        able = [one for one in series if has(one.result, *keys) and _drawable(one, keys)]
        if able:
            key = f"{draw.__name__.removesuffix('_svg')}{place}-"
            figures.append(_figure(draw(able, key), name, caption))
    for order, one in enumerate(series, start=1):
        if has(one.result, "histogram"):
            figures.append(
                _figure(
                    plots.histogram_svg(one, f"scores{place}-{order}-"),
                    f"Scores, {one.label}",
                    "Genuine in the model's colour, impostor in grey; each adds up to 100 %.",
                )
            )
    return '<div class="figures">\n' + "\n".join(figures) + "\n</div>\n" if figures else ""


def _drawable(one: Series, keys: tuple[str, ...]) -> bool:
    """The DET's axes begin at one pair, so that it needs their numbers."""
    wanted = [count_of(one.result, kind) for kind in ("genuine", "impostor")]
    return "eer" not in keys or all(number(count) and count > 0 for count in wanted)


def _figure(svg: str, name: str, caption: str) -> str:
    return (
        f"<figure><figcaption><b>{escape(name)}.</b> {escape(caption)}</figcaption>{svg}</figure>"
    )


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
