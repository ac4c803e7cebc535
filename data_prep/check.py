"""Every way in which a record set can be wrong, looked for."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from data_prep.files import sha256_file
from data_prep.images import decode
from data_prep.parallel import ordered_map
from data_prep.records.manifest import ROLES, with_suffix
from data_prep.records.reader import RecordSet, read_property


def find_problems(prefix: Path, *, workers: int = 1) -> list[str]:
    """The problems of a set, one line each; none for a good one.

    Looks at framing and index, counts against manifest and `property`, checksums, labels (grouped
    by person, none left out, in range) and identity records, and decodes every image.

    Raises:
        OSError: the .rec cannot be read.
    """
    try:
        records = RecordSet(prefix)
    except ValueError as error:
        # Without a table of records nothing else can be looked at.
        return [str(error)]
    problems = _file_problems(records) + _label_problems(records)
    size = _stated_size(records, problems)
    look = partial(_image_problem, records, size)
    found = ordered_map(look, range(len(records)), workers)
    bar = tqdm(found, total=len(records), desc="check", unit="image", delay=2)
    return problems + [problem for problem in bar if problem]


def _file_problems(records: RecordSet) -> list[str]:
    """Files that are not those of the manifest."""
    if records.manifest is None:
        return []
    problems = []
    for role in ROLES:
        path = with_suffix(records.prefix, role)
        stated = records.manifest["files"][role]["sha256"]
        if not path.exists():
            problems.append(f"{path}: missing, the manifest names it")
        elif (found := sha256_file(path)) != stated:
            problems.append(f"{path}: SHA-256 is {found[:12]}.., the manifest says {stated[:12]}..")
    return problems


def _label_problems(records: RecordSet) -> list[str]:
    """Labels in the images' headers, against each other and against the identity records."""
    try:
        labels = records.labels_in_headers()
        classes = records.num_classes
    except ValueError as error:
        return [str(error)]
    problems = []
    present = np.unique(labels)
    if labels.max() >= classes:
        problems.append(f"{records.rec}: label {labels.max()} of {classes} classes")
    if len(present) < classes:
        absent = np.setdiff1d(np.arange(classes), present)
        problems.append(
            f"{records.rec}: {len(absent)} of {classes} classes have no image, first {absent[0]}"
        )
    starts = np.flatnonzero(np.diff(labels, prepend=labels[0] - 1))
    if len(starts) != len(present):
        _, first_runs = np.unique(labels[starts], return_index=True)
        again = np.setdiff1d(np.arange(len(starts)), first_runs)[0]
        problems.append(
            f"{records.rec}, key {records.keys[starts[again]]}: label {labels[starts[again]]} "
            "comes back after other people; images are not grouped by person"
        )
    if len(records.identities.keys):
        ranges = records.identity_ranges()
        ends = np.append(starts[1:], len(labels))
        if ranges is None or not np.array_equal(ranges, np.stack([starts, ends], 1)):
            problems.append(f"{records.rec}: identity records are not the ranges of equal labels")
    return problems


def _stated_size(records: RecordSet, problems: list[str]) -> tuple[int, int] | None:
    """(height, width) that manifest or `property` state, None without either."""
    stated: dict[str, Any] = records.manifest or {}
    size = (stated["height"], stated["width"]) if stated else None
    path = records.prefix.with_name("property")
    if not path.exists():
        if stated:
            problems.append(f"{path}: missing, InsightFace's readers want it")
        return size
    try:
        classes, height, width = read_property(path)
    except ValueError as error:
        problems.append(str(error))
        return size
    if stated and (classes, height, width) != (stated["num_classes"], *(size or ())):
        problems.append(f"{path}: says {classes},{height},{width}, the manifest something else")
    return size or (height, width)


def _image_problem(records: RecordSet, size: tuple[int, int] | None, i: int) -> str:
    where = f"{records.rec}, key {records.keys[i]}"
    try:
        height, width = decode(records.image_bytes(i), where).shape[:2]
    except ValueError as error:
        return str(error)
    if size is not None and (height, width) != size:
        return f"{where}: {height}x{width} pixels (height x width), expected {size[0]}x{size[1]}"
    return ""
