"""Writing what a cleaner found: the list, and the page beside it."""

from pathlib import Path

from data_prep.clean.findings import Outcome
from data_prep.clean.page import page
from data_prep.drops import write_drops
from data_prep.files import write_text


def require_new(target: Path) -> None:
    """Refuses to write over a list, in which somebody may have kept entries by hand.

    Raises:
        ValueError: the list is there already, or does not end in .txt.
    """
    if target.suffix != ".txt":
        raise ValueError(f"{target}: expected a list that ends in .txt; its page gets .html")
    if target.exists():
        raise ValueError(
            f"{target}: is there already, and may have been edited; remove it or name another --out"
        )


def write_outcome(target: Path, outcome: Outcome, made_by: str, cap: int) -> None:
    """Writes the list and, beside it with `.html`, the page.

    Args:
        target: the list, `.txt`.
        outcome: what was found.
        made_by: the command.
        cap: entries that the page shows at most; about, since people are shown whole.

    Raises:
        ValueError: a name cannot stand in a list, or a picture cannot be read.
        OSError: a file cannot be read or written.
    """
    web = target.with_suffix(".html")
    web.unlink(missing_ok=True)
    about = "\n".join([f"Made by: {made_by}", *outcome.about])
    first = write_drops(target, (finding.entry for finding in outcome.findings), about)
    write_text(web, page(outcome, target.name, first, made_by, cap))
