"""Sections of the data page on the set as a whole: its making, its people, its origin."""

import json

import numpy as np

from data_prep.pages.crops import counts_of
from data_prep.pages.gather import Data
from data_prep.pages.people import extremes, people_count, steps_of, summary_of
from data_prep.pages.reasons import by_kind
from pages.drawing import figure
from pages.plot import Bars, Plot
from pages.scales import Axis, fitted
from pages.tables import row, table
from pages.text import breakable, escape

_ENDS = 12
"""People in each of the two tables."""

_ROLES = {
    "rec": "the images",
    "idx": "where each begins",
    "crc": "a checksum of each",
    "lst": "their names",
}


def steps_section(data: Data) -> str:
    """What became of the images, step by step."""
    rows = [
        row(name, [text, "–" if count is None else f"{count:,}"], words=2)
        for name, count, text in (*_aligned_rows(data), *_packed_rows(data))
    ]
    head = ["step", "what is meant", "images"]
    body = table("What became of every image.", head, rows, words=2, sortable=False)
    if data.crops is None:
        body += "<p>Give the folder of the crops as well to see how they were made.</p>"
    if data.packed is None:
        body += "<p>Give the prefix of the record set as well to see what was packed.</p>"
    return body


def _aligned_rows(data: Data) -> list[tuple[str, int | None, str]]:
    crops = data.crops
    counts = counts_of(crops.note if crops else {})
    if crops is None and data.packed is not None:
        source = data.packed.manifest.get("source") or {}
        counts = counts_of(source.get("alignment") or {})
    if not counts:
        return [("crops", len(crops.images), "in the folder")] if crops else []
    centred, without = counts.get("centred", 0), counts.get("without_landmarks", 0)
    failed, made = counts.get("failed", 0), counts.get("crops", 0)
    rows: list[tuple[str, int | None, str]] = [
        ("photographs", made + failed + without - centred, "found in the folder"),
        ("− without a face", without - centred, "no face found, or no landmarks in the list"),
        ("− without a crop", failed, "cannot be decoded, or the landmarks are no face"),
        ("= crops", made, "aligned to the template"),
    ]
    if centred:
        rows.append(("of these", centred, "show the middle of a picture without a face"))
    if aligned := counts.get("already_aligned"):
        rows.append(("of these", aligned, "were aligned by their source"))
    if strangers := counts.get("missing_images"):
        rows.append(("besides", strangers, "landmarks in the list whose photograph is not there"))
    return rows


def _packed_rows(data: Data) -> list[tuple[str, int | None, str]]:
    packed = data.packed
    if packed is None or not packed.images:
        return []
    rows: list[tuple[str, int | None, str]] = []
    excluded = set((packed.manifest.get("excluded") or {}).get("people") or [])
    known = data.crops.people if data.crops else {}
    if excluded:
        count = sum(known[name] for name in excluded) if excluded <= known.keys() else None
        rows.append(("− of excluded people", count, f"{people_count(len(excluded))} (--exclude)"))
    if dropped := packed.manifest.get("dropped"):
        # Lists overlap, so these were counted when packing; older manifests do not say them.
        counts = packed.manifest.get("dropped_images") or {}
        people = {entry["person"] for entry in dropped.get("people", [])} - excluded
        if people:
            text = f"{people_count(len(people))} (--drop)"
            rows.append(("− of dropped people", counts.get("of_people"), text))
        rows.append(("− dropped", counts.get("by_name"), "by name (--drop)"))
    for kind, misses in by_kind(packed.skipped):
        rows.append(("− skipped", len(misses), escape(kind)))
    rows.append(("= packed", packed.images, f"of {people_count(len(packed.people))}"))
    return rows


