"""Images for training (with labels) and extraction (with names): folders, records, bins."""

from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import accumulate
from pathlib import Path

import numpy as np

from data_prep.images import decode, decode_into
from data_prep.record_names import shard_names
from data_prep.records.manifest import with_suffix
from data_prep.records.reader import RecordSet
from data_prep.shards import is_pattern, open_shards
from data_prep.sources.folders import read_images
from data_prep.sources.verification_bin import read_bin


class FaceDataset:
    """Record sets as a map-style dataset of (pixels, label), without torch.

    Several sets are joined as sets of different people: each one's labels follow those before it.
    A pattern such as `shards/*.rec` is one set in several files, as other programs write it: the
    shards share their labels, and a label is the same person in all of them.

        FaceDataset(["data/asia", "data/europe"])   # different people
        FaceDataset("glint/shard-*.rec")            # one set of people, in shards

    Memory an image: 8 bytes for the label, and some 24 for its place in the file.

    Attributes:
        sets: every record set, each shard on its own.
        groups: the images of each set that was given, shards taken together.
        labels: of the images of all of them in order, int64 [n].
        num_classes: people in all.
    """

    def __init__(self, sets: Sequence[RecordSet | str | Path] | RecordSet | str | Path):
        """Opens the sets.

        Args:
            sets: record sets, their prefixes, or patterns of .rec files; one alone may be given as
                it is.

        Raises:
            ValueError: a set is damaged, none is given, or shards do not share their labels.
            OSError: a file is missing, or a pattern fits none.
        """
        if isinstance(sets, RecordSet | str | Path):
            sets = [sets]
        opened = [open_shards(one) for one in sets]
        if not opened:
            raise ValueError("expected at least one record set, found an empty list")
        self.sets = [shard for shards in opened for shard in shards]
        self._ends = list(accumulate(len(one) for one in self.sets))
        self.labels = np.empty(self._ends[-1], np.int64)
        self.num_classes = 0
        self.groups: list[range] = []
        end = 0
        for shards in opened:
            begin = end
            for shard in shards:
                start, end = end, end + len(shard)
                self.labels[start:end] = shard.labels
                self.labels[start:end] += self.num_classes
            self.groups.append(range(begin, end))
            self.num_classes += max(shard.num_classes for shard in shards)
            for shard in shards:
                vars(shard).pop("labels", None)  # cached there; kept once, here

    def __len__(self) -> int:
        return self._ends[-1]

    def __getitem__(self, i: int) -> tuple[np.ndarray, int]:
        """RGB pixels, uint8 [H, W, 3], and the label.

        Raises:
            IndexError: no such image.
            ValueError: the record or the image in it is damaged; names file and key.
        """
        records, place = self.find(i)
        return decode(records.image_bytes(place), self.where(i)), int(self.labels[i])

    def where(self, i: int) -> str:
        """File and key of image `i`, for messages."""
        records, place = self.find(i)
        return f"{records.rec}, key {records.keys[place]}"

    def expect(self, places: Sequence[int]) -> None:
        """Has the system fetch these images from the disk, so that `read` need not wait for it."""
        for i in places:
            records, place = self.find(i)
            records.expect(place)

    def read(
        self,
        places: np.ndarray,
        pixels: np.ndarray,
        labels: np.ndarray,
        instead: Callable[[int, str], int] | None = None,
    ) -> None:
        """Decodes some images into memory that is there; several threads may do so at once.

        Args:
            places: which images, integers [n].
            pixels: uint8 [n, H, W, 3], filled.
            labels: int64 [n], filled.
            instead: told of an image that cannot be read and why, it names the one to read in its
                place, or raises. Without it the first such image is an error.

        Raises:
            ValueError: a record or its image is damaged, or of another size; names file and key.
        """
        read = places
        for row, i in enumerate(places.tolist()):
            try:
                self._read(i, pixels[row])
            except ValueError as error:
                if instead is None:
                    raise
                read = read.copy()
                read[row] = self._read_another(i, str(error), pixels[row], instead)
        np.take(self.labels, read, out=labels)

    def _read(self, i: int, pixels: np.ndarray) -> None:
        records, place = self.find(i)
        decode_into(records.image_bytes(place), pixels, lambda: self.where(i))

    def _read_another(
        self, i: int, reason: str, pixels: np.ndarray, instead: Callable[[int, str], int]
    ) -> int:
        """Decodes the first image that can be, of those that `instead` names one after another."""
        while True:
            i = instead(i, reason)
            try:
                self._read(i, pixels)
                return i
            except ValueError as error:
                reason = str(error)

    def find(self, i: int) -> tuple[RecordSet, int]:
        """The set that holds an image, and its place in it.

        Raises:
            IndexError: no such image.
        """
        if not 0 <= i < self._ends[-1]:
            raise IndexError(f"expected an image from 0 to {len(self) - 1}, asked for {i}")
        part = bisect_right(self._ends, i)
        return self.sets[part], i - self._ends[part - 1] if part else i


