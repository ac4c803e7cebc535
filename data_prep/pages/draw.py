"""The page of a data set as HTML, from what was gathered."""

from dataclasses import dataclass
from pathlib import Path

from data_prep.pages.crops import counts_of
from data_prep.pages.gather import Data
from data_prep.pages.sections_cleaning import check_section, lists_section
from data_prep.pages.sections_faces import faces_section, misses_section, samples_section
from data_prep.pages.sections_sets import origin_section, people_section, steps_section
from pages import headline
from pages.shell import Section, page
from pages.text import escape

_CSS = """
.figures { margin-bottom: 1rem; }
.pair { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(24rem, 100%), 1fr));
  gap: 0 1rem; align-items: start; }
"""


@dataclass(frozen=True)
class Choice:
    """What of a large set is shown.

    Attributes:
        samples: pictures drawn from the set.
        misses: pictures of photographs that were missed, and of faces chosen among several.
        seed: of the draw.
    """

    samples: int = 96
    misses: int = 48
    seed: int = 0


def page_of(data: Data, title: str, out: Path, made_by: str, choice: Choice) -> str:
    """The page.

    Args:
        data: what was gathered.
        title: heading.
        out: where the page will lie; links to other pages are relative to it.
        made_by: the command.
        choice: how many pictures.
    """
    found: list[tuple[str, str, str]] = [
        ("steps", "From photographs to records", steps_section(data)),
        ("people", "People by number of images", people_section(data)),
        ("samples", "A sample", samples_section(data, choice.samples, choice.seed)),
        ("misses", "What was missed", misses_section(data, choice.misses)),
        ("faces", "Which face was taken", faces_section(data, choice.misses)),
        ("cleaning", "Clean-up lists", lists_section(data, out)),
        ("check", "Check", check_section(data)),
        ("origin", "Where it comes from", origin_section(data)),
    ]
    return page(
        title,
        _lead(data),
        [Section(*one) for one in found],
        footer=f"<p>Drawn by Likeness from the files alone: <code>{escape(made_by)}</code>. "
        "Pictures of people are shown for the examination of a data set only; do not publish this "
        "page.</p>",
        css=headline.CSS + _CSS,
    )


def _lead(data: Data) -> str:
    return headline.notices(_notices(data)) + headline.figures(_now(data))


def _now(data: Data) -> list[tuple[str, str]]:
    """The figures at the top."""
    found = []
    crops, packed, people = data.crops, data.packed, data.people
    if crops and crops.note:
        found.append(("photographs", f"{crops.found:,}"))
        found.append(("without a crop of their face", f"{len(crops.misses):,}"))
    if crops:
        found.append(("crops", f"{len(crops.images):,}"))
    if packed and packed.images:
        found.append(("images packed", f"{packed.images:,}"))
    if people:
        found.append(("people", f"{len(people):,}"))
        found.append(("images a person", f"{sum(people.values()) / len(people):,.1f}"))
    if packed and packed.size:
        found.append(("size, height x width", f"{packed.size[0]} x {packed.size[1]}"))
    return found


def _notices(data: Data) -> list[str]:
    """What must not be overlooked."""
    found = list(data.missing)
    if data.checked and data.checked.problems:
        found.append(f"Check found {len(data.checked.problems):,} problems; see “Check”.")
    crops = data.crops
    stated = counts_of(crops.note).get("crops") if crops else None
    if crops and stated is not None and stated != len(crops.images):
        found.append(
            f"align.json speaks of {stated:,} crops, {len(crops.images):,} images are in "
            f"{crops.folder}: some were removed or added since."
        )
    return found
