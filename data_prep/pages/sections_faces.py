"""Sections of the data page with pictures: a sample, what was missed, which face was taken."""

from typing import Any

import numpy as np

from data_prep.dataset import FolderImages, ImageSource, RecordImages
from data_prep.pages.gather import Data
from data_prep.pages.pictures import missed, samples, taken
from data_prep.pages.reasons import Miss, by_kind, spread
from pages.drawing import figure
from pages.pictures import grid
from pages.plot import Bars, Guide, Plot
from pages.scales import Axis, fitted
from pages.tables import row, table
from pages.text import breakable, escape

_NAMES = 500
"""Names of missed images that the page lists; the files have all."""

_CHOICES = {
    "largest": "the face with the largest box",
    "central": "the face whose box is nearest to the picture's middle",
    "labelled": "the face that overlaps the labelled box most",
}


def samples_section(data: Data, most: int, seed: int) -> str:
    """Images drawn by a seed."""
    source = _source(data)
    if source is None:
        return "<p>No image can be read.</p>"
    pictures = samples(source, most, seed)
    return (
        f"<p>{len(pictures):,} of {len(source):,} images, drawn with seed {seed}, in the order of "
        "the set. Faces should be upright, centred and of one scale; pictures of one person should "
        f"show one person.</p>{grid(pictures, 'Sample of the set')}"
    )


def misses_section(data: Data, most: int) -> str:
    """Photographs that gave no crop, and crops that could not be packed."""
    parts = []
    if data.crops and data.crops.note:
        where = "align.json in the crops' folder"
        parts.append(_misses(data, data.crops.misses, "photographs gave no crop", where, most))
    elif data.crops is None:
        parts.append("<p>Photographs without a crop: unknown, no folder of crops was given.</p>")
    if data.packed and data.packed.skipped:
        where = "the manifest"
        skipped = data.packed.skipped
        parts.append(_misses(data, skipped, "crops could not be packed", where, most, of="crops"))
    return "".join(parts) or "<p>Unknown: there is no align.json.</p>"


def faces_section(data: Data, most: int) -> str:
    """Which of several faces was taken, and how large they are."""
    crops = data.crops
    detector = crops.note.get("detector") if crops else None
    if crops is None or not crops.faces:
        if crops and crops.note:
            return "<p>The landmarks came from a list, so no choice was made here.</p>"
        return "<p>Unknown: no folder of crops with a detector's findings was given.</p>"
    choice = str((detector or {}).get("face", "unknown"))
    many = sum(count for faces, count in crops.faces.items() if faces > 1)
    said = (
        f"<p>Taken is {escape(_CHOICES.get(choice, choice))} "
        f"(<code>--face {escape(choice)}</code>). {many:,} of {crops.faces.total():,} photographs "
        "show several faces"
    )
    said += f"; in {len(crops.several):,} of them one was taken.</p>" if many else ".</p>"
    rows = [row(str(faces), [f"{crops.faces[faces]:,}"]) for faces in sorted(crops.faces)]
    counted = table("Faces found in a photograph.", ["faces", "photographs"], rows)
    plots = f'<div class="figures">{_sides(crops.sides, crops.note)}<div>{counted}</div></div>'
    return said + plots + _several(data, most)


def _source(data: Data) -> ImageSource | None:
    if data.packed is not None and data.packed.records is not None:
        try:
            return RecordImages(data.packed.records)
        except (OSError, ValueError):
            pass
    return FolderImages(data.crops.folder) if data.crops else None


def _misses(
    data: Data, misses: list[Miss], what: str, where: str, most: int, of: str = "photographs"
) -> str:
    if not misses:
        return f"<p>No {what.replace(' gave no crop', ' without a crop')}.</p>"
    folder = data.photos if of == "photographs" else data.crops.folder if data.crops else None
    rows = [row(breakable(kind), [f"{len(group):,}"]) for kind, group in by_kind(misses)]
    body = f"<h3>{len(misses):,} {what}</h3>"
    body += table("By reason; N stands for a number.", ["reason", "images"], rows)
    shown = spread(misses, most)
    if folder is not None:
        some = "All of them" if len(shown) == len(misses) else f"{len(shown)} of them, of each kind"
        body += f"<p>{some}.</p>{grid(missed(shown, folder), what)}"
    else:
        body += "<p>To see them, give the folder of the photographs: <code>--photos DIR</code>.</p>"
    listed = "".join(
        f"<li>{breakable(one.image)}: {escape(one.reason)}</li>" for one in misses[:_NAMES]
    )
    left = len(misses) - _NAMES
    more = f"<p>{left:,} more are in {where}.</p>" if left > 0 else ""
    summary = f"<summary>Names and reasons ({min(len(misses), _NAMES):,})</summary>"
    return f'{body}<details>{summary}<ul class="notes">{listed}</ul>{more}</details>'


def _sides(sides: list[float], note: dict[str, Any]) -> str:
    """The sizes of the boxes that were taken, as a histogram over doublings."""
    if not sides:
        return ""
    least, most = np.log2([max(min(sides), 1.0), max(*sides, 2.0)])
    edges = 2 ** (np.arange(np.floor(2 * least), np.ceil(2 * most + 1e-9) + 1) / 2)
    heights, _ = np.histogram(np.maximum(sides, 1.0), bins=edges)
    size = (note.get("settings") or {}).get("size")
    at = [float(min(size))] if size else []
    guides = tuple(Guide(one, "size of a crop") for one in at if edges[0] <= one <= edges[-1])
    text = "Shorter side of its box. Faces smaller than a crop were enlarged, and are blurred."
    across = Axis("pixels of the photograph", float(edges[0]), float(edges[-1]), scale="log")
    upward = fitted("photographs", [0, *heights.tolist()])
    bars = Bars("faces taken", edges, heights)
    plot = Plot(
        "Size of the face that was taken", text, across, upward, bars=(bars,), guides=guides
    )
    return figure(plot, "sides-plot")


def _several(data: Data, most: int) -> str:
    crops = data.crops
    if crops is None or not crops.several:
        return ""
    if data.photos is None:
        return "<p>To see the choice, give the photographs: <code>--photos DIR</code>.</p>"
    step = max(1, len(crops.several) // most)
    shown = crops.several[::step][:most]
    return (
        f"<p>{len(shown):,} of the {len(crops.several):,} photographs in which one of several was "
        f"taken, evenly spread; it is framed.</p>{grid(taken(shown, data.photos), 'Faces taken')}"
    )
