"""The part of docs/results.md that is made of result files, and of nothing else.

python -m experiments tables             writes it
python -m experiments tables --check     refuses a page that is not what the files give
"""

import difflib
from pathlib import Path

from data_prep.files import write_text
from experiments.blocks import Block, Picture, Text, chapters
from experiments.results import RESULTS

PAGE = Path(__file__).resolve().parents[1] / "docs" / "results.md"
BEGIN = "<!-- experiments: made by `python -m experiments tables`, not by hand -->"
END = "<!-- experiments: end -->"


def check_page(page: Path = PAGE, folder: Path = RESULTS) -> None:
    """Compares the page with the result files.

    Raises:
        ValueError: a line that the files do not give, or that is missing; it is named.
        OSError: a file that cannot be read.
    """
    _, found, _ = _parts(page)
    for line in difflib.ndiff(found.splitlines(), section(folder).splitlines()):
        if line[0] in "-+":
            what = "is not" if line[0] == "-" else "lacks"
            raise ValueError(
                f"{page}: {what} what the result files give: {line[2:]!r}; "
                'run "python -m experiments tables"'
            )


def write_page(page: Path = PAGE, folder: Path = RESULTS) -> None:
    """Puts the section between the page's markers.

    Raises:
        ValueError: the page has no markers, or a result file is none.
        OSError: a file that cannot be read or written.
    """
    before, _, after = _parts(page)
    write_text(page, before + section(folder) + after)


def section(folder: Path) -> str:
    """The section as Markdown."""
    parts = []
    for chapter in chapters(folder):
        parts += ["", f"### {chapter.title}"]
        for block in chapter.blocks:
            parts += ["", *_lines(block)]
    return "\n".join([*parts, ""])


def _parts(page: Path) -> tuple[str, str, str]:
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN + "\n")
    found, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{page}: expected the markers {BEGIN!r} and {END!r}")
    return before + begin, found, end + after


def _lines(block: Block) -> list[str]:
    """A block as Markdown."""
    if isinstance(block, Text):
        return [block.text]
    if isinstance(block, Picture):
        return [f"![{block.text}]({block.file})"]
    rows = [block.head, ["---"] * len(block.head), *block.rows]
    return [f"{block.caption}:", "", *(f"| {' | '.join(row)} |" for row in rows)]
