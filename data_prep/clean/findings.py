"""What a cleaner found: entries for the list, and the pictures that let a person judge them."""

from collections.abc import Sequence
from dataclasses import dataclass

from data_prep.dataset import ImageSource
from data_prep.drops import Entry


@dataclass(frozen=True, slots=True)
class Picture:
    """One image to show.

    Attributes:
        source: where it lies.
        place: its position there.
        caption: a few words under it.
    """

    source: ImageSource
    place: int
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Strip:
    """Pictures side by side, with a title."""

    title: str
    pictures: tuple[Picture, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """An entry, and what to look at.

    Attributes:
        entry: the line of the list.
        person: under whom it is shown.
        pictures: of what would be left out.
        beside: what it collides with.
    """

    entry: Entry
    person: str
    pictures: tuple[Picture, ...]
    beside: tuple[Strip, ...]


@dataclass(frozen=True)
class Outcome:
    """All that one run found.

    Attributes:
        title: of the page.
        look_for: what a person should look for in the pictures, a sentence or two.
        about: rule, thresholds and counts; lines for the heads of list and page.
        findings: in the order of the list; those of a person follow each other.
    """

    title: str
    look_for: str
    about: tuple[str, ...]
    findings: Sequence[Finding]
