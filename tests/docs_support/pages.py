"""What the pages of the documentation say: commands, remarks in code, links."""

import re
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT

PAGES = ["README.md", "CONTRIBUTING.md", *sorted(f"docs/{p.name}" for p in ROOT.glob("docs/*.md"))]
_REMARK = re.compile(r"\s+#.*| {3,}\S.*")


@dataclass(frozen=True)
class Line:
    """A line of a code block: page, number, text without a remark behind it, and its block."""

    page: str
    number: int
    text: str
    block: int

    def __str__(self) -> str:
        return f"{self.page}, line {self.number}: {self.text}"


def code_lines(page: str) -> list[Line]:
    """The lines of all fenced and indented blocks; those that go on are joined, comments left out.

    An indented block begins with four spaces after an empty line, as Markdown has it.
    """
    found: list[Line] = []
    fenced = inside = False
    block = 0
    before, joined, number = "", "", 0
    for at, line in enumerate((ROOT / page).read_text(encoding="utf-8").splitlines(), start=1):
        if line.startswith("```"):
            fenced, block = not fenced, block + 1
            continue
        indented = line.startswith("    ") and (inside or not before)
        block += indented and not inside
        inside, before = indented, line.strip()
        if not (fenced or indented) or not before:
            continue
        number = number or at
        if before.endswith("\\"):
            joined += before.removesuffix("\\")
            continue
        text = re.sub(r"^#.*", "", _REMARK.sub("", joined + before))
        if text:
            found.append(Line(page, number, text, block))
        joined, number = "", 0
    return found


def inline_code(page: str) -> list[str]:
    """What stands between backticks outside of code blocks."""
    text = (ROOT / page).read_text(encoding="utf-8")
    unfenced = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    prose = "\n".join(line for line in unfenced.splitlines() if not line.startswith("    "))
    return [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", prose)]


def links(page: str) -> list[tuple[str, str]]:
    """Targets of links and pictures that are not on the web: file, and heading or ''."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = re.findall(r"\]\(([^)\s]+)\)", text)
    return [
        (path, at)
        for path, _, at in (target.partition("#") for target in found)
        if not re.match(r"\w+:", path)
    ]


def headings(path: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ +(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
