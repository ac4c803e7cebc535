"""Encoded images of people: what every source of training data comes down to."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, and the images of them.

    Attributes:
        name: the person's, unique in a source; becomes the name of the class.
        images: names of the images, relative POSIX paths.
    """

    name: str
    images: tuple[str, ...]


class People(ABC):
    """Encoded images by person, wherever they lie.

    Names of images are unique. Memory is that of the names and a few numbers an image; the images
    are read when asked for.

    Attributes:
        title: the source as the user gave it, for messages.
        people: in the order of classes.
    """

    title: str
    people: tuple[Person, ...]

    @abstractmethod
    def encoded(self, name: str) -> bytes:
        """An image's bytes as they were stored. Threads may call it at the same time.

        Raises:
            WrongIndexError: the index beside the file leads to another image.
            ValueError: what is stored of this image is damaged; names the file, and the line or
                byte.
            OSError: a file cannot be read.
        """

    @abstractmethod
    def length(self, name: str) -> int:
        """The bytes that the image takes where it is stored, without reading it.

        Raises:
            OSError: a file is missing.
        """

    @abstractmethod
    def where(self, name: str) -> str:
        """The file, and the place in it, of an image, for messages."""

    @abstractmethod
    def about(self) -> dict[str, Any]:
        """What the manifest says of the source: `images`, its name, and more by kind.

        Raises:
            ValueError: the source says of itself that it is not whole.
        """


class Places:
    """From a name to its place in a list, at 16 bytes a name: hashes, sorted."""

    def __init__(self, names: Sequence[str]):
        """Sorts the hashes.

        Args:
            names: kept, not copied.
        """
        self._names = names
        hashes = np.fromiter(map(hash, names), np.int64, len(names))
        self._order = np.argsort(hashes, kind="stable")
        self._hashes = hashes[self._order]

    def __getitem__(self, name: str) -> int:
        """The place of `name`, the first one if it comes more than once.

        Raises:
            KeyError: there is no such name.
        """
        at = int(np.searchsorted(self._hashes, hash(name)))
        while at < len(self._order) and self._hashes[at] == hash(name):
            place = int(self._order[at])
            if self._names[place] == name:
                return place
            at += 1
        raise KeyError(name)

    def repeat(self) -> tuple[int, int] | None:
        """The places of two equal names, the first that comes again; None if all differ."""
        (doubtful,) = np.nonzero(self._hashes[1:] == self._hashes[:-1])
        for later in np.sort(self._order[doubtful + 1]).tolist():
            first = self[self._names[later]]
            if first != later:
                return first, later
        return None


def grouped(
    names: Sequence[str],
    labels: np.ndarray,
    titles: Mapping[int, str] | Sequence[str] | None = None,
) -> tuple[Person, ...]:
    """The people of images in any order: by label, images of one as they come.

    Args:
        names: n names of images.
        labels: the class of each, int64 [n]. Classes without image are passed over.
        titles: the name of each class; None for the label itself, six digits.
    """
    order = np.argsort(labels, kind="stable")
    ordered = labels[order]
    cuts = [0, *(np.flatnonzero(np.diff(ordered)) + 1).tolist(), len(order)]
    people = []
    for start, stop in pairwise(cuts):
        label = int(ordered[start])
        title = f"{label:06d}" if titles is None else titles[label]
        people.append(Person(title, tuple(names[i] for i in order[start:stop].tolist())))
    return tuple(people)


def folder_titles(names: Sequence[str], labels: np.ndarray) -> dict[int, str] | None:
    """The name of each class where folders tell it: one folder a class, no two called alike.

    Args:
        names: n relative paths.
        labels: the class of each, int64 [n].

    Returns:
        Name by label; None where folders are no people.
    """
    folders: dict[int, str] = {}
    for label, name in zip(labels.tolist(), names):
        folder = name.rpartition("/")[0]
        if not folder or folders.setdefault(label, folder) != folder:
            return None
    titles = {label: folder.rpartition("/")[2] for label, folder in folders.items()}
    return titles if len(set(titles.values())) == len(titles) else None
