"""Writing a record set exactly as InsightFace lays it out (formats.md 2.4)."""

import hashlib
import os
import zlib
from array import array
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from data_prep.files import json_text, written_aside
from data_prep.records import manifest, recordio
from data_prep.records.header import is_exact, pack_class, pack_range
from data_prep.records.index import format_index

_LINES = 1 << 16
"""Lines of the index made at once; all at once they would take a hundred bytes each."""


class RecordSetWriter:
    """Writes PREFIX.rec, .idx, .lst, .crc, property and, last of all, PREFIX.manifest.json.

    Keys 1 to N are the images, grouped by person; N+1 to N+C one identity record a person with the
    range of its image keys; key 0, written last, the header record. Labels are given in the order
    in which people first come. Numbers that float32 labels cannot hold stand beside them as
    integers (docs/formats.md, "Sets past 2^24"). Used as a context manager; if the block raises,
    nothing is left behind.

        with RecordSetWriter("data/train", height=112, width=112) as writer:
            writer.add("Ada", jpeg_bytes, "Ada/0001.jpg")
    """

    def __init__(
        self, prefix: str | Path, *, height: int, width: int, details: dict[str, Any] | None = None
    ):
        """Opens the files aside.

        Args:
            prefix: `dir/train`; the folder is created.
            height: rows of every image, pixels.
            width: columns of every image, pixels.
            details: further fields of the manifest (source, command ...); may be filled until the
                block ends.

        Raises:
            ValueError: another set lies in that folder (a `property` file speaks for one set).
        """
        self.prefix = manifest.as_prefix(prefix)
        self.details = details if details is not None else {}
        self._height, self._width = height, width
        others = sorted(
            path
            for path in self.prefix.parent.glob("*.rec")
            if path.name != f"{self.prefix.name}.rec"
        )
        if others:
            raise ValueError(
                f"{self.prefix.parent}: expected no other record set, found {others[0].name}; "
                "the file `property` speaks for one set a folder: write to a folder of its own"
            )
        self.class_names: list[str] = []
        self._known: set[str] = set()
        self._first_keys: list[int] = []
        self._offsets = array("q")
        self._crcs = array("I")
        self._position = 0
        self._hash = hashlib.sha256()

    def __enter__(self) -> Self:
        self._files = ExitStack()
        # Renamed in the reverse order: .rec first, the manifest last.
        self._aside = {
            role: self._files.enter_context(written_aside(self._path(role)))
            for role in ("manifest.json", "property", "crc", "lst", "idx", "rec")
        }
        self._rec = self._files.enter_context(self._aside["rec"].open("wb"))
        self._lst = self._files.enter_context(self._aside["lst"].open("w", encoding="utf-8"))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self._files.__exit__(kind, error, trace)
            return
        with self._files:
            text = json_text(self._finish())
            self._aside["manifest.json"].write_text(text, encoding="utf-8")
            # A disk that is full says so at the latest here, while the earlier set is whole.
            for path in self._aside.values():
                with path.open("rb+") as file:
                    os.fsync(file.fileno())
            # A manifest never stands beside the files of another run.
            manifest.manifest_path(self.prefix).unlink(missing_ok=True)

    def add(self, person: str, image: bytes, name: str) -> None:
        """Writes one image; those of a person must follow each other.

        Args:
            person: whose face; gets the next label where it is new.
            image: encoded JPEG or PNG, stored as it is.
            name: where it came from, a relative path; kept in the .lst.

        Raises:
            ValueError: a person comes back after another, a name breaks the .lst, or the image is
                empty.
        """
        key = len(self._crcs) + 1
        if not image:
            raise ValueError(f"{name}: expected an encoded image, found no bytes")
        if any(character in name for character in "\t\r\n"):
            raise ValueError(
                f"{name!r}: expected a name without tabs and line ends; rename the file"
            )
        if not self.class_names or person != self.class_names[-1]:
            if person in self._known:
                raise ValueError(
                    f"{name}: images of {person!r} do not follow each other; sort by person"
                )
            self._known.add(person)
            self.class_names.append(person)
            self._first_keys.append(key)
        label = len(self.class_names) - 1
        payload = pack_class(label, key, image)
        self._write(payload)
        self._crcs.append(zlib.crc32(payload))
        self._lst.write(f"{key}\t{label}\t{name}\n")

    def _write(self, payload: bytes) -> None:
        frames = recordio.encode(payload)
        self._offsets.append(self._position)
        self._rec.write(frames)
        self._hash.update(frames)
        self._position += len(frames)

    def _finish(self) -> dict[str, Any]:
        """Writes identity and header records and the small files; returns the manifest."""
        images, classes = len(self._crcs), len(self.class_names)
        if not images:
            raise ValueError(f"{self.prefix}: expected at least one image to write, found none")
        last = images + 1 + classes
        # Whatever label is past the limit, the header record's second one is.
        wide = not is_exact(last)
        ends = [*self._first_keys[1:], images + 1]
        for place, (first, end) in enumerate(zip(self._first_keys, ends)):
            self._write(pack_range(first, end, images + 1 + place, wide=wide))
        self._write(pack_range(images + 1, last, 0, id2=1, wide=wide))
        self._rec.close()
        self._lst.close()
        self._write_index()
        self._aside["crc"].write_bytes(np.array(self._crcs, "<u4").tobytes())
        self._aside["property"].write_text(f"{classes},{self._height},{self._width}\n")
        files = {role: manifest.file_entry(self._aside[role]) for role in ("idx", "crc", "lst")}
        files["rec"] = {"bytes": self._position, "sha256": self._hash.hexdigest()}
        return {
            "schema": manifest.SCHEMA,
            "images": images,
            "num_classes": classes,
            "height": self._height,
            "width": self._width,
            "files": files,
            **({"wide": True} if wide else {}),
            "skipped": [],
            **self.details,
            "class_names": self.class_names,
        }

    def _write_index(self) -> None:
        keys = np.append(np.arange(1, len(self._offsets)), 0)
        offsets = np.frombuffer(self._offsets, np.int64)
        with self._aside["idx"].open("wb") as file:
            for start in range(0, len(keys), _LINES):
                here = slice(start, start + _LINES)
                file.write(format_index(keys[here], offsets[here]))

    def _path(self, role: str) -> Path:
        if role == "property":
            return self.prefix.with_name("property")
        return manifest.with_suffix(self.prefix, role)
