"""Images that do not seem to show the person they are filed under.

An image is listed if it is a stranger to its class: less similar to the class centre than one
stranger in a hundred is; or if it belongs elsewhere: clearly more similar to another centre, and
as similar to it as images are to their own class. Both levels come from the set itself. Centres
are of the better half of each class, and leave the image itself out (see `centres`).

The second rule is rarely wrong. The first also lists what is right but unusual: profiles, glasses,
old photographs, children; the cleaner a set, the more of its entries are of that kind. This is a
list to look at, each person's worst first, not a verdict.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data_prep.clean.centres import Classes, centres, classes_of, nearest, people_of, unit_blocks
from data_prep.clean.findings import Finding, Outcome, Picture, Strip
from data_prep.dataset import ImageSource
from data_prep.drops import Entry
from data_prep.embeddings import Embeddings

STRANGERS = 0.99
"""Share of similarities between strangers that lie below the level of the first rule."""

USUAL = 0.10
"""Share of images less similar to their own class than the level of the second rule."""

RULES = ("either", "stranger", "elsewhere")
"""Both rules, or the first or the second alone."""

MARGIN = 0.1
"""By how much another centre must be nearer for the second rule."""

_SAMPLE = 4_096  # images, and centres, from which strangers' similarities are told
_SHOWN = 4
_LOOK_FOR = (
    "Each entry is an image that does not look like the others of its class: does it show another "
    "person, or this one in an unusual way? Unusual but right images are worth keeping. "
    "Similarities are cosines: 1 is the same, near 0 are strangers."
)


@dataclass(frozen=True)
class Settings:
    """What may be listed.

    Attributes:
        threshold: similarity to the own centre below which an image is a stranger; None to choose
            it from the set.
        rule: which of the two rules lists images; see `RULES`.
        floor: images of each person that stay in any case, the best ones.
        min_images: people who would be left with fewer images are listed whole; 0 for none.
    """

    threshold: float | None = None
    rule: str = "either"
    floor: int = 3
    min_images: int = 0

    def __post_init__(self) -> None:
        assert self.rule in RULES
        if self.floor < 1 or self.min_images < 0:
            raise ValueError(
                f"expected --floor of at least 1 and --min-images of at least 0, found "
                f"{self.floor} and {self.min_images}"
            )


@dataclass(frozen=True)
class Doubts:
    """What is known of each of n images.

    Attributes:
        own: similarity to its own class, [n].
        other: similarity to the nearest other centre, [n].
        nearest: the place of that one, [n].
        elsewhere: whether the second rule holds, [n].
        listed: whether a rule lists it, [n].
        stranger: level of the first rule.
        usual: level of the second rule.
    """

    own: NDArray[np.float32]
    other: NDArray[np.float32]
    nearest: NDArray[np.int64]
    elsewhere: NDArray[np.bool_]
    listed: NDArray[np.bool_]
    stranger: float
    usual: float


def find_noise(source: ImageSource, embedded: Embeddings, settings: Settings) -> Outcome:
    """Images, and people, to leave out for their labels.

    Raises:
        ValueError: an image has no embedding, or there is only one person.
    """
    classes = classes_of(people_of(source))
    if len(classes.people) < 2:
        raise ValueError(
            f"--images: expected images of several people, found {classes.people[0]!r} alone; "
            "give the whole set"
        )
    rows = embedded.rows_of(source.names, "the training set")
    doubts = doubtful(embedded, rows, classes, settings)
    best = _best(classes, doubts)
    images = np.flatnonzero(doubts.listed)
    images = images[np.argsort(doubts.own[images], kind="stable")]
    left = classes.count - np.bincount(classes.label[images], minlength=len(classes.people))
    few = np.flatnonzero(left < settings.min_images)
    findings = [_image(source, classes, doubts, best, int(place)) for place in images]
    findings += [
        _person(source, classes, best, int(label), int(left[label]), settings) for label in few
    ]
    findings.sort(key=lambda one: (one.person, one.entry.kind == "image"))
    people = np.unique(classes.label[images])
    about = [
        _rule(doubts, settings),
        f"{len(images):,} of {len(source):,} images, of {len(people):,} of "
        f"{len(classes.people):,} people: {np.count_nonzero(doubts.elsewhere[images]):,} look like "
        "somebody else of the set, the others are only unlike their class.",
    ]
    if settings.min_images:
        about.append(
            f"{len(few):,} people would be left with fewer than {settings.min_images} images."
        )
    return Outcome("Images that may show somebody else", _LOOK_FOR, tuple(about), findings)


def _rule(doubts: Doubts, settings: Settings) -> str:
    level = "as given"
    if settings.threshold is None:
        level = f"where {1 - STRANGERS:.0%} of strangers are more similar"
    rules = {
        "stranger": f"less than {doubts.stranger:.3f} similar to the own class centre ({level})",
        "elsewhere": f"another centre is nearer by {MARGIN} and at least {doubts.usual:.3f} "
        f"similar (where {USUAL:.0%} of images are less similar to their own)",
    }
    rules["either"] = f"{rules['stranger']}, or {rules['elsewhere']}"
    return f"Rule: {rules[settings.rule]}; at least {settings.floor} images of a person stay."


def doubtful(
    embedded: Embeddings, rows: NDArray[np.intp], classes: Classes, settings: Settings
) -> Doubts:
    """The similarities of n images to centres, and which images the rules list.

    Time grows with n x P; memory with P x D and n.
    """
    middle, own = centres(embedded, rows, classes, trimmed=True)
    other = np.empty(len(rows), np.float32)
    place = np.empty(len(rows), np.int64)
    for at, unit in unit_blocks(embedded, rows, "nearest centres"):
        other[at], place[at] = nearest(unit, middle, classes.label[at])
    stranger = settings.threshold
    if stranger is None:
        stranger = _strangers(embedded, rows, classes, middle)
    usual = float(np.quantile(own, USUAL))
    strange = own < stranger
    elsewhere = (other > own + MARGIN) & (other >= usual)
    rules = {"either": strange | elsewhere, "stranger": strange, "elsewhere": elsewhere}
    listed = rules[settings.rule]
    listed &= _above_floor(own, listed, classes, settings.floor)
    return Doubts(own, other, place, elsewhere, listed, stranger, usual)


def _strangers(
    embedded: Embeddings, rows: NDArray[np.intp], classes: Classes, middle: NDArray[np.float32]
) -> float:
    """The level that only one similarity in a hundred of image and another's centre exceeds."""
    images = np.unique(np.linspace(0, len(rows) - 1, _SAMPLE).astype(int))
    people = np.unique(np.linspace(0, len(middle) - 1, _SAMPLE).astype(int))
    similarity = embedded.unit(rows[images], np.float32) @ middle[people].T
    return float(np.quantile(similarity[classes.label[images, None] != people], STRANGERS))


