"""The hardest pairs of a result with their pictures. Loads nothing; text is escaped here."""

import re
from html import escape
from typing import Any

from eval.report.cells import breakable
from eval.report.results import Series

_PICTURE = re.compile(r"data:image/jpeg;base64,[A-Za-z0-9+/]+=*")


def hardest_pairs(one: Series, opened: bool) -> str:
    """Genuine pairs of lowest and impostor pairs of highest score, folded away or open."""
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
    return f"<details{state}><summary>{breakable(one.label)}</summary>\n{blocks}</details>\n"


def _pair(pair: dict[str, Any]) -> str:
    faces = "".join(_face(name, data) for name, data in zip(pair["names"], pair["thumbnails"]))
    names = "<br>".join(breakable(str(name)) for name in pair["names"])
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


def _face(name: str, data: Any) -> str:
    if isinstance(data, str) and _PICTURE.fullmatch(data):
        return f'<img src="{data}" alt="{escape(str(name))}" width="96" height="96">'
    return "<span>no picture</span>"
