"""What in a record set, however damaged, can be used, and what cannot and why."""

import mmap
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from data_prep.found_keys import NO_KEY, match_index, repeated_records, without_advice
from data_prep.images import decode
from data_prep.parallel import ordered_map
from data_prep.records.header import EXACT_LIMIT, LARGEST_CLASS, is_exact, unpack, unpack_range
from data_prep.records.manifest import as_prefix, rec_of, with_suffix
from data_prep.salvage import Damage, Found, salvage
from data_prep.traps import stated_shape

DAMAGED = "damaged stretch of bytes"
TAIL = "damaged or cut end"
EMPTY = "no image"
LABEL = "no class number"
IMAGE = "undecodable image"
SIZE = "other size"
REPEATED = "repeated key"
CHECKSUM = "wrong CRC-32"

_STRUCTURE = "header or identity record"
"""Neither an image nor dropped: what InsightFace's layout has besides."""

_RECORD = np.dtype(
    [
        ("offset", np.int64),
        ("end", np.int64),
        ("id", np.int64),
        ("label", np.float64),
        ("crc", np.uint32),
        ("height", np.int32),
        ("width", np.int32),
    ]
)
_BLOCK = 1 << 16

_Refused = dict[int, tuple[str, str]]
"""Why the record at a place is not used: its kind and the reason."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """A record, or bytes that are none, without use.

    Attributes:
        kind: one of this module's words for it.
        offset: its first byte.
        key: where it has one.
        reason: what is wrong, in one line.
    """

    kind: str
    offset: int
    key: int | None
    reason: str


@dataclass(frozen=True)
class Survey:
    """The images of a set that can be used, ordered by label, then by key.

    Attributes:
        rec: the file.
        keys: int64 [n].
        offsets: first byte of each record, int64 [n].
        ends: the byte after each record's padding, int64 [n].
        labels: as stored, int64 [n].
        size: (height, width) of all of them, pixels.
        dropped: what cannot be used, ordered by byte.
        notes: what is wrong with other files of the set, one line each.
    """

    rec: Path
    keys: np.ndarray
    offsets: np.ndarray
    ends: np.ndarray
    labels: np.ndarray
    size: tuple[int, int]
    dropped: list[Dropped]
    notes: list[str]


def survey(prefix: str | Path, *, size: tuple[int, int] | None = None, workers: int = 1) -> Survey:
    """Looks at every byte of PREFIX.rec, and decodes every image.

    Of records with the same key the one counts that the index names last, as in MXNet. Images of
    another size than `size` are dropped; without it that of manifest or `property` counts if any
    image has it, otherwise the most frequent one.

    Args:
        prefix: `dir/train` or `dir/train.rec`; other files of the set may be wrong or missing.
        size: (height, width) that images must have, pixels.
        workers: threads.

    Raises:
        ValueError: there is no usable image.
        OSError: the .rec cannot be read.
    """
    prefix = as_prefix(prefix)
    rec = rec_of(prefix)
    records, refused, damages = _read(rec, workers)
    keys, lines, notes = match_index(prefix, records)
    for i in repeated_records(keys, lines):
        if not _is_structure(refused, i):
            refused[i] = (REPEATED, f"key {keys[i]} comes again, the later record counts")
    notes += _refuse_by_checksum(prefix, keys, records, refused)
    usable = _without(refused, len(records))
    if len(usable):
        size = size or _common_size(prefix, records[usable], notes)
        usable = _refuse_by_size(size, usable, records, refused)
    if not len(usable) or size is None:
        reasons = Counter(kind for kind, _ in refused.values()) + Counter(DAMAGED for _ in damages)
        counts = ", ".join(f"{count} {kind}" for kind, count in reasons.most_common())
        raise ValueError(f"{rec}: no image can be used ({counts}); get the set again")
    labels = records["label"][usable].astype(np.int64)
    usable = usable[order := np.lexsort((keys[usable], labels))]
    return Survey(
        rec,
        keys[usable],
        records["offset"][usable],
        records["end"][usable],
        labels[order],
        size,
        _dropped(rec, keys, records, refused, damages),
        notes,
    )


@contextmanager
def mapped(rec: Path) -> Iterator[bytes | mmap.mmap]:
    """The bytes of a file, not read before they are used."""
    with rec.open("rb") as file:
        if rec.stat().st_size == 0:
            yield b""
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as buffer:
            yield buffer


def _read(rec: Path, workers: int) -> tuple[np.ndarray, _Refused, list[Damage]]:
    """Every record as `_RECORD`, why records are no images, and bytes that are no records."""
    blocks, rows = [np.zeros(0, _RECORD)], []
    refused: _Refused = {}
    damages = []
    with (
        mapped(rec) as buffer,
        tqdm(total=len(buffer), desc="read", unit="B", unit_scale=True, delay=2) as bar,
    ):
        count = 0
        for found in ordered_map(_look, salvage(buffer), workers):
            if isinstance(found, Damage):
                damages.append(found)
                bar.update(found.end - bar.n)
                continue
            row, problem = found
            bar.update(row[1] - bar.n)
            if problem:
                refused[count] = problem
            count += 1
            rows.append(row)
            if len(rows) == _BLOCK:
                blocks.append(np.array(rows, _RECORD))
                rows = []
    return np.concatenate([*blocks, np.array(rows, _RECORD)]), refused, damages


def _look(found: Found | Damage) -> Damage | tuple[tuple, tuple[str, str] | None]:
    """One record as a row of `_RECORD`, and why it is no image."""
    if isinstance(found, Damage):
        return found
    offset, end, payload = found.offset, found.end, found.payload
    crc = zlib.crc32(payload)
    try:
        header, data = unpack(payload, "the record")
    except ValueError as error:
        return (offset, end, NO_KEY + offset, 0, crc, 0, 0), (EMPTY, without_advice(error))
    label = header.labels[0]
    key = header.id if header.id < NO_KEY else NO_KEY + offset
    height = width = 0
    problem = None
    if header.flag == 2 and (not data or unpack_range(header, data)):
        problem = (_STRUCTURE, "")
    elif not data:
        problem = (EMPTY, "the record is empty")
    elif not (0 <= label <= LARGEST_CLASS and label == np.floor(label)):
        problem = (LABEL, f"expected a class number from 0, found label {label:g}")
    elif not is_exact(label) and np.float32(header.id2) != label:
        problem = (LABEL, f"float32 cannot tell class {label:.0f} from others beyond {EXACT_LIMIT}")
    else:
        try:
            height, width = decode(data, "the image").shape[:2]
        except ValueError as error:
            problem = (IMAGE, without_advice(error))
        label = label if is_exact(label) else header.id2
    return (offset, end, key, label, crc, height, width), problem


def _refuse_by_checksum(
    prefix: Path, keys: np.ndarray, records: np.ndarray, refused: _Refused
) -> list[str]:
    """Refuses records that are not those our packer wrote, where it left checksums."""
    path = with_suffix(prefix, "crc")
    images = np.array([i for i in range(len(keys)) if not _is_structure(refused, i)])
    if not path.exists() or not len(images):
        return []
    stated = np.frombuffer(path.read_bytes()[: path.stat().st_size // 4 * 4], "<u4")
    known = (keys[images] >= 1) & (keys[images] <= len(stated))
    fits = np.zeros(len(images), bool)
    fits[known] = stated[keys[images][known] - 1] == records["crc"][images[known]]
    if 2 * fits.sum() < len(fits):
        return [f"{path}: its checksums are those of other images, or damaged"]
    for i in images[~fits]:
        refused.setdefault(int(i), (CHECKSUM, f"the record's CRC-32 is not that in {path.name}"))
    return []


def _common_size(prefix: Path, images: np.ndarray, notes: list[str]) -> tuple[int, int]:
    """(height, width) that the set's images are to have, pixels."""
    sizes = Counter(images[["height", "width"]].tolist())
    try:
        if (stated := stated_shape(prefix)) and stated[1:] in sizes:
            return stated[1], stated[2]
    except ValueError as error:
        notes.append(without_advice(error))
    return sizes.most_common(1)[0][0]


