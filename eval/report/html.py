"""One page from results: what each holds is drawn, whatever its protocol. Loads nothing."""

from html import escape
from typing import Any

from tqdm import tqdm

from eval.report import searches, tables
from eval.report.results import Series, groups_of, section_of, series_of, unfolded
from eval.report.sections import section
from eval.report.shapes import has
from eval.report.style import CSS

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_VERIFICATION = ("accuracy", "eer", "auc", "d_prime")


def page(results: list[dict[str, Any]], title: str) -> str:
    """The whole report.

    Args:
        results: as `read_result` gives them, in the order they are to be shown.
        title: heading of the page.

    Returns:
        HTML that loads nothing; the same results give the same bytes.
    """
    everything = series_of(unfolded(results))
    sections: dict[tuple[str, str], list[Series]] = {}
    for one in everything:
        sections.setdefault(section_of(one.result), []).append(one)
    tests = {section_of(result) for result in results}
    models = len({str(one.result.get("model")) for one in everything})
    lead = (
        f"{_count(len(results), 'result')}, {_count(models, 'model')}, "
        f"{_count(len(tests), 'test set')}."
    )
    bar = tqdm(sections.values(), desc="drawing", delay=2, leave=False)
    body = "\n".join(section(series, place) for place, series in enumerate(bar, start=1))
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
{_summary([one for series in sections.values() for one in series])}
</section>
{body}
</main>
<footer><p>Drawn by Likeness from the results alone. Images of people are shown for the examination
of errors only.</p></footer>
</body>
</html>
"""


def _summary(everything: list[Series]) -> str:
    """Verification in columns, all else by main figures; groups have a table in their section.

    Args:
        everything: test set by test set.
    """
    groups = [group for one in everything for group in groups_of(one.result)]
    shown = [one for one in everything if one.result not in groups]
    verified = [one for one in shown if any(has(one.result, key) for key in _VERIFICATION)]
    rest = [one for one in shown if one not in verified or has(one.result, "rank1")]
    blocks = [tables.summary(verified)] if verified else []
    return "\n".join(blocks + ([searches.headlines(rest)] if rest else []))


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
