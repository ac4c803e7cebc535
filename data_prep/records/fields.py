"""Header fields of many records at once, read at their fixed places in the mapped file.

A .rec is an array of 32-bit words, since every frame begins at a multiple of 4. In a record that is
not split within its header, word 2 is the flag, 3 the scalar label, 4 and 5 the id, 6 and 7 id2,
8 and 9 the first labels of a list, 10 to 13 the exact range of a wide identity record.
"""

from pathlib import Path

import numpy as np

from data_prep.records import recordio
from data_prep.records.header import EXACT_LIMIT, LARGEST_CLASS, SIZE, is_exact, unpack
from data_prep.records.layout import Table, identity_bytes


def as_words(buffer: recordio.Buffer) -> np.ndarray:
    """The file as uint32 [bytes // 4], without copying."""
    return np.frombuffer(buffer, "<u4", count=len(buffer) // 4)


def read_ids(words: np.ndarray, table: Table) -> np.ndarray:
    """The id of each record, int64 [n]; -1 where it has none at the fixed place.

    Args:
        words: as `as_words` gives them.
        table: the records.
    """
    plain = _plain(words, table, SIZE)
    return np.where(plain, _int64(words, np.where(plain, table.offsets // 4 + 4, 0)), -1)


def read_labels(
    buffer: recordio.Buffer, words: np.ndarray, table: Table, rec: Path, wide: bool = False
) -> np.ndarray:
    """The label of each record as a class number, the first one of a list; int64 [n].

    Args:
        buffer: the file.
        words: the same as words.
        table: the records.
        rec: the file's path, for messages.
        wide: labels from 2**24 on stand in id2.

    Raises:
        ValueError: a label is not a whole number from 0, or from 2**24 on and rounded for all that
            can be known, or a record is damaged.
    """
    at = table.offsets // 4
    plain = _plain(words, table, SIZE)
    listed = words[np.where(plain, at + 2, 0)] > 0
    plain &= ~listed | _plain(words, table, SIZE + 4)
    place = np.where(plain, at + np.where(listed, 8, 3), 0)
    with np.errstate(invalid="ignore"):  # a damaged label may be a signalling NaN
        labels = words.view("<f4")[place].astype(np.float64)
    exact = _int64(words, np.where(plain, at + 6, 0)) if wide else np.zeros(len(at), np.int64)
    for slow in np.flatnonzero(~plain):
        offset, end = int(table.offsets[slow]), int(table.ends[slow])
        payload, _ = recordio.decode(buffer, offset, end=end, where=str(rec))
        header, _ = unpack(payload, f"{rec}, byte {offset}")
        labels[slow], exact[slow] = header.labels[0], min(header.id2, LARGEST_CLASS)
    wrong = ~((labels >= 0) & (labels == np.floor(labels)) & (labels <= LARGEST_CLASS))
    if wrong.any():
        bad = int(np.argmax(wrong))
        raise ValueError(
            f"{rec}, key {table.keys[bad]}: expected a class number from 0, found label "
            f"{labels[bad]:g}; not a set for classification, or damaged"
        )
    large = ~is_exact(labels)
    # In a wide set the label is the exact one's nearest float32; elsewhere there is no other.
    lost = large & ~(wide & (exact.astype(np.float32) == labels))
    if lost.any():
        bad = int(np.argmax(lost))
        raise ValueError(
            f"{rec}, key {table.keys[bad]}: found label {labels[bad]:.0f}, float32 cannot tell "
            f"class numbers apart from {EXACT_LIMIT} on; pack the set again, from its images"
        )
    return np.where(large, exact, labels.astype(np.int64))


def read_ranges(
    words: np.ndarray, identities: Table, images: int, wide: bool = False
) -> np.ndarray | None:
    """The positions [start, stop) of each person's images, int64 [C, 2], from identity records.

    None if there are no such records, or they do not cover the images in order without gap, or
    there are more images than their float32 labels can count (formats.md 2.3) and no exact numbers.

    Args:
        words: the file as words.
        identities: its identity records.
        images: how many images it has.
        wide: the records carry exact ranges.
    """
    if not len(identities.keys) or not (wide or is_exact(images)):
        return None
    size = identity_bytes(wide)
    if (identities.ends - identities.offsets != size).any():
        return None
    at = identities.offsets[:, None] // 4
    if (words[at + np.arange(3)] != [recordio.MAGIC, size - 8, 2]).any():
        return None
    if wide:
        ranges = _int64(words, at + np.array([10, 12]))
    else:
        labels = words.view("<f4")[at + np.array([8, 9])]
        # Compared as floats first: NaN and infinity have no integer.
        if not ((labels >= 1) & (labels <= images + 1)).all():
            return None
        ranges = labels.astype(np.int64)
    first, end = ranges.T
    tiled = first[0] == 1 and end[-1] == images + 1 and (first[1:] == end[:-1]).all()
    return ranges - 1 if tiled and (end > first).all() else None


def _int64(words: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The integers of two words each that begin at the words `at`; -1 where int64 is too small."""
    low = words[np.minimum(at, len(words) - 1)].astype(np.int64)
    high = words[np.minimum(at + 1, len(words) - 1)].astype(np.int64)
    return np.where(high < 1 << 31, (high << 32) + low, -1)


def _plain(words: np.ndarray, table: Table, needed: int) -> np.ndarray:
    """Whether each record has its first `needed` bytes in its first frame, bool [n]."""
    at = table.offsets // 4
    room = table.ends - table.offsets >= needed + 8
    at = np.where(room, at, 0)
    heads = words[np.minimum(at + 1, len(words) - 1)]
    fine = (words[at] == recordio.MAGIC) & (heads >> 29 <= recordio.FIRST)
    return room & fine & (heads % recordio.LENGTH_LIMIT >= needed)
