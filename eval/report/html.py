"""One page from results: what each holds is drawn, whatever its protocol. Loads nothing."""

from collections.abc import Sequence
from typing import Any

from tqdm import tqdm

from eval.report import searches, tables
from eval.report.again import again
from eval.report.better import alone
from eval.report.paired import orphans
from eval.report.results import Series, groups_of, section_of, series_of, unfolded
from eval.report.sections import section
from eval.report.shapes import has
from pages import shell
from pages.shell import Section

_FOOTER = (
    "<p>Drawn by Likeness from the results alone. Images of people are shown for the examination "
    "of errors only.</p>"
)
_CSS = """
.figs {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(8rem, 1fr)); gap: .5rem 1rem;
  font-variant-numeric: tabular-nums; min-width: 30rem;
}
.figs > div > small:first-child { color: var(--ink); }
.because { min-width: 16rem; }
@media (max-width: 40rem) { .figs { min-width: 9rem; } }
@media print { .figs, .because { min-width: 0; } }
"""
_VERIFICATION = ("accuracy", "eer", "auc", "d_prime")


def page(
    results: list[dict[str, Any]],
    title: str,
    given: Sequence[dict[str, Any]] = (),
    command: str = "",
) -> str:
    """The whole report.

    Args:
        results: as `read_result` gives them, in the order they are to be shown.
        title: heading of the page.
        given: comparisons that `versus` wrote.
        command: the one that draws the page, for the record.

    Returns:
        HTML that loads nothing; the same arguments give the same bytes.
    """
    lists = by_list(results)
    everything = [one for series in lists for one in series]
    models = len({str(one.result.get("model")) for one in everything})
    tests = {section_of(result) for result in results}
    lead = (
        f'<p class="quiet">{_count(len(results), "result")}, {_count(models, "model")}, '
        f"{_count(len(tests), 'test set')}.</p>"
    )
    sections = [Section("summary", "Summary", _summary(everything))] if everything else []
    bar = tqdm(lists, desc="drawing", delay=2, leave=False)
    sections += [section(series, place, list(given)) for place, series in enumerate(bar, start=1)]
    sections += [
        Section(f"versus{place}", f"{found.get('title')}: two models", alone(found))
        for place, found in enumerate(orphans(everything, list(given)), start=1)
    ]
    made = again(results, command)
    if made:
        sections.append(Section("again", "To make this again", made))
    return shell.page(title, lead, sections, _FOOTER, css=_CSS)


def by_list(results: list[dict[str, Any]]) -> list[list[Series]]:
    """The results with names and colours, those of one protocol and list together."""
    lists: dict[tuple[str, str], list[Series]] = {}
    for one in series_of(unfolded(results)):
        lists.setdefault(section_of(one.result), []).append(one)
    return list(lists.values())


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
