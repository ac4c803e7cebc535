"""The hardest pairs of a result with their pictures. Loads nothing; text is escaped here."""

from typing import Any

from eval.report.results import Series
from pages.pictures import image
from pages.text import breakable


def hardest_pairs(one: Series, opened: bool) -> str:
    """Genuine pairs of lowest and impostor pairs of highest score, folded away or open."""
    kinds = (
        ("genuine", "Genuine pairs of lowest score"),
        ("impostor", "Impostor pairs of highest score"),
    )
    blocks = "".join(
        f'<h4 class="quiet">{words}</h4>\n<ol class="pairs">'
        + "".join(_pair(pair) for pair in one.result["hardest"][kind])
        + "</ol>\n"
        for kind, words in kinds
    )
    state = " open" if opened else ""
    return f"<details{state}><summary>{breakable(one.label)}</summary>\n{blocks}</details>\n"


def _pair(pair: dict[str, Any]) -> str:
    faces = "".join(image(data, name) for name, data in zip(pair["names"], pair["thumbnails"]))
    names = "<br>".join(breakable(name) for name in pair["names"])
    verdict = (
        '<span class="good">right</span>'
        if pair.get("correct")
        else '<span class="bad">wrong</span>'
    )
    return (
        f'<li><div class="faces">{faces}</div>'
        f'<div class="verdict"><b>{float(pair["score"]):.4f}</b>{verdict}</div>{names}<br>'
        f'<span class="quiet">fold {int(pair["fold"])}, line {int(pair["line"])}</span></li>'
    )
