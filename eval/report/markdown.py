"""The page's words and tables as Markdown: made from the page itself, so that both say the same."""

import re
from html.parser import HTMLParser

_HEADINGS = {"h1": "#", "h2": "##", "h3": "###", "h4": "####", "summary": "####"}
_BLOCKS = {*_HEADINGS, "p", "li", "dt", "dd", "caption"}
_PASSED_OVER = {"style", "script", "svg", "figure", "nav", "title"}
_SPECIAL = re.compile(r"([\\`*_\[\]<>|#~$])")


def markdown(html: str) -> str:
    """A page of `pages.shell` as Markdown with pipe tables; plots and pictures are left out.

    Args:
        html: the page.
    """
    reader = _Reader()
    reader.feed(html)
    reader.close()
    text = "\n".join(reader.lines)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


class _Reader(HTMLParser):
    """Collects lines; text is escaped, so that names cannot become markup."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self._text = ""
        self._row: list[str] | None = None
        self._rows = 0
        self._hidden: list[str] = []
        self._kept = False  # within <pre>

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begins what the tag begins."""
        kind = dict(attrs).get("class") or ""
        if self._hidden or tag in _PASSED_OVER or kind in ("skip", "nopicture"):
            if tag not in ("img", "br", "wbr", "meta"):
                self._hidden.append(tag)
            return
        if tag in _BLOCKS or tag == "pre":
            self._text = ""
        self._kept = self._kept or tag == "pre"
        if tag == "table":
            self._rows = 0
        elif tag == "tr":
            self._row = []
        elif tag in ("th", "td"):
            self._text = ""
        elif tag == "br":
            self._text += ", " if self._row is None else " "
        elif tag in ("small", "div") and self._row is not None and self._text.strip():
            self._text = self._text.rstrip("; ") + "; "

    def handle_endtag(self, tag: str) -> None:
        """Writes what the tag ends."""
        if self._hidden:
            if tag == self._hidden[-1]:
                self._hidden.pop()
            return
        if tag in ("th", "td") and self._row is not None:
            self._row.append(self._taken())
        elif tag == "tr" and self._row is not None:
            self._end_row()
        elif tag == "pre":
            lines = self._text.split("\n")
            self.lines += ["", *(f"    {line}" for line in lines), ""]
            self._text, self._kept = "", False
        elif tag in _BLOCKS and self._row is None:
            self._end_block(tag)
        elif tag in ("small", "b", "span"):
            self._text += " "

    def handle_data(self, data: str) -> None:
        """Adds text."""
        if not self._hidden:
            self._text += data if self._kept else _SPECIAL.sub(r"\\\1", data)

    def _taken(self) -> str:
        text, self._text = " ".join(self._text.split()), ""
        return text

    def _end_row(self) -> None:
        assert self._row is not None
        self.lines.append(f"| {' | '.join(self._row)} |")
        if self._rows == 0:
            self.lines.append("|" + " --- |" * len(self._row))
        self._rows += 1
        self._row = None

    def _end_block(self, tag: str) -> None:
        text = self._taken()
        if not text:
            return
        if tag in _HEADINGS:
            self.lines += ["", f"{_HEADINGS[tag]} {text}", ""]
        elif tag == "dt":
            self.lines += [f"- {text}:"]
        elif tag == "dd":
            self.lines[-1] += f" {text}"
        elif tag == "li":
            self.lines.append(f"- {text}")
        else:
            self.lines += ["", text, ""]
