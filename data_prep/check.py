"""Every way in which a record set can be wrong, looked for."""

from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from data_prep.files import sha256_file
from data_prep.images import decode
from data_prep.parallel import ordered_map
from data_prep.records.index import read_index
from data_prep.records.layout import rebuild_index
from data_prep.records.manifest import ROLES, as_prefix, with_suffix
from data_prep.records.reader import RecordSet
from data_prep.survey import mapped, survey
from data_prep.traps import (
    header_problems,
    identity_problems,
    label_problems,
    property_problems,
    repeated_keys,
    stated_classes,
    stated_shape,
)


def find_problems(prefix: Path, *, workers: int = 1) -> list[str]:
    """The problems of a set, one line each; none for a good one.

    Looks at framing and index, counts against manifest and `property`, checksums, labels (grouped
    by person, none left out, in range), header and identity records, and decodes every image.
    Where .rec and index do not fit together it goes on with what can be found in the .rec alone.

    Raises:
        OSError: the .rec cannot be read.
    """
    try:
        records = RecordSet(prefix)
    except ValueError as error:
        return list(dict.fromkeys([str(error), *_survey_problems(prefix, workers)]))
    problems = _file_problems(records) + _structure_problems(records)
    images, is_damaged = _image_problems(records, workers, _stated_size(records))
    problems += images
    if is_damaged:
        with suppress(ValueError):  # no image at all: each is named above
            problems += survey(prefix, workers=workers).notes
    return list(dict.fromkeys(problems))


def _file_problems(records: RecordSet) -> list[str]:
    """Files that are not those of the manifest, or do not agree."""
    problems, stated = [], None
    for role in ROLES if records.manifest else ():
        assert records.manifest is not None
        path = with_suffix(records.prefix, role)
        expected = records.manifest["files"][role]["sha256"]
        if not path.exists():
            problems.append(f"{path}: missing, the manifest names it")
        elif (found := sha256_file(path)) != expected:
            problems.append(
                f"{path}: SHA-256 is {found[:12]}.., the manifest says {expected[:12]}.."
            )
    if records.manifest:
        stated = stated_shape(records.prefix)
    path = records.prefix.with_name("property")
    return problems + property_problems(path, len(records), stated)


def _structure_problems(records: RecordSet) -> list[str]:
    """Labels, keys, header and identity records, as far as they can be read."""
    problems = []
    idx = with_suffix(records.prefix, "idx")
    with mapped(records.rec) as buffer:
        try:
            if idx.exists():
                problems += repeated_keys(idx)
            labels = records.labels_in_headers()
            classes, source = stated_classes(records.prefix, records.rec, labels)
            problems += label_problems(records.rec, records.keys, labels, classes, source)
            keys, offsets = read_index(idx) if idx.exists() else rebuild_index(buffer, records.rec)
            (zeros,) = np.nonzero(keys == 0)
            if len(zeros):
                offset = int(offsets[zeros[-1]])
                count = len(records.identities.keys)
                problems += header_problems(records.rec, buffer, offset, len(labels), count)
            if len(records.identities.keys):
                problems += identity_problems(
                    records.rec, buffer, records.identities, records.keys, labels
                )
        except ValueError as error:
            problems.append(str(error))
    return problems


def _image_problems(
    records: RecordSet, workers: int, size: tuple[int, int] | None
) -> tuple[list[str], bool]:
    """Images that cannot be decoded, or have another size than stated or than most.

    Also whether a record is damaged or not where the index has it, and not only its image.
    """
    found = ordered_map(partial(_look, records), range(len(records)), workers)
    sizes = np.zeros((len(records), 2), np.int32)
    problems, is_damaged = [], False
    for i, one in enumerate(tqdm(found, total=len(records), desc="check", unit="image", delay=2)):
        if isinstance(one, tuple):
            sizes[i] = one
        else:
            problems.append(str(one))
            is_damaged |= isinstance(one, _DamagedError)
    decoded = sizes.any(1)
    if size is None and decoded.any():
        values, counts = np.unique(sizes[decoded], axis=0, return_counts=True)
        size = tuple(values[np.argmax(counts)].tolist())
    for other in np.flatnonzero(decoded & (sizes != (size or 0)).any(1)):
        problems.append(
            f"{records.rec}, key {records.keys[other]}: {sizes[other, 0]}x{sizes[other, 1]} pixels "
            f"(height x width), expected {'x'.join(map(str, size or ()))}"
        )
    return problems, is_damaged


class _DamagedError(ValueError):
    """A record that is no whole record."""


def _look(records: RecordSet, i: int) -> tuple[int, int] | ValueError:
    """(height, width) of an image, pixels, or what is wrong with it."""
    try:
        data = records.image_bytes(i)
    except ValueError as error:
        return _DamagedError(str(error))
    try:
        height, width = decode(data, f"{records.rec}, key {records.keys[i]}").shape[:2]
    except ValueError as error:
        return error
    return height, width


def _survey_problems(prefix: Path, workers: int) -> list[str]:
    """What is wrong with a set that cannot be opened, from its .rec alone."""
    prefix = as_prefix(prefix)
    try:
        found = survey(prefix, workers=workers)
    except ValueError as error:
        return [str(error)]
    problems = list(found.notes)
    for one in found.dropped:
        key = "" if one.key is None else f", key {one.key}"
        problems.append(f"{found.rec}{key}, byte {one.offset}: {one.reason} ({one.kind})")
    order = np.argsort(found.keys, kind="stable")
    keys, labels = found.keys[order], found.labels[order]
    try:
        classes, source = stated_classes(prefix, found.rec, labels)
    except ValueError as error:
        return [*problems, str(error)]
    return problems + label_problems(found.rec, keys, labels, classes, source)


def _stated_size(records: RecordSet) -> tuple[int, int] | None:
    """(height, width) that manifest or `property` state, pixels; None without either."""
    try:
        stated = stated_shape(records.prefix)
    except ValueError:
        return None
    return stated[1:] if stated else None
