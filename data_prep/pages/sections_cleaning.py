"""Sections of the data page on what should not be in it: clean-up lists, and what check found."""

import os
from pathlib import Path
from urllib.parse import quote

from data_prep.pages.gather import Data
from data_prep.pages.lists import CleanList
from data_prep.pages.people import people_count
from data_prep.pages.pictures import of_file
from pages.pictures import Picture, grid
from pages.tables import row, table
from pages.text import breakable, escape

_SHOWN = 24
"""Entries of a list that the page shows; its own page shows them with what they collide with."""

_PROBLEMS = 200


def lists_section(data: Data, out: Path) -> str:
    """Each list: what it would leave out, what was kept, whether it was applied."""
    if not data.lists:
        return _applied(data) + (
            "<p>None given. <code>python -m data_prep clean</code> finds people of the test set, "
            "photographs that are there twice and wrong labels, and writes a list of each; "
            "<code>--lists LIST.txt</code> shows it here.</p>"
        )
    rows = [_row(one, out) for one in data.lists]
    head = ["list", "applied to this set", "its page", "images", "people", "kept by a reviewer"]
    text = "To keep something, put a # before its line; <code>pack --drop</code> applies the rest."
    return (
        _applied(data)
        + table(text, head, rows, words=3)
        + "".join(_list(data, one, out) for one in data.lists if not one.problem)
    )


def check_section(data: Data) -> str:
    """What `check` said of the records."""
    if data.packed is None:
        return "<p>Not packed, so there is nothing to check.</p>"
    name = escape(data.packed.prefix)
    how = f"<code>python -m data_prep check {name} &gt; check.txt</code>"
    if data.checked is None:
        return (
            f"<p>Not known. {how} looks at every frame, checksum and image; "
            "<code>--checked check.txt</code> shows it here.</p>"
        )
    late = ""
    if data.checked.older:
        late = f'<p class="notice">The set was written after it was checked; check again: {how}</p>'
    problems = data.checked.problems
    if not problems:
        return f'{late}<p><b class="good">No problem found.</b></p>'
    items = "".join(f"<li>{breakable(one)}</li>" for one in problems[:_PROBLEMS])
    left = len(problems) - _PROBLEMS
    more = f"<p>{left:,} more are in the file.</p>" if left > 0 else ""
    return (
        f'{late}<p><b class="bad">{len(problems):,} problems.</b> <code>python -m data_prep repair'
        f'</code> mends what can be mended.</p><ul class="notes">{items}</ul>{more}'
    )


def _applied(data: Data) -> str:
    """What the manifest says was left out, and by which lists."""
    manifest = data.packed.manifest if data.packed else {}
    dropped, excluded = manifest.get("dropped"), manifest.get("excluded")
    if not dropped and not excluded:
        return (
            "<p>Nobody and nothing was left out when this set was packed.</p>" if manifest else ""
        )
    parts = []
    if excluded:
        names = excluded.get("people") or []
        parts.append(f"{people_count(len(names))} by --exclude")
    if dropped:
        files = ", ".join(escape(one.get("list", "?")) for one in dropped.get("lists", []))
        parts.append(
            f"{len(dropped.get('images', [])):,} images and "
            f"{people_count(len(dropped.get('people', [])))} by --drop ({files})"
        )
    return f"<p>Left out when this set was packed: {'; '.join(parts)}.</p>"


def _row(one: CleanList, out: Path) -> str:
    if one.problem:
        return row(
            escape(one.path.name), ["cannot be read", _link(one, out), "–", "–", "–"], words=3
        )
    cells = [one.applied or "–", _link(one, out)]
    cells += [f"{len(one.drops.images):,}", f"{len(one.drops.people):,}", f"{one.kept:,}"]
    return row(f"<code>{breakable(one.path.name)}</code>", cells, words=3)


def _link(one: CleanList, out: Path) -> str:
    """A link to the list's own page, relative to this one."""
    if one.page is None:
        return "not there"
    place = Path(os.path.relpath(one.page.resolve(), out.resolve().parent)).as_posix()
    return f'<a href="{escape(quote(place))}">{breakable(one.page.name)}</a>'


def _list(data: Data, one: CleanList, out: Path) -> str:
    heading = f"<h3>{escape(one.path.name)}</h3>"
    entries = len(one.drops.images) + len(one.drops.people)
    if not entries:
        return f"{heading}<p>No entry is left in it.</p>"
    about = escape("\n".join(one.about))
    made = f"<details><summary>What made it</summary><pre>{about}</pre></details>"
    there = min(len(one.drops.images), _SHOWN) + min(len(one.drops.people), _SHOWN)
    some = f"<p>The first {there:,} of {entries:,} entries; all, and what they collide with: "
    some += f"{_link(one, out)}.</p>" if one.page else f"<code>{escape(one.path.name)}</code>.</p>"
    return heading + made + (some if there < entries else "") + _entries(data, one)


def _entries(data: Data, one: CleanList) -> str:
    """The first entries, with their pictures where the crops are there."""
    images = list(one.drops.images.items())[:_SHOWN]
    people = list(one.drops.people.items())[:_SHOWN]
    said = "".join(f"<li>{breakable(n)}: {escape(why)}</li>" for n, why in people)
    body = f'<ul class="notes">{said}</ul>' if said else ""
    if data.crops is None or not images:
        listed = "".join(f"<li>{breakable(n)}: {escape(why)}</li>" for n, why in images)
        return body + (f'<ul class="notes">{listed}</ul>' if listed else "")
    folder = data.crops.folder
    pictures = [
        Picture(of_file(folder / name), name, f"{breakable(name)}<br>{escape(why)}")
        for name, why in images
    ]
    return body + grid(pictures, f"First entries of {one.path.name}")
