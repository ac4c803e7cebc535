"""Tables that can be sorted and read aloud."""

import re
from collections.abc import Sequence
from html import unescape

from pages.text import escape

_NUMBER = ' class="number"'


def table(
    caption: str, head: Sequence[str], rows: Sequence[str], words: int = 1, sortable: bool = True
) -> str:
    """A table within a box that scrolls where it is wider than the page.

    Args:
        caption: HTML.
        head: names of the columns, plain text.
        rows: as `row` makes them.
        words: columns from the left that hold words; the others hold numbers.
        sortable: a click on a heading sorts by its column.
    """
    cells = "".join(
        f'<th scope="col"{"" if place < words else _NUMBER}>{escape(name)}</th>'
        for place, name in enumerate(head)
    )
    kind = ' class="sortable"' if sortable and len(rows) > 1 else ""
    spoken = escape(unescape(re.sub(r"<[^>]*>", "", caption)))
    return (
        f'<div class="scroll" role="group" tabindex="0" aria-label="Table: {spoken}">'
        f"<table{kind}><caption><span>{caption}</span></caption>"
        f"<thead><tr>{cells}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def row(first: str, cells: Sequence[str], words: int = 1) -> str:
    """A row.

    Args:
        first: HTML of the cell that names the row.
        cells: HTML of the others. A column is sorted by the first number in a cell, or else by its
            words.
        words: columns that hold words, as in `table`; the first is one of them.
    """
    found = "".join(
        f"<td{'' if place < words else _NUMBER}>{cell}</td>"
        for place, cell in enumerate(cells, start=1)
    )
    return f'<tr><th scope="row">{first}</th>{found}</tr>'


def small(text: str) -> str:
    """A second, quiet line within a cell; nothing where `text` (HTML) is empty or a dash."""
    return "" if text in ("", "–") else f"<small>{text}</small>"
