"""All experiments as one HTML page that needs nothing else: `python -m experiments page`."""

import re
from pathlib import Path

from data_prep.files import write_text
from experiments.blocks import Block, Chapter, Picture, Text, chapters
from experiments.pictures import DOCS
from experiments.results import RESULTS
from pages.pictures import data_uri, image
from pages.shell import Section, page
from pages.tables import row, table
from pages.text import escape

_LEAD = (
    "<p>Every loss of an experiment starts from the same weights and sees the same images in the "
    "same order, seed by seed; settings were searched on images held out of the training set, by "
    "one budget for each loss.</p>"
)
_CSS = "figure img { max-width: 100%; background: white; }"


def write_html(out: Path, folder: Path = RESULTS, docs: Path = DOCS) -> None:
    """Writes the page of all result files.

    Raises:
        ValueError: there are none, or one of them is something else.
        OSError: a file that cannot be read or written.
    """
    sections = [_section(chapter, docs) for chapter in chapters(folder)]
    if len(sections) == 1:
        raise ValueError(f'{folder}: expected result files; run "python -m experiments collect"')
    write_text(out, page("The papers' experiments", _LEAD, sections, css=_CSS))


def _section(chapter: Chapter, docs: Path) -> Section:
    body = "\n".join(_html(block, docs) for block in chapter.blocks)
    return Section(chapter.key.replace("_", ""), chapter.title, body)


def _html(block: Block, docs: Path) -> str:
    """A block as HTML."""
    if isinstance(block, Text):
        return f"<p>{_inline(block.text)}</p>"
    if isinstance(block, Picture):
        drawn = image(data_uri((docs / block.file).read_bytes(), "png"), block.text)
        return f"<figure>{drawn}<figcaption>{escape(block.text)}</figcaption></figure>"
    rows = [
        row(_inline(first), [_inline(cell) for cell in rest], block.words)
        for first, *rest in block.rows
    ]
    return table(_inline(block.caption), block.head, rows, block.words)


def _inline(text: str) -> str:
    """Escaped text with names and strong words."""
    named = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
    return re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", named)