def _refuse_by_size(
    size: tuple[int, int], usable: np.ndarray, records: np.ndarray, refused: _Refused
) -> np.ndarray:
    """Refuses images of other sizes; the places of the rest."""
    shapes = np.stack([records["height"][usable], records["width"][usable]], 1)
    fits = (shapes == size).all(1)
    for i, (height, width) in zip(usable[~fits].tolist(), shapes[~fits].tolist()):
        refused[i] = (
            SIZE,
            f"{height}x{width} pixels (height x width), expected {size[0]}x{size[1]}",
        )
    return usable[fits]


def _dropped(
    rec: Path, keys: np.ndarray, records: np.ndarray, refused: _Refused, damages: list[Damage]
) -> list[Dropped]:
    """All that is not used, ordered by byte."""
    end = rec.stat().st_size
    dropped = [
        Dropped(TAIL if one.end == end else DAMAGED, one.offset, None, one.reason)
        for one in damages
    ]
    for i, (kind, reason) in refused.items():
        if kind != _STRUCTURE:
            key = int(keys[i]) if keys[i] < NO_KEY else None
            dropped.append(Dropped(kind, int(records["offset"][i]), key, reason))
    return sorted(dropped, key=lambda one: one.offset)


def _without(refused: _Refused, count: int) -> np.ndarray:
    """The places that are not refused, int64 ascending."""
    mask = np.ones(count, bool)
    mask[list(refused)] = False
    return np.flatnonzero(mask)


def _is_structure(refused: _Refused, place: int) -> bool:
    return place in refused and refused[place][0] == _STRUCTURE
