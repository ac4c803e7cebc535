"""IJB's tables of galleries and probes for 1:N (formats.md 2.11)."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eval.metrics.folds import Ints
from eval.protocols.ijb_templates import Templates


@dataclass(frozen=True)
class Listed:
    """Templates of a list, in its order.

    Attributes:
        path: of the list.
        rows: of the pooled templates.
        subject: person of each.
        lines: first line of each.
    """

    path: str
    rows: NDArray[np.intp]
    subject: Ints
    lines: list[int]


def read_table(path: str, templates: Templates) -> Listed:
    """Templates and subjects of a CSV with a header; a template may have many lines.

    Raises:
        ValueError: no such columns, a template of two subjects or without images; line named.
        OSError: it cannot be read.
    """
    first: dict[int, tuple[int, int]] = {}
    table = _rows(path)
    header = [field.strip().upper() for field in next(table, (1, []))[1]]
    if not {"TEMPLATE_ID", "SUBJECT_ID"} <= set(header):
        raise ValueError(
            f"{path}, line 1: expected columns TEMPLATE_ID and SUBJECT_ID, found {header}"
        )
    places = header.index("TEMPLATE_ID"), header.index("SUBJECT_ID")
    for line, fields in table:
        if not fields:
            continue
        try:
            template, subject = (int(np.int64(int(fields[place]))) for place in places)
        except (ValueError, IndexError, OverflowError):
            raise ValueError(
                f"{path}, line {line}: expected numbers below 2^63 for template and subject, found "
                f"{','.join(fields)!r}"
            ) from None
        known, above = first.setdefault(template, (subject, line))
        if known != subject:
            raise ValueError(
                f"{path}, line {line}: template {template} of subject {subject}, on line "
                f"{above} it is of {known}"
            )
    if not first:
        raise ValueError(f"{path}: names no template; get the file again")
    ids = np.array(list(first), dtype=np.int64)
    rows, there = templates.rows(ids)
    lines = [line for _, line in first.values()]
    if not there.all():
        place = int(np.flatnonzero(~there)[0])
        raise ValueError(
            f"{path}, line {lines[place]}: template {ids[place]} has no image in "
            f"{templates.where}; use lists of one set"
        )
    subject_n = np.array([subject for subject, _ in first.values()], dtype=np.int64)
    return Listed(path, rows, subject_n, lines)


def _rows(path: str) -> Iterator[tuple[int, list[str]]]:
    """Line, from 1, and fields of each row of a CSV."""
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        try:
            for fields in reader:
                yield reader.line_num, fields
        except UnicodeDecodeError:
            raise ValueError(
                f"{path}: expected CSV in UTF-8, found other bytes after line {reader.line_num}"
            ) from None
        except csv.Error as error:
            raise ValueError(
                f"{path}, line {reader.line_num}: not CSV ({error}); is a quote not closed?"
            ) from None


def check_disjoint(galleries: list[Listed]) -> None:
    """Refuses galleries that hold a person twice, together or alone.

    Raises:
        ValueError: one does; the line is named.
    """
    seen: dict[int, str] = {}
    for gallery in galleries:
        for subject, line in zip(gallery.subject.tolist(), gallery.lines):
            if subject in seen:
                raise ValueError(
                    f"{gallery.path}, line {line}: subject {subject} has a template in "
                    f"{seen[subject]} already; galleries hold each person once"
                )
            seen[subject] = f"line {line} of {gallery.path}"
