"""Photographs that a set has more than once, under one person or under two.

Found by SHA-256 of the encoded image; by 128 signs of low frequencies, upright and mirrored, then
confirmed by the correlation of small grey pictures; and, where embeddings are given, only if these
agree. Two people need a closer likeness than one: there are so many more pairs to be wrong about.
Settings are from 105 people x 80 scraped photographs, where pairs on both sides of them were
looked at.
"""

from collections import Counter
from collections.abc import Callable
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_prep.clean.centres import Classes, centres, classes_of, people_of
from data_prep.clean.findings import Finding, Outcome, Picture, Strip
from data_prep.clean.near import Pairs, pairs_across, pairs_within
from data_prep.clean.signatures import Signatures, signatures_of
from data_prep.clean.twins import Gone, Twins, as_twins, conflicts, repeats
from data_prep.dataset import ImageSource
from data_prep.drops import Entry
from data_prep.embeddings import Embeddings

WITHIN = (24, 0.85)
"""Of one person: signs that may differ, of 128; correlation from which two are one photograph."""

ACROSS = (12, 0.95)
"""The same of two people."""

AGREEING = 0.7
"""Similarity of embeddings below which two pictures are not one photograph after all."""

_BLOCK = 65_536
_SHOWN_PAIRS = 10
_LOOK_FOR = (
    "Each entry repeats a photograph that stays, or is a photograph that two people have, so that "
    "at least one label is wrong."
)


class _Opinion:
    """What embeddings say, where they are given."""

    def __init__(self, embedded: Embeddings | None, source: ImageSource):
        self._embedded = embedded
        self._rows = (
            None if embedded is None else embedded.rows_of(source.names, "the training set")
        )

    def __call__(self, pairs: Pairs) -> NDArray[np.bool_]:
        """Whether each of m pairs can be one photograph, [m]."""
        agreeing = np.ones(len(pairs), dtype=bool)
        if self._embedded is not None and self._rows is not None:
            for start in range(0, len(pairs), _BLOCK):
                at = slice(start, start + _BLOCK)
                one = self._embedded.unit(self._rows[pairs.one[at]], np.float32)
                other = self._embedded.unit(self._rows[pairs.other[at]], np.float32)
                agreeing[at] = np.einsum("md,md->m", one, other) >= AGREEING
        return agreeing

    def own(self, classes: Classes) -> NDArray[np.float32] | None:
        """Each image's similarity to its own class, [n]."""
        if self._embedded is None or self._rows is None:
            return None
        return centres(self._embedded, self._rows, classes, trimmed=True)[1]


def find_duplicates(
    source: ImageSource,
    scratch: Path,
    embedded: Embeddings | None = None,
    workers: int = 1,
) -> Outcome:
    """Images to leave out so that every photograph is there once.

    Args:
        source: n images. Memory is some 300 bytes an image besides their names.
        scratch: folder for a file without a name, 1,024 bytes an image.
        embedded: their embeddings, as a second opinion and to settle whose a photograph is.
        workers: threads; the result does not depend on it.

    Raises:
        ValueError: an image has no embedding, none can be decoded, or a record set's index is
            another file's.
        OSError: an image cannot be read, or the disk is full.
    """
    classes = classes_of(people_of(source))
    opinion = _Opinion(embedded, source)
    signatures = signatures_of(source, scratch, workers)
    photo, firsts = _photos(signatures.digest)
    usable = np.flatnonzero(signatures.usable)
    within = _twins(signatures, usable, classes.label, pairs_within, WITHIN, opinion)
    once = usable[firsts[photo[usable]] == usable]
    across = _twins(signatures, once, classes.label, pairs_across, ACROSS, opinion)
    own = opinion.own(classes)
    repeated = repeats(source.names, classes.label, photo, within)
    contradicting = conflicts(source.names, classes.label, photo, across, own)
    findings = _findings(source, classes, repeated, contradicting, own)
    about = (
        f"Rule: same bytes; or, of one person, at most {WITHIN[0]} of 128 signs of the coarse "
        "structure different and "
        f"correlation at least {WITHIN[1]}; of two people {ACROSS[0]} and {ACROSS[1]}; mirrored "
        "ones too" + (f"; embeddings at least {AGREEING} similar." if embedded else "."),
        f"{len(repeated):,} of {len(source):,} images repeat one of the same person; the first by "
        "name stays.",
        f"{len(contradicting):,} are listed for a photograph that two people have; "
        + ("all of its images go." if own is None else "the one nearest to its class stays."),
        *_sharing_people(classes, contradicting),
        f"{signatures.broken:,} could not be decoded and are not listed; packing skips them.",
    )
    return Outcome("Photographs that are there more than once", _LOOK_FOR, about, findings)