def _above_floor(
    own: NDArray[np.float32], listed: NDArray[np.bool_], classes: Classes, floor: int
) -> NDArray[np.bool_]:
    """Which images may go: of each person all but the `floor` best, unlisted ones first."""
    order = np.lexsort((-own, listed, classes.label))
    starts = np.cumsum(classes.count) - classes.count
    rank = np.empty(len(own), np.int64)
    rank[order] = np.arange(len(own)) - starts[classes.label[order]]
    return rank >= floor


def _best(classes: Classes, doubts: Doubts) -> list[NDArray[np.intp]]:
    """The images of each person that are most like the person, as examples."""
    order = np.lexsort((-doubts.own, classes.label))
    starts = np.cumsum(classes.count) - classes.count
    return [order[start : start + min(n, _SHOWN)] for start, n in zip(starts, classes.count)]


def _image(
    source: ImageSource,
    classes: Classes,
    doubts: Doubts,
    best: list[NDArray[np.intp]],
    place: int,
) -> Finding:
    label, nearest_other = int(classes.label[place]), int(doubts.nearest[place])
    own, other = doubts.own[place], doubts.other[place]
    person, near = classes.people[label], classes.people[nearest_other]
    if doubts.elsewhere[place]:
        reason = f"looks like {near} ({other:.2f}), its own class {own:.2f}"
    else:
        reason = f"unlike its class ({own:.2f}), nearest other {near} ({other:.2f})"
    beside = (
        Strip(f"most like {person} (this image: {own:.2f})", _examples(source, best[label])),
        Strip(f"nearest other, {near} ({other:.2f})", _examples(source, best[nearest_other])),
    )
    entry = Entry("image", source.names[place], reason)
    return Finding(entry, person, (Picture(source, place),), beside)


def _person(
    source: ImageSource,
    classes: Classes,
    best: list[NDArray[np.intp]],
    label: int,
    left: int,
    settings: Settings,
) -> Finding:
    person = classes.people[label]
    reason = f"{left} of {classes.count[label]} images left, fewer than {settings.min_images}"
    return Finding(Entry("person", person, reason), person, _examples(source, best[label]), ())


def _examples(source: ImageSource, places: NDArray[np.intp]) -> tuple[Picture, ...]:
    return tuple(Picture(source, int(place)) for place in places)
