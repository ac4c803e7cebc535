"""Record sets as a source: InsightFace's, im2rec's, our own, one or several (formats.md 2.4)."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.record_names import class_names, shard_names
from data_prep.records.reader import RecordSet
from data_prep.sources.cvlface import is_cvlface
from data_prep.sources.people import People, Places, grouped


class RecordPeople(People):
    """Images of record sets. Images of a label need not follow each other; they are put together.

    Our own sets know people and images by name: several are joined by the names of people. In
    others the label is the person, the same one in all sets, and images are called `label/key`;
    CVLface's tell both by their .tsv.
    """

    def __init__(
        self,
        sets: Sequence[RecordSet],
        names: Sequence[str],
        labels: np.ndarray,
        titles: Mapping[int, str] | Sequence[str] | None,
        about: dict[str, Any],
    ):
        """Groups the images.

        Args:
            sets: record sets.
            names: of all images, set after set.
            labels: of all images, int64 [n].
            titles: the people's names by label; None for the labels themselves.
            about: for the manifest.

        Raises:
            ValueError: two images have one name.
        """
        self.title = ", ".join(str(one.prefix) for one in sets[:2]) + ", .." * (len(sets) > 2)
        self._sets, self._about = sets, about
        self._ends = list(accumulate(len(one) for one in sets))
        self._places = Places(names)
        if twice := self._places.repeat():
            raise ValueError(
                f"{self._rec(twice[1])}: the image {names[twice[1]]!r} is in "
                f"{self._rec(twice[0])} too; give sets that do not overlap"
            )
        self.people = grouped(names, labels, titles)

    def encoded(self, name: str) -> bytes:
        """The record's image."""
        records, i = self._find(self._places[name])
        return records.image_bytes(i)

    def length(self, name: str) -> int:
        """The bytes of the image's record, with frame and header."""
        records, i = self._find(self._places[name])
        return int(records._table.ends[i] - records._table.offsets[i])

    def where(self, name: str) -> str:
        """The .rec, the key, and the image's name."""
        place = self._places[name]
        records, i = self._find(place)
        return f"{self._rec(place)}, key {records.keys[i]} ({name})"

    def about(self) -> dict[str, Any]:
        """The sets' names, and what our own say of where they came from."""
        return dict(self._about)

    def _find(self, place: int) -> tuple[RecordSet, int]:
        part = bisect_right(self._ends, place)
        return self._sets[part], place - self._ends[part] + len(self._sets[part])

    def _rec(self, place: int) -> Path:
        return self._find(place)[0].rec


def open_records(paths: Sequence[Path]) -> RecordPeople:
    """Record sets that belong together, one or more.

    Args:
        paths: `dir/train` or `dir/train.rec` each.

    Raises:
        ValueError: a set is damaged, or ours and others are mixed.
        OSError: a file is missing.
    """
    sets = [RecordSet(path) for path in paths]
    ours = [one for one in sets if one.manifest is not None]
    about: dict[str, Any] = {"images": sets[0].prefix.name, "kind": "record set"}
    if len(sets) > 1:
        about["sets"] = len(sets)
    if not ours:
        labels, names = np.concatenate([one.labels for one in sets]), shard_names(sets)
        if len(sets) > 1:
            return RecordPeople(sets, names, labels, None, about)
        if is_cvlface(sets[0]):
            about["kind"] = "CVLface record set"
        return RecordPeople(sets, names, labels, class_names(sets[0], names), about)
    if len(ours) != len(sets):
        foreign = next(one for one in sets if one.manifest is None)
        raise ValueError(
            f"{foreign.rec}: has no manifest, {ours[0].rec} has one; whether their labels are the "
            "same people cannot be known: pack them one after the other"
        )
    manifests = [one.manifest for one in sets if one.manifest is not None]
    about["records_sha256"] = [manifest["files"]["rec"]["sha256"] for manifest in manifests]
    titles: dict[str, int] = {}
    labels = np.concatenate([_joined(one, titles) for one in sets])
    origin = manifests[0].get("source")
    if isinstance(origin, dict) and "alignment" in origin:
        about["alignment"] = origin["alignment"]
    return RecordPeople(sets, shard_names(sets), labels, list(titles), about)


def _joined(records: RecordSet, titles: dict[str, int]) -> np.ndarray:
    """Labels over all sets, from this one's names of people; `titles` learns the new ones."""
    names = class_names(records).values()
    numbers = [titles.setdefault(name, len(titles)) for name in names]
    return np.array(numbers, np.int64)[records.labels]
