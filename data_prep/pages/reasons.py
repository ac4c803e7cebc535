"""Why images were left out, as align.json and the manifest have it, and as kinds of reasons."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Miss:
    """An image that was left out.

    Attributes:
        image: its name.
        reason: why.
    """

    image: str
    reason: str

    @property
    def kind(self) -> str:
        """The reason without the image's name and with `N` for each number."""
        text = self.reason.removeprefix(f"{self.image}: ").replace(f" ({self.image})", "")
        return re.sub(r"\d+(?:\.\d+)?", "N", text)


def misses_of(note: Mapping[str, Any]) -> list[Miss]:
    """The photographs without a crop of their face, as align.json lists them."""
    said = {miss.image: miss for miss in entries(note.get("failed"))}
    detection = note.get("detection") or {}
    said |= {miss.image: miss for miss in entries(detection.get("not_found"))}
    for image in note.get("without_landmarks") or []:
        said.setdefault(str(image), Miss(str(image), "no landmarks in the list"))
    return list(said.values())


def entries(listed: Any) -> list[Miss]:
    """From a list of `{"image": ..., "reason": ...}`; anything else is passed over."""
    if not isinstance(listed, list):
        return []
    return [
        Miss(str(one["image"]), str(one.get("reason", "")))
        for one in listed
        if isinstance(one, dict) and "image" in one
    ]


def by_kind(misses: Iterable[Miss]) -> list[tuple[str, list[Miss]]]:
    """Misses of each kind of reason, the most frequent kind first."""
    kinds: dict[str, list[Miss]] = {}
    for miss in misses:
        kinds.setdefault(miss.kind, []).append(miss)
    return sorted(kinds.items(), key=lambda one: (-len(one[1]), one[0]))


def spread(misses: Iterable[Miss], most: int) -> list[Miss]:
    """At most `most` of the misses: of each kind in turn, so that no kind is left out."""
    groups = [group for _, group in by_kind(misses)]
    taken: list[Miss] = []
    place = 0
    while len(taken) < most and any(place < len(group) for group in groups):
        taken += [group[place] for group in groups if place < len(group)]
        place += 1
    return taken[:most]


def counted(misses: Iterable[Miss]) -> Counter[str]:
    """How many of each kind."""
    return Counter(miss.kind for miss in misses)
