"""Header fields of many records at once, read at their fixed places in the mapped file.

A .rec is an array of 32-bit words, since every frame begins at a multiple of 4. In a record that is
not split within its header, word 2 is the flag, 3 the scalar label, 4 and 5 the id, 8 and 9 the
first labels of a list.
"""

from pathlib import Path

import numpy as np

from data_prep.records import recordio
from data_prep.records.header import EXACT_LIMIT, SIZE, unpack
from data_prep.records.layout import IDENTITY_BYTES, Table


def as_words(buffer: recordio.Buffer) -> np.ndarray:
    """The file as uint32 [bytes // 4], without copying."""
    return np.frombuffer(buffer, "<u4", count=len(buffer) // 4)


def read_ids(words: np.ndarray, table: Table) -> np.ndarray:
    """The id of each record, int64 [n]; -1 where it has none at the fixed place.

    Args:
        words: as `as_words` gives them.
        table: the records.
    """
    at = table.offsets // 4
    plain = _plain(words, table, SIZE)
    at = np.where(plain, at, 0)[:, None] + ([4, 5] if len(words) > 5 else [0, 0])
    low, high = words[at].astype(np.int64).T
    return np.where(plain & (high < 1 << 31), (high << 32) + low, -1)


def read_labels(buffer: recordio.Buffer, words: np.ndarray, table: Table, rec: Path) -> np.ndarray:
    """The label of each record as a class number, the first one of a list; int64 [n].

    Args:
        buffer: the file.
        words: the same as words.
        table: the records.
        rec: the file's path, for messages.

    Raises:
        ValueError: a label is not a whole number from 0, or a record is damaged.
    """
    at = table.offsets // 4
    plain = _plain(words, table, SIZE)
    listed = words[np.where(plain, at + 2, 0)] > 0
    plain &= ~listed | _plain(words, table, SIZE + 4)
    place = np.where(plain, at + np.where(listed, 8, 3), 0)
    labels = words.view("<f4")[place].astype(np.float64)
    for slow in np.flatnonzero(~plain):
        offset, end = int(table.offsets[slow]), int(table.ends[slow])
        payload, _ = recordio.decode(buffer, offset, end=end, where=str(rec))
        labels[slow] = unpack(payload, f"{rec}, byte {offset}")[0].labels[0]
    wrong = ~((labels >= 0) & (labels == np.floor(labels)) & (labels < 2**31))
    if wrong.any():
        bad = int(np.argmax(wrong))
        raise ValueError(
            f"{rec}, key {table.keys[bad]}: expected a class number from 0, found label "
            f"{labels[bad]:g}; not a set for classification, or damaged"
        )
    return labels.astype(np.int64)


def read_ranges(words: np.ndarray, identities: Table, images: int) -> np.ndarray | None:
    """The positions [start, stop) of each person's images, int64 [C, 2], from identity records.

    None if there are no such records, or they do not cover the images in order without gap, or
    there are more images than their float32 labels can count (formats.md 2.3).

    Args:
        words: the file as words.
        identities: its identity records.
        images: how many images it has.
    """
    if not len(identities.keys) or images >= EXACT_LIMIT:
        return None
    if (identities.ends - identities.offsets != IDENTITY_BYTES).any():
        return None
    at = identities.offsets[:, None] // 4
    if (words[at + np.arange(3)] != [recordio.MAGIC, IDENTITY_BYTES - 8, 2]).any():
        return None
    ranges = words.view("<f4")[at + np.arange(8, 10)]
    first, end = ranges.T
    tiled = first[0] == 1 and end[-1] == images + 1 and (first[1:] == end[:-1]).all()
    return ranges.astype(np.int64) - 1 if tiled and (end > first).all() else None


def _plain(words: np.ndarray, table: Table, needed: int) -> np.ndarray:
    """Whether each record has its first `needed` bytes in its first frame, bool [n]."""
    at = table.offsets // 4
    room = table.ends - table.offsets >= needed + 8
    at = np.where(room, at, 0)
    heads = words[np.minimum(at + 1, len(words) - 1)]
    fine = (words[at] == recordio.MAGIC) & (heads >> 29 <= recordio.FIRST)
    return room & fine & (heads % recordio.LENGTH_LIMIT >= needed)
