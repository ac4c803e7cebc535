"""Which key each record found in a damaged .rec has, whatever is left of its index."""

from pathlib import Path

import numpy as np

from data_prep.records.index import read_index
from data_prep.records.manifest import with_suffix

NO_KEY = 1 << 62
"""Records whose id cannot be a key get one from here on that nothing else has."""


def match_index(prefix: Path, records: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Key of each record, the line of the index that names it (or -1), and what is wrong there.

    Ids are the keys where they mostly are those of the index, or where there is no usable index and
    they mostly differ.

    Args:
        prefix: of the set.
        records: structured [n] with `id` and `offset`, ascending by offset.

    Returns:
        Keys and lines, int64 [n] each, and the notes.
    """
    path = with_suffix(prefix, "idx")
    ids, offsets = records["id"], records["offset"]
    unnamed = np.full(len(ids), -1)
    alone = ids if 2 * len(np.unique(ids)) > len(ids) else np.arange(len(ids))
    if not path.exists():
        return alone, unnamed, [f"{path}: missing"]
    try:
        stated, named_offsets = read_index(path)
    except ValueError as error:
        return alone, unnamed, [without_advice(error)]
    places = np.searchsorted(offsets, named_offsets)
    hits = np.append(offsets, -1)[places] == named_offsets
    lines = unnamed.copy()
    lines[places[hits]] = np.flatnonzero(hits)
    named = lines >= 0
    keys = np.where(named, stated[lines], ids)
    agree = (keys == ids) | (ids >= NO_KEY)
    numbered = 2 * agree[named].sum() > named.sum()
    notes = []
    if not hits.all():
        line = int(np.argmin(hits))
        notes.append(
            f"{path}, line {line + 1}: gives key {stated[line]} the byte {named_offsets[line]}, "
            f"where no sound record begins; {(~hits).sum()} of {len(hits)} lines are like that"
        )
    if not named.all():
        first = offsets[np.argmin(named)]
        notes.append(f"{path}: does not name {(~named).sum()} records, first at byte {first}")
    if numbered and not agree.all():
        first = int(np.argmin(agree))
        notes.append(
            f"{path}, line {lines[first] + 1}: gives key {keys[first]} to the record with id "
            f"{ids[first]} at byte {offsets[first]}; {(~agree).sum()} lines are like that"
        )
    if 2 * hits.sum() <= len(hits):
        return alone, unnamed, notes
    if not numbered:
        keys[~named] = NO_KEY + offsets[~named]
    elif len(np.unique(ids)) == len(ids):
        keys = np.where(ids < NO_KEY, ids, keys)
    return keys, lines, notes


def repeated_records(keys: np.ndarray, lines: np.ndarray) -> list[int]:
    """Places of records whose key a later line of the index gives to another one.

    Args:
        keys: int64 [n].
        lines: of the index, -1 where it has none, int64 [n].
    """
    order = np.lexsort((lines, keys))
    same = (keys[order[1:]] == keys[order[:-1]]) & (lines[order[1:]] >= 0)
    return order[:-1][same].tolist()


def without_advice(error: ValueError) -> str:
    """What is wrong, without what to do about it."""
    return str(error).partition(";")[0]
