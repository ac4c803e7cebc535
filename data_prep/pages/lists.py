"""Clean-up lists: how much each leaves out, what a reviewer kept, and whether it was applied."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_prep.cli import one_line
from data_prep.drops import KINDS, Drops, read_drops
from data_prep.files import sha256_file


@dataclass(frozen=True)
class CleanList:
    """A list of what to leave out.

    Attributes:
        path: of the list.
        page: the page with its pictures, beside it; None where it is not there.
        about: the comments at its head that say what made it.
        drops: what it leaves out.
        kept: entries that a reviewer kept by a `#` before them.
        applied: whether the set was packed with it: "yes", "edited since", "no", "" if unknown.
        problem: why it cannot be read; empty if it can.
    """

    path: Path
    page: Path | None
    about: list[str]
    drops: Drops
    kept: int
    applied: str
    problem: str = ""


def gather_list(path: Path, manifest: Mapping[str, Any]) -> CleanList:
    """Reads a list; one that cannot be read is said to be so.

    Args:
        path: of the list.
        manifest: of the set on the page; empty without.
    """
    page = path.with_suffix(".html")
    found = page if page.exists() else None
    try:
        drops = read_drops(path)
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, ValueError) as error:
        return CleanList(path, found, [], Drops({}, {}), 0, "", problem=one_line(error))
    kept = sum(line.startswith("#") and _is_entry(line.lstrip("# ")) for line in lines)
    about = [line[1:].strip() for line in lines if line.startswith("#") and "\t" not in line]
    return CleanList(path, found, about, drops, kept, _applied(path, manifest))


def _is_entry(line: str) -> bool:
    fields = line.split("\t")
    return len(fields) == 3 and fields[0] in KINDS


def _applied(path: Path, manifest: Mapping[str, Any]) -> str:
    if not manifest:
        return ""
    used = (manifest.get("dropped") or {}).get("lists") or []
    if any(one.get("sha256") == sha256_file(path) for one in used):
        return "yes"
    return "edited since" if any(one.get("list") == path.name for one in used) else "no"
