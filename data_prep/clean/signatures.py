"""What is kept of each photograph to find it again: a digest, 128 signs, a small grey picture.

The signs are those of the 128 lowest frequencies (cosine transform, without the mean) of the small
grey picture, each against what is usual for that frequency in this set. Aligned faces look much
alike; without that reference most signs would be the same for all of them and tell nothing. A
mirrored picture has the odd horizontal frequencies negated, so its signs need no second look.

Memory is 48 bytes an image, and 1,024 bytes of a file that has no name and is gone at the end.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from data_prep.dataset import ImageSource
from data_prep.images import decode
from data_prep.parallel import ordered_map
from data_prep.records.index import WrongIndexError

SIDE = 32
"""Of the small grey picture, pixels."""

SIGNS = 128
"""Frequencies whose signs are kept."""

_SAMPLE = 2_048  # images from which the usual is told
_DOUBT = 64  # of few images the usual would be themselves, so it is drawn towards zero


@dataclass(frozen=True)
class Usual:
    """What the images of a set have in common.

    Attributes:
        grey: mean of the normalised small pictures, float32 [SIDE * SIDE].
        frequencies: median of each frequency, float32 [SIGNS].
    """

    grey: NDArray[np.float32]
    frequencies: NDArray[np.float32]


@dataclass(frozen=True)
class Signatures:
    """Of n images.

    Attributes:
        digest: first 16 bytes of the SHA-256 of the encoded image, uint64 [n, 2].
        signs: uint64 [n, 2].
        mirrored: the same of the mirrored image.
        usable: whether the image could be decoded and is not all of one grey, bool [n].
        broken: how many could not be decoded, or are damaged in their record.
        grey: uint8 [n, SIDE, SIDE], on disk.
        usual: what signs and correlations are measured against.
    """

    digest: NDArray[np.uint64]
    signs: NDArray[np.uint64]
    mirrored: NDArray[np.uint64]
    usable: NDArray[np.bool_]
    broken: int
    grey: NDArray[np.uint8]
    usual: Usual

    def correlation(
        self, one: NDArray[np.intp], other: NDArray[np.intp], mirrored: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """Pearson correlation of m pairs of small pictures, less what all have in common, [m].

        Args:
            one: m places.
            other: m places.
            mirrored: whether the other one is to be turned around, [m].
        """
        turned = self.grey[other]
        turned[mirrored] = turned[mirrored][:, :, ::-1]
        difference = [
            _unit(_unit(picture.reshape(-1, SIDE * SIDE)) - self.usual.grey)
            for picture in (self.grey[one], turned)
        ]
        return np.einsum("md,md->m", *difference)


def signatures_of(source: ImageSource, scratch: Path, workers: int = 1) -> Signatures:
    """Reads every image once, and a sample of them twice.

    Args:
        source: n images.
        scratch: folder for the file without a name, 1,024 bytes an image.
        workers: threads.

    Raises:
        ValueError: no image can be decoded, or a record set's index is another file's.
        OSError: an image cannot be read, or the disk is full.
    """
    n = len(source)
    usual = _usual(source, workers)
    with tempfile.TemporaryFile(dir=scratch) as file:
        grey = np.memmap(file, np.uint8, "w+", shape=(n, SIDE, SIDE))
    digest = np.zeros((n, 2), np.uint64)
    signs, mirrored = np.zeros_like(digest), np.zeros_like(digest)
    usable = np.zeros(n, dtype=bool)
    broken = 0
    bar = tqdm(total=n, desc="signatures", unit="image", delay=2)
    for place, (hashed, small) in enumerate(_read(source, range(n), workers)):
        bar.update()
        digest[place] = np.frombuffer(hashed, np.uint64)
        if small is None:
            broken += 1
            continue
        grey[place] = np.rint(small)
        found = frequencies(small)
        usable[place] = found.any()
        signs[place] = _packed(found > usual.frequencies)
        mirrored[place] = _packed(found * _MIRROR > usual.frequencies)
    bar.close()
    return Signatures(digest, signs, mirrored, usable, broken, grey, usual)


def small_grey(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """RGB pixels, uint8 [H, W, 3], to grey means of areas, float32 [SIDE, SIDE]."""
    import cv2

    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    return cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)


def frequencies(small: NDArray[np.float32]) -> NDArray[np.float32]:
    """The lowest frequencies of a small picture for unit contrast, [SIGNS]; all 0 if it is flat."""
    import cv2

    spectrum = cv2.dct(small)
    spectrum[0, 0] = 0
    contrast = np.linalg.norm(spectrum)
    if contrast < 1:  # less than a 32nd of a grey level: rounding, no picture
        return np.zeros(SIGNS, np.float32)
    return spectrum[_ORDER[:, 0], _ORDER[:, 1]] / contrast


def _lowest() -> NDArray[np.intp]:
    every = [(row, column) for row in range(SIDE) for column in range(SIDE)]
    every.sort(key=lambda at: (at[0] + at[1], at))
    return np.array(every[1 : SIGNS + 1], dtype=np.intp)


_ORDER = _lowest()
_MIRROR = np.where(_ORDER[:, 1] % 2, -1, 1).astype(np.float32)


def _usual(source: ImageSource, workers: int) -> Usual:
    places = np.unique(np.linspace(0, len(source) - 1, _SAMPLE).astype(int)).tolist()
    found = [small for _, small in _read(source, places, workers) if small is not None]
    if not found:
        raise ValueError(f"{source.where(0)}: expected images, none looked at can be decoded")
    trust = len(found) / (len(found) + _DOUBT)
    grey = _unit(np.stack(found).reshape(len(found), -1)).mean(axis=0)
    median = np.median([frequencies(small) for small in found], axis=0)
    return Usual((trust * grey).astype(np.float32), (trust * median).astype(np.float32))


def _read(
    source: ImageSource, places: "range | list[int]", workers: int
) -> Iterator[tuple[bytes, NDArray[np.float32] | None]]:
    def one(place: int) -> tuple[bytes, NDArray[np.float32] | None]:
        where, small = source.where(place), None
        encoded = os.fsencode(where)  # damaged where they are stored, no two are the same file
        try:
            encoded = source.encoded(place)
            small = small_grey(decode(encoded, where))
        except WrongIndexError:
            raise
        except ValueError:
            pass
        return hashlib.sha256(encoded).digest()[:16], small

    yield from ordered_map(one, places, workers)


def _packed(signs: NDArray[np.bool_]) -> NDArray[np.uint64]:
    return np.packbits(signs).view(np.uint64)


def _unit(rows: NDArray[np.generic]) -> NDArray[np.float32]:
    """Rows without their mean, of length 1; flat ones are 0."""
    wide = rows.astype(np.float32)
    wide -= wide.mean(axis=1, keepdims=True)
    length = np.linalg.norm(wide, axis=1, keepdims=True)
    return np.divide(wide, length, out=np.zeros_like(wide), where=length > 1e-6)
