"""What is wrong with sets that can be read: labels, keys and special records (formats.md 2.4)."""

from pathlib import Path

import numpy as np

from data_prep.records import recordio
from data_prep.records.header import EXACT_LIMIT, is_exact, unpack, unpack_range
from data_prep.records.index import read_index
from data_prep.records.layout import Table
from data_prep.records.manifest import manifest_path, read_manifest, read_property


def stated_shape(prefix: Path) -> tuple[int, int, int] | None:
    """(classes, height, width) as the manifest or `property` states them; None without either.

    Raises:
        ValueError: the file is damaged.
    """
    if stated := read_manifest(prefix):
        return stated["num_classes"], stated["height"], stated["width"]
    path = prefix.with_name("property")
    return read_property(path) if path.exists() else None


def stated_classes(prefix: Path, rec: Path, labels: np.ndarray) -> tuple[int, Path]:
    """How many classes there are to be, and the file that says so; without one, the .rec itself.

    Raises:
        ValueError: as `stated_shape`.
    """
    stated = stated_shape(prefix)
    if stated is None:
        return int(labels.max()) + 1, rec
    path = manifest_path(prefix)
    return stated[0], path if path.exists() else prefix.with_name("property")


def label_problems(
    rec: Path, keys: np.ndarray, labels: np.ndarray, classes: int, source: Path
) -> list[str]:
    """Labels that are not grouped, not the stated classes, or beyond what float32 can say.

    Args:
        rec: the file, for messages.
        keys: of the images in key order, int64 [n].
        labels: of the images, int64 [n].
        classes: how many there are to be.
        source: the file that says so.
    """
    problems = []
    present = np.unique(labels)
    starts = run_starts(labels)
    if len(starts) != len(present):
        _, first_runs = np.unique(labels[starts], return_index=True)
        again = starts[np.setdiff1d(np.arange(len(starts)), first_runs)]
        problems.append(
            f"{rec}, key {keys[again[0]]}: label {labels[again[0]]} comes back after other people; "
            f"images are not grouped by person, {len(present)} labels come in {len(starts)} runs"
        )
    if (largest := int(present[-1])) >= classes:
        key = keys[np.argmax(labels)]
        problems.append(f"{source}: states {classes} classes, {rec}, key {key} has label {largest}")
    else:
        absent = classes - len(present)
        if absent:
            first = np.flatnonzero(np.append(present, classes) != np.arange(len(present) + 1))[0]
            problems.append(
                f"{source}: states {classes} classes, in {rec} {absent} of {classes} classes have "
                f"no image, first {first}"
            )
    return problems


def run_starts(labels: np.ndarray) -> np.ndarray:
    """Positions at which a label other than the one before begins, int64 ascending."""
    return np.flatnonzero(np.diff(labels, prepend=labels[0] - 1))


def identity_problems(
    rec: Path, buffer: recordio.Buffer, identities: Table, keys: np.ndarray, labels: np.ndarray
) -> list[str]:
    """Identity records that are not the key ranges of equal labels.

    Args:
        rec: the file, for messages.
        buffer: its bytes.
        identities: where the identity records lie.
        keys: of the images in key order, int64 [n].
        labels: of the images, int64 [n].

    Raises:
        ValueError: an identity record is damaged; names file and byte.
    """
    starts = run_starts(labels)
    ends = np.append(starts[1:], len(labels)) - 1
    problems = []
    people = len(np.unique(labels))
    if len(identities.keys) != people:
        problems.append(
            f"{rec}: {len(identities.keys)} identity records for {people} people; "
            "face2rec2 begins one at every change of label, so its list was not sorted by person"
        )
    wrong = []
    for place, (key, offset) in enumerate(zip(identities.keys, identities.offsets)):
        where = f"{rec}, key {key}, byte {offset}"
        payload, _ = recordio.decode(buffer, int(offset), where=str(rec))
        header, data = unpack(payload, where)
        exact = unpack_range(header, data)
        found = exact or header.labels
        if header.flag != 2 or (data and not exact):
            wrong.append(f"{where}: expected an identity record, found something else")
        elif place >= len(starts):
            wrong.append(f"{where}: an identity record for keys {_range(found)}, of nobody")
        elif found != (expected := (int(keys[starts[place]]), int(keys[ends[place]]) + 1)):
            wrong.append(
                f"{where}: the identity record says keys {_range(found)}, the images of label "
                f"{labels[starts[place]]} are {_range(expected)}{_rounded(expected)}"
            )
    if wrong:
        more = f"; {len(wrong)} identity records are not the ranges of equal labels"
        problems.append(wrong[0] + more)
    return problems


def header_problems(
    rec: Path, buffer: recordio.Buffer, offset: int, images: int, identities: int
) -> list[str]:
    """A record at key 0 that readers take wrongly.

    Args:
        rec: the file, for messages.
        buffer: its bytes.
        offset: first byte of the record with key 0.
        images: how many images the set has.
        identities: how many identity records.

    Raises:
        ValueError: the record is damaged; names file and byte.
    """
    where = f"{rec}, key 0, byte {offset}"
    payload, _ = recordio.decode(buffer, offset, where=str(rec))
    header, data = unpack(payload, where)
    found = unpack_range(header, data)
    if data and header.flag and not found:
        return [
            f"{where}: an image with {header.flag} labels (im2rec --pack-label); InsightFace's "
            f"readers take it for a header record that says {header.labels[0] - 1:g} images"
        ]
    says = found or header.labels
    expected = (images + 1, images + 1 + identities)
    if (data and header.flag == 0) or says == expected:
        return []
    return [
        f"{where}: the header record says identity keys {_range(says)}, they are "
        f"{_range(expected)}{_rounded(expected)}"
    ]


def repeated_keys(idx: Path) -> list[str]:
    """Keys that come more than once in an index.

    Raises:
        ValueError: a line is no index line; names it.
    """
    keys, offsets = read_index(idx)
    order = np.argsort(keys, kind="stable")
    values, firsts, counts = np.unique(keys[order], return_index=True, return_counts=True)
    problems = []
    for key, first, count in zip(values, firsts, counts):
        if count > 1:
            lines = order[first : first + count]
            where = ", ".join(f"line {line + 1} (byte {offsets[line]})" for line in lines)
            problems.append(f"{idx}: key {key} comes {count} times, {where}; readers take the last")
    return problems


def property_problems(path: Path, images: int, stated: tuple[int, int, int] | None) -> list[str]:
    """What `property` says against the manifest and the number of images.

    Args:
        path: of `property`.
        images: how many the set has.
        stated: (classes, height, width) of the manifest, if there is one.
    """
    if not path.exists():
        return [f"{path}: missing, InsightFace's readers want it"] if stated else []
    try:
        found = read_property(path)
    except ValueError as error:
        return [str(error)]
    problems = []
    if stated and found != stated:
        problems.append(f"{path}: says {found}, the manifest {stated}")
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    if len(lines) > 1 and lines[1].strip().isdecimal() and int(lines[1]) != images:
        problems.append(f"{path}, line 2: says {int(lines[1])} images, the set has {images}")
    return problems


def _range(labels: tuple[float, ...]) -> str:
    return f"{labels[0]:.0f} to {labels[1] - 1:.0f}" if len(labels) > 1 else str(labels)


def _rounded(expected: tuple[int, int]) -> str:
    """The cause, where it is the format: as labels these numbers are not exact."""
    if is_exact(expected[1]):
        return ""
    return f"; float32 cannot store every number beyond {EXACT_LIMIT}"
