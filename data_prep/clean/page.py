"""The page beside a list: every entry with its picture and with what it collides with."""

from collections.abc import Sequence
from itertools import groupby

from tqdm import tqdm

from data_prep.clean.findings import Finding, Outcome, Picture, Strip
from data_prep.clean.style import CSS
from data_prep.images import decode
from data_prep.pages.pictures import small
from pages import pictures, shell
from pages.shell import Section
from pages.text import escape

_NARROW = 3  # pictures an entry up to which several entries stand side by side
_FOOTER = (
    "<p>Pictures of people are shown for the examination of a data set only; do not publish this "
    "page.</p>"
)


def page(outcome: Outcome, list_name: str, first_line: int, made_by: str, cap: int) -> str:
    """The page as HTML that loads nothing.

    Args:
        outcome: what was found.
        list_name: the list's file name.
        first_line: the line of the first entry in it.
        made_by: the command.
        cap: where there are more entries, whole people evenly spread over the list are shown
            until there are that many.

    Raises:
        ValueError: a picture's record is damaged.
        OSError: a picture cannot be read.
    """
    numbered = list(enumerate(outcome.findings, start=first_line))
    groups = [list(group) for _, group in groupby(numbered, key=lambda one: one[1].person)]
    shown = chosen([len(group) for group in groups], cap)
    bar = tqdm(shown, desc="page", unit="person", delay=2, leave=False)
    body = "\n".join(_person(groups[place], cap) for place in bar)
    most = max((_pictures(finding) for finding in outcome.findings), default=0)
    narrow = ' class="narrow"' if most <= _NARROW else ""
    rule = escape("\n".join([*outcome.about, "", made_by]))
    lead = f"""{_lead(outcome, groups, list_name)}
{_extent(groups, shown, list_name, cap)}
<details open><summary>By what rule, and how many</summary>
<pre tabindex="0" role="group" aria-label="Rule">{rule}</pre></details>"""
    entries = [Section("entries", "Entries", f"<div{narrow}>\n{body}\n</div>")] if shown else []
    return shell.page(outcome.title, lead, entries, _FOOTER, css=CSS)


def chosen(sizes: Sequence[int], cap: int) -> list[int]:
    """Which groups are shown: all, or evenly spread ones until there are `cap` entries.

    Args:
        sizes: entries of each group.
        cap: entries to be shown, about.
    """
    total = sum(sizes)
    if total <= cap:
        return list(range(len(sizes)))
    step = total / cap
    shown, due, before = [], 0.0, 0
    for place, size in enumerate(sizes):
        if before >= due:
            shown.append(place)
            due += step * min(size, cap)
        before += size
    return shown


def _lead(outcome: Outcome, groups: list[list[tuple[int, Finding]]], list_name: str) -> str:
    name = escape(list_name)
    if not groups:
        return f"<p>Nothing was found; <code>{name}</code> has no entries.</p>"
    entries = sum(len(group) for group in groups)
    return f"""<p>These are the {entries:,} entries of <code>{name}</code>, under
{len(groups):,} people: what a program proposes to leave out of the training set. Nothing has been
removed. {escape(outcome.look_for)}</p>
<ol>
<li>Look at each entry: framed, what would be left out; beside it, what it was compared with.</li>
<li>Where you would rather <b>keep</b> it, open <code>{name}</code> in an editor, go to the line
given at the right, put a <code>#</code> before it, and save.</li>
<li>Apply what is left: <code>python -m data_prep pack --images … --out … --drop {name}</code></li>
</ol>"""


def _extent(
    groups: list[list[tuple[int, Finding]]], shown: list[int], list_name: str, cap: int
) -> str:
    entries = sum(len(group) for group in groups)
    there = sum(min(len(groups[place]), cap) for place in shown)
    if there == entries:
        return ""
    return (
        f'<p class="notice">This page shows {there:,} of the {entries:,} entries, those of '
        f"{len(shown):,} of {len(groups):,} people, evenly spread over the list. The others are in "
        f"<code>{escape(list_name)}</code> alone; --page-entries shows more.</p>"
    )


def _person(group: list[tuple[int, Finding]], cap: int) -> str:
    name = escape(group[0][1].person)
    count = f"{len(group):,} entries" if len(group) > 1 else "1 entry"
    parts = [f'<section><h3>{name} <small>{count}</small></h3><div class="all">']
    parts += [_finding(line, finding) for line, finding in group[:cap]]
    return "\n".join([*parts, "</div></section>"])


def _finding(line: int, finding: Finding) -> str:
    entry = finding.entry
    what = "" if entry.kind == "image" else f": all of {entry.name}, such as"
    strips = [Strip(f"would be left out{what}", finding.pictures), *finding.beside]
    drawn = "".join(_strip(strip, place == 0) for place, strip in enumerate(strips))
    return f"""<div class="finding">
<p><span class="line">line {line}</span>{entry.kind} <code>{escape(entry.name)}</code>:
{escape(entry.reason)}</p>
<div class="strips">{drawn}</div>
</div>"""


def _pictures(finding: Finding) -> int:
    return len(finding.pictures) + sum(len(strip.pictures) for strip in finding.beside)


def _strip(strip: Strip, left_out: bool) -> str:
    if not strip.pictures:
        return ""
    shown = pictures.grid([_shown(picture) for picture in strip.pictures], strip.title)
    kind = "strip out" if left_out else "strip"
    return f'<div class="{kind}"><b>{escape(strip.title)}</b>{shown}</div>'


def _shown(picture: Picture) -> pictures.Picture:
    name = picture.source.names[picture.place]
    caption = escape(picture.caption)
    try:
        return pictures.Picture(thumbnail(picture), name, caption)
    except ValueError:
        return pictures.Picture(None, name, f"cannot be decoded {caption}".strip())


def thumbnail(picture: Picture) -> str:
    """A small JPEG of a picture as a data URI.

    Raises:
        ValueError: the image cannot be decoded.
        OSError: the file cannot be read.
    """
    source, place = picture.source, picture.place
    return small(decode(source.encoded(place), source.where(place)))
