"""People of a training set who are in a test set too: by name, or by face.

By face: the similarity of every training person's centre to every test person's. Nearly all of
these P x Q comparisons are of different people, so their mean and standard deviation tell what is
usual between strangers. A pair is taken for one person above mean + z x deviation, with z where a
normal law would let one pair of strangers through in all P x Q. Real tails are longer than normal
ones: expect a few look-alikes, which is why the list is looked at.
"""

from pathlib import Path
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from data_prep.clean.centres import (
    Classes,
    centres,
    classes_of,
    nearest,
    people_of,
    person_of,
    spread,
)
from data_prep.clean.findings import Finding, Outcome, Picture, Strip
from data_prep.clean.names import comparable, read_test_people
from data_prep.dataset import ImageSource
from data_prep.drops import Entry
from data_prep.embeddings import Embeddings, require_one_model

SHOWN = 5
"""Pictures of a person on the page."""

_FEWEST = 1_000  # comparisons from which a usual similarity is told
_NEAR_MISSES = 8
_LOOK_FOR = (
    "Each entry is a person who seems to be in the test set too; figures measured after training "
    "on them would be too good."
)

_SAME = (
    "Do both rows of pictures show the same person? Similarities are cosines: 1 is the same, near "
    "0 are strangers."
)


def overlap_by_name(source: ImageSource, test_list: Path) -> Outcome:
    """People whose names the list has, without regard to case, accents and underscores.

    Raises:
        ValueError: the list is not text or names nobody, or the training set has no names.
        OSError: the list cannot be read.
    """
    test = read_test_people(test_list)
    classes = classes_of(people_of(source))
    first = _first_places(classes)
    findings = []
    for label, person in enumerate(classes.people):
        if (known := test.get(comparable(person))) is None:
            continue
        written, line = known
        reason = f"in {test_list.name}, line {line}, as {written}"
        findings.append(
            Finding(Entry("person", person, reason), person, _pictures(source, first[label]), ())
        )
    numbered = all(person.isdecimal() for person in classes.people)
    if not findings and numbered and not all(name.isdecimal() for name in test):
        raise ValueError(
            f"{test_list}: cannot be compared, the training set numbers its people (such as "
            f"{classes.people[0]!r}); use --embeddings and --against"
        )
    about = (
        f"Rule: people of the training set whose name {test_list.name} has too; case, accents, "
        "underscores and punctuation do not count.",
        f"{len(findings)} of {len(classes.people):,} people, of {len(test):,} names in the list.",
    )
    return Outcome(f"People who are in {test_list.name} too", _LOOK_FOR, about, findings)


def overlap_by_face(
    source: ImageSource,
    embedded: Embeddings,
    against: Embeddings,
    threshold: float | None = None,
    test_source: ImageSource | None = None,
) -> Outcome:
    """People whose class centre is as similar to a test person's as strangers hardly are.

    Args:
        source: the training images.
        embedded: their embeddings.
        against: embeddings of the test images; the person is the folder, an image without one
            stands for itself.
        threshold: similarity from which two are one person; None to choose it as the module says.
        test_source: the test images, to show them.

    Raises:
        ValueError: embeddings are of two models, lack an image, or are too few for a threshold.
    """
    require_one_model(embedded, against)
    rows = embedded.rows_of(source.names, "the training set")
    classes = classes_of(people_of(source))
    test = classes_of([person_of(name) for name in against.names])
    train_centres, own = centres(embedded, rows, classes, trimmed=False)
    test_centres, test_own = centres(against, np.arange(len(against.names)), test, trimmed=False)
    chosen = threshold is None
    rule = "as given"
    if threshold is None:
        threshold, rule = _threshold(train_centres, test_centres)
    best, place = nearest(train_centres, test_centres)
    order = np.argsort(-best, kind="stable")
    listed = order[best[order] >= threshold]
    faces, test_faces = _best_places(classes, own), _best_places(test, test_own)
    findings = []
    for label in listed:
        person, other = classes.people[label], test.people[place[label]]
        reason = f"centre is {best[label]:.3f} similar to {other} of {Path(against.prefix).name}"
        beside: tuple[Strip, ...] = ()
        if test_source is not None:
            pictures = _test_pictures(test_source, against, test_faces[place[label]])
            beside = (Strip(f"{other}, in the test set", pictures),)
        pictures = _pictures(source, faces[label])
        findings.append(Finding(Entry("person", person, reason), person, pictures, beside))
    about = (
        f"Rule: centres at least {threshold:.3f} similar ({rule}).",
        f"{len(findings)} of {len(classes.people):,} people, against {len(test.people):,} of the "
        f"test set {against.prefix}; the most similar first.",
        "Next below: " + (_near_misses(order[len(listed) :], best, place, classes, test) or "none"),
        *(("Real tails are longer than normal ones: look-alikes may be among these.",) * chosen),
    )
    title = f"People who are in {Path(against.prefix).name} too, by face"
    return Outcome(title, f"{_LOOK_FOR} {_SAME}", about, findings)


def _threshold(train: NDArray[np.float32], test: NDArray[np.float32]) -> tuple[float, str]:
    comparisons = len(train) * len(test)
    if comparisons < _FEWEST:
        raise ValueError(
            f"--images and --against: expected at least {_FEWEST:,} comparisons of people "
            f"to tell what is usual, found {len(train)} x {len(test)}; give --threshold"
        )
    mean, deviation = spread(train, test)
    z = NormalDist().inv_cdf(1 - 1 / comparisons)
    return mean + z * deviation, (
        f"mean {mean:.3f} + {z:.2f} x deviation {deviation:.3f} of all {comparisons:,} pairs, "
        "where a normal law lets one pair of strangers through"
    )


def _near_misses(
    order: NDArray[np.intp],
    best: NDArray[np.float32],
    place: NDArray[np.int64],
    classes: Classes,
    test: Classes,
) -> str:
    return ", ".join(
        f"{classes.people[label]} as {test.people[place[label]]} {best[label]:.3f}"
        for label in order[:_NEAR_MISSES]
    )


def _first_places(classes: Classes) -> list[NDArray[np.intp]]:
    """The first images of each person."""
    return _split(np.argsort(classes.label, kind="stable"), classes)


def _best_places(classes: Classes, own: NDArray[np.float32]) -> list[NDArray[np.intp]]:
    """The images of each person that are most like the person."""
    return _split(np.lexsort((-own, classes.label)), classes)


def _split(order: NDArray[np.intp], classes: Classes) -> list[NDArray[np.intp]]:
    starts = np.cumsum(classes.count) - classes.count
    return [order[start : start + min(n, SHOWN)] for start, n in zip(starts, classes.count)]


def _pictures(source: ImageSource, places: NDArray[np.intp]) -> tuple[Picture, ...]:
    return tuple(Picture(source, int(place)) for place in places)


def _test_pictures(
    source: ImageSource, against: Embeddings, rows: NDArray[np.intp]
) -> tuple[Picture, ...]:
    """The same for rows of the test embeddings, which need not be in the images' order."""
    names = [against.names[row] for row in rows]
    if all(row < len(source) and source.names[row] == name for row, name in zip(rows, names)):
        return _pictures(source, rows)
    wanted = set(names)
    return tuple(Picture(source, i) for i, name in enumerate(source.names) if name in wanted)
