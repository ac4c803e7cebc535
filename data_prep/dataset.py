"""Images for training (with labels) and extraction (with names): folders, records, bins."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from data_prep.images import decode
from data_prep.records.manifest import with_suffix
from data_prep.records.reader import RecordSet
from data_prep.sources.folders import read_images
from data_prep.sources.verification_bin import read_bin


class FaceDataset:
    """Record sets as a map-style dataset of (pixels, label), without torch.

    Several sets are joined as sets of different people: each one's labels follow those before it.
    """

    def __init__(self, sets: Sequence[RecordSet | str | Path] | RecordSet | str | Path):
        """Opens the sets.

        Args:
            sets: record sets or their prefixes; one alone may be given as it is.

        Raises:
            ValueError: a set is damaged, or none is given.
            OSError: a file is missing.
        """
        if isinstance(sets, RecordSet | str | Path):
            sets = [sets]
        self.sets = [one if isinstance(one, RecordSet) else RecordSet(one) for one in sets]
        if not self.sets:
            raise ValueError("expected at least one record set, found an empty list")
        self._ends = np.cumsum([len(one) for one in self.sets])
        class_ends = np.cumsum([one.num_classes for one in self.sets])
        self.num_classes = int(class_ends[-1])
        shifts = class_ends - [one.num_classes for one in self.sets]
        self.labels = np.concatenate([one.labels + by for one, by in zip(self.sets, shifts)])

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __getitem__(self, i: int) -> tuple[np.ndarray, int]:
        """RGB pixels, uint8 [H, W, 3], and the label.

        Raises:
            IndexError: no such image.
            ValueError: the record or the image in it is damaged; names file and key.
        """
        if not 0 <= i < len(self):
            raise IndexError(f"expected an image from 0 to {len(self) - 1}, asked for {i}")
        part = int(np.searchsorted(self._ends, i, side="right"))
        records = self.sets[part]
        place = int(i) - (int(self._ends[part]) - len(records))
        where = f"{records.rec}, key {records.keys[place]}"
        return decode(records.image_bytes(place), where), int(self.labels[i])

    def __getitems__(self, places: Sequence[int]) -> list[tuple[np.ndarray, int]]:
        """A batch, as torch's DataLoader asks for it."""
        return [self[i] for i in places]


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
    """Images of a record set, named as they were when packed, otherwise `label/key`."""

    def __init__(self, records: RecordSet):
        """Names the images.

        Raises:
            ValueError: labels or the .lst are damaged.
        """
        self.records = records
        self.names = record_names(records)

    def encoded(self, i: int) -> bytes:
        """The record's image."""
        return self.records.image_bytes(i)

    def where(self, i: int) -> str:
        """The .rec, the key and the name."""
        return f"{self.records.rec}, key {self.records.keys[i]} ({self.names[i]})"


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
    """The images at `path`: a folder, a record set (`dir/train` or `dir/train.rec`), or a .bin.

    Raises:
        ValueError: it is none of these, or damaged.
        OSError: nothing is there.
    """
    path = Path(path)
    if path.is_dir():
        return FolderImages(path)
    if path.suffix == ".rec" or with_suffix(path, "rec").is_file():
        return RecordImages(RecordSet(path))
    if path.suffix == ".bin":
        return BinImages(path)
    expected = "expected a folder of images, a record set (PREFIX of PREFIX.rec) or a .bin"
    if path.exists():
        raise ValueError(f"{path}: {expected}")
    raise FileNotFoundError(f"{path}: {expected}, found nothing there")


def record_names(records: RecordSet) -> list[str]:
    """A name for each image: from the .lst our packer wrote, otherwise `label/key`, zero-padded.

    Raises:
        ValueError: the .lst is not this set's.
    """
    if records.manifest is None:
        return [f"{label:06d}/{key:08d}" for label, key in zip(records.labels, records.keys)]
    path = with_suffix(records.prefix, "lst")
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    names = [line.rsplit("\t", 1)[-1] for line in lines]
    if (
        len(names) != len(records)
        or path.stat().st_size != records.manifest["files"]["lst"]["bytes"]
    ):
        raise ValueError(
            f"{path}: expected {len(records)} names as packed; it is another set's, pack again"
        )
    return names
