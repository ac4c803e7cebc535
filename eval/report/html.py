"""One page from results: tables, figures, hardest pairs, provenance, notes. Loads nothing."""

import re
from html import escape
from typing import Any

from tqdm import tqdm

from eval.report import plots, tables
from eval.report.results import Series, list_name, section_of, series_of
from eval.report.style import CSS

_PICTURE = re.compile(r"data:image/jpeg;base64,[A-Za-z0-9+/]+=*")
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def page(results: list[dict[str, Any]], title: str) -> str:
    """The whole report.

    Args:
        results: as `read_result` gives them, in the order they are to be shown.
        title: heading of the page.

    Returns:
        HTML that loads nothing; the same results give the same bytes.
    """
    everything = series_of(results)
    sections: dict[tuple[str, str], list[Series]] = {}
    for one in everything:
        sections.setdefault(section_of(one.result), []).append(one)
    models = len({str(one.result["model"]) for one in everything})
    lead = (
        f"{_count(len(results), 'result')}, {_count(models, 'model')}, "
        f"{_count(len(sections), 'pair list')}."
    )
    bar = tqdm(sections.values(), desc="drawing", delay=2, leave=False)
    body = "\n".join(_section(series, number) for number, series in enumerate(bar, start=1))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<title>{escape(title)}</title>
<style>{CSS}</style>
</head>
<body>
<header>
<h1>{escape(title)}</h1>
<p class="quiet">{lead}</p>
</header>
<main>
<section aria-labelledby="summary">
<h2 id="summary">Summary</h2>
{tables.summary(everything)}
</section>
{body}
</main>
<footer><p>Drawn by Likeness from the results alone. Images of people are shown for the examination
of errors only.</p></footer>
</body>
</html>
"""


def _section(series: list[Series], number: int) -> str:
    result = series[0].result
    counts = result["counts"]
    return f"""<section aria-labelledby="list{number}">
<h2 id="list{number}">{escape(str(result["title"]))}</h2>
<p class="quiet">{escape(list_name(result))}: {counts["genuine"]:,} genuine and
{counts["impostor"]:,} impostor pairs in {len(result["accuracy"]["folds"])} folds.</p>
{_legend(series)}
<div class="figures">
{_figures(series, number)}
</div>
<h3>Operating points</h3>
{tables.operating_points(series)}
<h3>Folds</h3>
{tables.folds(series)}
<h3>Hardest pairs</h3>
{"".join(_hardest(one, opened=place == 0) for place, one in enumerate(series))}
<h3>How to read these figures</h3>
{_notes(series)}
<h3>What was run on what</h3>
{"".join(tables.provenance(one) for one in series)}
</section>"""


def _legend(series: list[Series]) -> str:
    items = "".join(
        f"<li>{tables.named(one)}</li>" for one in {one.label: one for one in series}.values()
    )
    return f'<ul class="legend" aria-label="Models">{items}</ul>'


def _figures(series: list[Series], number: int) -> str:
    figures = [
        _figure(
            plots.roc_svg(series, f"roc{number}-"),
            "ROC",
            "True-accept over false-accept rate, from one impostor pair to all. "
            "Dots with bars: TAR@FAR with 95 % intervals.",
        ),
        _figure(
            plots.det_svg(series, f"det{number}-"),
            "DET",
            "Misses over false accepts on normal-deviate axes. Dots on the diagonal: equal error.",
        ),
        _figure(
            plots.folds_svg(series, f"folds{number}-"),
            "Accuracy by fold",
            "Dots: folds. Line and band: mean and one standard error.",
        ),
    ]
    for place, one in enumerate(series, start=1):
        figures.append(
            _figure(
                plots.histogram_svg(one, f"scores{number}-{place}-"),
                f"Scores, {one.label}",
                "Genuine in the model's colour, impostor in grey; each adds up to 100 %.",
            )
        )
    return "\n".join(figures)


def _figure(svg: str, name: str, caption: str) -> str:
    return (
        f"<figure><figcaption><b>{escape(name)}.</b> {escape(caption)}</figcaption>{svg}</figure>"
    )


def _hardest(one: Series, opened: bool) -> str:
    kinds = (
        ("genuine", "Genuine pairs of lowest score"),
        ("impostor", "Impostor pairs of highest score"),
    )
    blocks = "".join(
        f'<p class="quiet">{words}</p>\n<ol class="pairs">'
        + "".join(_pair(pair) for pair in one.result["hardest"][kind])
        + "</ol>\n"
        for kind, words in kinds
    )
    state = " open" if opened else ""
    return f"<details{state}><summary>{tables.breakable(one.label)}</summary>\n{blocks}</details>\n"


def _pair(pair: dict[str, Any]) -> str:
    faces = "".join(_face(name, data) for name, data in zip(pair["names"], pair["thumbnails"]))
    names = "<br>".join(tables.breakable(str(name)) for name in pair["names"])
    verdict = (
        '<span class="good">right</span>' if pair["correct"] else '<span class="bad">wrong</span>'
    )
    return (
        f'<li><div class="faces">{faces}</div>'
        f'<div class="verdict"><b>{float(pair["score"]):.4f}</b>{verdict}</div>{names}<br>'
        f'<span class="quiet">fold {int(pair["fold"])}, line {int(pair["line"])}</span></li>'
    )


def _face(name: str, data: Any) -> str:
    if isinstance(data, str) and _PICTURE.fullmatch(data):
        return f'<img src="{data}" alt="{escape(str(name))}" width="96" height="96">'
    return "<span>no picture</span>"


def _notes(series: list[Series]) -> str:
    """Each note once; one that holds for some results only says for which."""
    holders: dict[str, list[str]] = {}
    for one in series:
        for note in one.result["notes"]:
            holders.setdefault(str(note), []).append(one.label)
    items = []
    for note, labels in holders.items():
        whose = "" if len(labels) == len(series) else f" ({', '.join(labels)})"
        items.append(f"<li>{escape(note + whose)}</li>")
    return f'<ul class="notes">{"".join(items)}</ul>'


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
