"""The page around the content: one file that loads nothing and runs no script but its own."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pages.text import escape

_HERE = Path(__file__).parent
CSS = (_HERE / "page.css").read_text(encoding="utf-8")
"""Style sheet of all pages: light, dark and paper."""

SCRIPT = (_HERE / "page.js").read_text(encoding="utf-8")
"""Script of all pages: sorting, hovering, zooming, colours."""


@dataclass(frozen=True)
class Section:
    """A part of a page.

    Attributes:
        key: its id on the page: a letter, then letters and digits.
        heading: plain text.
        body: HTML.
    """

    key: str
    heading: str
    body: str


def page(
    title: str,
    lead: str,
    sections: Sequence[Section],
    footer: str = "",
    css: str = "",
    reload_seconds: int = 0,
) -> str:
    """A whole page.

    Args:
        title: heading and title, plain text.
        lead: HTML beneath the heading.
        sections: in order; of more than two the page has a table of contents.
        footer: HTML.
        css: style sheet of this page alone, after the common one. No `style` attributes are
            allowed anywhere.
        reload_seconds: above 0 for a page that is still being written: it offers to reload itself
            this often.
    """
    style = CSS + css
    policy = (
        f"default-src 'none'; img-src data:; style-src {_hash(style)}; script-src {_hash(SCRIPT)}; "
        "base-uri 'none'; form-action 'none'"
    )
    body = "\n".join(
        f'<section aria-labelledby="{one.key}">\n<h2 id="{one.key}">{escape(one.heading)}</h2>\n'
        f"{one.body}\n</section>"
        for one in sections
    )
    reload = f' data-reload="{reload_seconds}"' if reload_seconds else ""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{style}</style>
</head>
<body{reload}>
<a class="skip" href="#content">To the content</a>
<header>
<h1>{escape(title)}</h1>
{lead}
{_contents(sections)}</header>
<main id="content" tabindex="-1">
{body}
</main>
<footer>{footer}</footer>
<script>{SCRIPT}</script>
</body>
</html>
"""


def _contents(sections: Sequence[Section]) -> str:
    if len(sections) < 3:
        return ""
    items = "".join(f'<li><a href="#{one.key}">{escape(one.heading)}</a></li>' for one in sections)
    return f'<nav aria-label="Sections"><ul>{items}</ul></nav>\n'


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