def _photos(digest: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
    """A number for each different file, [n], and the first place of each."""
    whole = np.ascontiguousarray(digest).view([("high", "<u8"), ("low", "<u8")]).ravel()
    _, firsts, photo = np.unique(whole, return_index=True, return_inverse=True)
    return photo.astype(np.int64), firsts


def _twins(
    signatures: Signatures,
    places: NDArray[np.intp],
    label: NDArray[np.int64],
    search: Callable[..., Pairs],
    limits: tuple[int, float],
    opinion: _Opinion,
) -> Twins:
    """Pairs among the places that signs, pixels and embeddings all take for one photograph."""
    most, least = limits
    signs, mirrored = signatures.signs[places], signatures.mirrored[places]
    found = search(signs, mirrored, label[places], most)
    pairs = Pairs(places[found.one], places[found.other], found.mirrored)
    correlation = np.empty(len(pairs), np.float32)
    for start in range(0, len(pairs), _BLOCK):
        at = slice(start, start + _BLOCK)
        correlation[at] = signatures.correlation(pairs.one[at], pairs.other[at], pairs.mirrored[at])
    same = correlation >= least
    same[same] = opinion(pairs.chosen(same))
    return as_twins(pairs.chosen(same), correlation[same])


def _findings(
    source: ImageSource,
    classes: Classes,
    repeated: list[Gone],
    contradicting: list[Gone],
    own: NDArray[np.float32] | None,
) -> list[Finding]:
    """One an image, by person and name; an image that both repeats and contradicts does both."""
    both = sorted([*repeated, *contradicting], key=lambda gone: source.names[gone.place])
    findings = []
    for place, group in groupby(both, key=lambda gone: gone.place):
        name, person = source.names[place], classes.people[classes.label[place]]
        reasons, strips = [], []
        for gone in group:
            twin = source.names[gone.twin]
            reason = gone.likeness.of(twin)
            title = "stays"
            if classes.label[gone.twin] != classes.label[place]:
                reason += ", another person" + (f" ({gone.others} more)" if gone.others else "")
                title = f"of {classes.people[classes.label[gone.twin]]}"
                if own is not None:
                    reason += f"; own class {own[place]:.2f}, the other {own[gone.twin]:.2f}"
            reasons.append(reason)
            strips.append(Strip(title, (Picture(source, gone.twin),)))
        entry = Entry("image", name, "; ".join(reasons))
        findings.append(Finding(entry, person, (Picture(source, place),), tuple(strips)))
    return sorted(findings, key=lambda finding: finding.person)


def _sharing_people(classes: Classes, contradicting: list[Gone]) -> list[str]:
    """A line on people who share several photographs: perhaps one person under two names."""
    shared: Counter[tuple[str, str]] = Counter()
    for gone in contradicting:
        one, other = sorted(
            classes.people[classes.label[place]] for place in (gone.place, gone.twin)
        )
        shared[one, other] += 1
    often = [(pair, count) for pair, count in shared.most_common(_SHOWN_PAIRS) if count > 3]
    if not often:
        return []
    listed = ", ".join(f"{one} and {other} ({count})" for (one, other), count in often)
    return [f"Perhaps one person under two names, by images in conflict: {listed}."]
