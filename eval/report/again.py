"""The commands that make the results, and the page, once more."""

from typing import Any

from eval.report.results import data_of, unfolded
from pages.text import escape


def commands(results: list[dict[str, Any]], command: str) -> list[str]:
    """Extraction, judgement and drawing in order, each command once.

    Args:
        results: as read.
        command: the one that draws the page; empty for none.
    """
    everything = unfolded(results)
    extracted = [_extracted(result) for result in everything]
    judged = [result.get("command") for result in everything]
    found = [one for one in (*extracted, *judged, command) if isinstance(one, str) and one]
    return list(dict.fromkeys(found))


def again(results: list[dict[str, Any]], command: str) -> str:
    """The commands as HTML; nothing where no result holds one."""
    found = commands(results, command)
    if not found:
        return ""
    lines = "\n".join(escape(one) for one in found)
    return (
        "<p>From the project's root, with the files named in the sections above (their hashes "
        "stand under “What was run on what”):</p>\n"
        f'<pre tabindex="0" role="group" aria-label="Commands">{lines}</pre>'
    )


def _extracted(result: dict[str, Any]) -> Any:
    embeddings = data_of(result).get("embeddings")
    return embeddings.get("command") if isinstance(embeddings, dict) else None