def people_section(data: Data) -> str:
    """How many images people have: a histogram, and the ends in two tables."""
    people = data.people
    if not people:
        return "<p>Unknown: neither crops nor labels could be read.</p>"
    counts = np.array(list(people.values()))
    facts = summary_of(counts[counts > 0])
    empty = int((counts == 0).sum())
    said = (
        f"<p>{people_count(len(people))} with {facts['least']:,} to {facts['most']:,} images: "
        f"half of them {facts['quarter']:g} to {facts['three_quarters']:g}, in the middle "
        f"{facts['median']:g}. {facts['single']:,} have a single one, {facts['below_10']:,} fewer "
        "than ten.</p>"
    )
    if empty:
        said += f'<p class="notice">{empty:,} classes have no image at all.</p>'
    largest, smallest = extremes(people, _ENDS)
    tables = _ends("The most images.", largest)
    tables += _ends("The fewest images.", smallest) if smallest else ""
    return said + _histogram(counts[counts > 0]) + f'<div class="pair">{tables}</div>'


def _histogram(counts: np.ndarray) -> str:
    ranges = steps_of(counts)
    edges = [least for least, _, _ in ranges] + [ranges[-1][1] + 1]
    heights = [people for _, _, people in ranges]
    bars = Bars("people", edges, heights)
    text = "The ranges widen: 1, 2, 3, 4, 5-6, 7-9, 10-14 and so on."
    across = Axis("images a person", edges[0], edges[-1], scale="log", ticks=_ticks(edges))
    upward = fitted("people", [0, *heights])
    plot = Plot("People by number of images", text, across, upward, bars=(bars,))
    rows = [
        row(f"{least:,}" if least == most else f"{least:,} to {most:,}", [f"{people:,}"])
        for least, most, people in ranges
    ]
    values = table("The same in numbers.", ["images", "people"], rows)
    return f'<div class="figures">{figure(plot, "people-plot")}<div>{values}</div></div>'


def _ticks(edges: list[int]) -> tuple[float, ...]:
    """Edges with room between them on the logarithmic scale."""
    room = (edges[-1] / edges[0]) ** 0.07
    chosen: list[float] = []
    for edge in edges:
        if not chosen or edge / chosen[-1] >= room:
            chosen.append(float(edge))
    return tuple(chosen)


def _ends(caption: str, people: list[tuple[str, int]]) -> str:
    rows = [row(breakable(name), [f"{count:,}"]) for name, count in people]
    return table(caption, ["person", "images"], rows)


def origin_section(data: Data) -> str:
    """Files with their hashes, versions, settings: what tells this set from another."""
    return _manifest(data) + _alignment(data) or "<p>Unknown.</p>"


def _manifest(data: Data) -> str:
    packed = data.packed
    if packed is None:
        return ""
    stated = packed.manifest.get("files") or {}
    rows = []
    for role, count in packed.files.items():
        digest = (stated.get(role) or {}).get("sha256", "unknown")
        name = f"<code>{escape(packed.prefix.name)}.{role}</code>"
        rows.append(
            row(name, [_ROLES[role], f"<code>{breakable(digest)}</code>", f"{count:,}"], words=3)
        )
    text = "SHA-256 as the manifest has it; <code>check</code> compares."
    files = table(text, ["file", "holds", "SHA-256", "bytes"], rows, words=3)
    source = packed.manifest.get("source") or {}
    facts = [
        ("packed from", source.get("images")),
        ("kind", source.get("kind")),
        ("listing, SHA-256", source.get("listing_sha256")),
        ("transform version", packed.manifest.get("transform_version")),
        ("shuffled with seed", packed.manifest.get("shuffle")),
        ("command", packed.manifest.get("command")),
    ]
    return files + _facts(facts)


def _alignment(data: Data) -> str:
    note = data.crops.note if data.crops else {}
    if not note and data.packed:
        note = (data.packed.manifest.get("source") or {}).get("alignment") or {}
    if not note:
        return ""
    kept = ("template", "settings", "detector", "landmarks_layout", "landmarks_sha256")
    facts = [(name.replace("_", " "), note.get(name)) for name in (*kept, "source_sha256")]
    return "<h3>Alignment</h3>" + _facts(facts)


def _facts(facts: list[tuple[str, object]]) -> str:
    items = "".join(
        f"<dt>{escape(name)}</dt><dd>{breakable(_text(value))}</dd>"
        for name, value in facts
        if value not in (None, "")
    )
    return f"<dl>{items}</dl>" if items else ""


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_text(one)}" for key, one in value.items() if one is not None)
    if isinstance(value, list):
        return " x ".join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value)