class ImageSource(ABC):
    """Named images of one size, in a fixed order.

    Attributes:
        names: one a image, all different.
    """

    names: list[str]

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, i: int) -> np.ndarray:
        """RGB pixels, uint8 [H, W, 3].

        Raises:
            IndexError: no such image.
            ValueError: the image is damaged, or not of the first one's size; names it.
        """
        if not 0 <= i < len(self):
            raise IndexError(f"expected an image from 0 to {len(self) - 1}, asked for {i}")
        pixels = decode(self.encoded(i), self.where(i))
        if pixels.shape[:2] != self.size:
            raise ValueError(
                f"{self.where(i)}: expected {self.size[0]}x{self.size[1]} pixels (height x width) "
                f"like {self.names[0]}, found {pixels.shape[0]}x{pixels.shape[1]}; align first"
            )
        return pixels

    @cached_property
    def size(self) -> tuple[int, int]:
        """(height, width) of the first image, and so of all, pixels."""
        height, width = decode(self.encoded(0), self.where(0)).shape[:2]
        return height, width

    @abstractmethod
    def encoded(self, i: int) -> bytes:
        """The encoded image at position `i`."""

    @abstractmethod
    def where(self, i: int) -> str:
        """File, and place in it, of image `i`, for messages."""


class FolderImages(ImageSource):
    """Crops in a folder of any depth; names are sorted relative POSIX paths."""

    def __init__(self, root: Path):
        """Lists the folder.

        Raises:
            ValueError: there are no images.
            OSError: the folder cannot be read.
        """
        self.root = root
        self.names = read_images(root)

    def encoded(self, i: int) -> bytes:
        """The file's bytes."""
        return (self.root / self.names[i]).read_bytes()

    def where(self, i: int) -> str:
        """The file's path."""
        return str(self.root / self.names[i])


class RecordImages(ImageSource):
    """Images of record sets, named as they were when packed, otherwise `label/key`."""

    def __init__(self, *sets: RecordSet):
        """Names the images.

        Args:
            sets: one set, or the shards of one.

        Raises:
            ValueError: labels or the .lst are damaged, or shards have images of the same name.
        """
        self.sets = sets
        self.names = shard_names(sets)
        self._ends = np.cumsum([len(one) for one in sets])

    def encoded(self, i: int) -> bytes:
        """The record's image."""
        records, place = self._find(i)
        return records.image_bytes(place)

    def where(self, i: int) -> str:
        """The .rec, the key and the name."""
        records, place = self._find(i)
        return f"{records.rec}, key {records.keys[place]} ({self.names[i]})"

    def _find(self, i: int) -> tuple[RecordSet, int]:
        part = int(np.searchsorted(self._ends, i, side="right"))
        return self.sets[part], i - int(self._ends[part]) + len(self.sets[part])


class BinImages(ImageSource):
    """Images of a verification .bin: 2i and 2i + 1 are pair i; names are `000000` and so on."""

    def __init__(self, path: Path):
        """Reads the file whole.

        Raises:
            ValueError: not a verification .bin.
            OSError: the file cannot be read.
        """
        self.path = path
        self._images, self.is_same = read_bin(path)
        self.names = [f"{i:06d}" for i in range(len(self._images))]

    def encoded(self, i: int) -> bytes:
        """The image's bytes."""
        return self._images[i]

    def where(self, i: int) -> str:
        """The .bin and the number."""
        return f"{self.path}, image {i}"


def open_images(path: str | Path) -> ImageSource:
    """The images at `path`.

    Args:
        path: a folder, a record set (`dir/train` or `dir/train.rec`), a pattern of the shards of
            one (`shards/*.rec`), or a .bin.

    Raises:
        ValueError: it is none of these, or damaged.
        OSError: nothing is there.
    """
    path = Path(path)
    if path.is_dir():
        return FolderImages(path)
    if path.suffix == ".rec" or with_suffix(path, "rec").is_file() or is_pattern(path):
        return RecordImages(*open_shards(path))
    if path.suffix == ".bin":
        return BinImages(path)
    expected = (
        "expected a folder of images, a record set (PREFIX of PREFIX.rec, or a pattern of "
        "several .rec) or a .bin"
    )
    if path.exists():
        raise ValueError(f"{path}: {expected}")
    raise FileNotFoundError(f"{path}: {expected}, found nothing there")
