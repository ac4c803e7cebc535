"""What stands at the top of a page: the main figures, and what must not be overlooked."""

from collections.abc import Iterable

from pages.text import escape

CSS = """
.now {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: .4rem 1.6rem;
  margin: 1rem 0 1.2rem; padding: 0; list-style: none;
}
.now li { border-top: 1px solid var(--rule); padding-top: .35rem; }
.now span { display: block; color: var(--quiet); font-size: .8rem; }
.now b { font-size: 1.15rem; font-weight: 600; font-variant-numeric: tabular-nums; }
"""
"""Style of `figures`."""


def figures(named: Iterable[tuple[str, str]]) -> str:
    """Figures with their names, plain text; those without a value are left out."""
    items = "".join(
        f"<li><span>{escape(name)}</span> <b>{escape(value)}</b></li>"
        for name, value in named
        if value
    )
    return f'<ul class="now">{items}</ul>'


def notices(texts: Iterable[str]) -> str:
    """Sentences, plain text, each set off."""
    return "".join(f'<p class="notice">{escape(text)}</p>' for text in texts)
