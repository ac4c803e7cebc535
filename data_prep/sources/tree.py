"""A folder tree, one folder a person: what `align` writes and most sets are handed on as."""

import os
from pathlib import Path
from typing import Any

from data_prep.align_parts import SUMMARY, read_note
from data_prep.sources.folders import read_people
from data_prep.sources.people import People

_KEPT = ("template", "settings", "detector", "landmarks_sha256", "source_sha256", "counts")


class FolderTree(People):
    """ROOT/person/image. People are in the order of sorted names, and so are their images."""

    def __init__(self, root: Path):
        """Lists the folders.

        Raises:
            ValueError: the tree has another shape.
            OSError: it cannot be read.
        """
        self.title, self._root = str(root), root
        self.people = tuple(read_people(root))

    def encoded(self, name: str) -> bytes:
        """The file's bytes."""
        with open(f"{self.title}/{name}", "rb") as file:  # noqa: PTH123  (half the time of a Path)
            return file.read()

    def length(self, name: str) -> int:
        """The file's length."""
        return os.stat(f"{self.title}/{name}").st_size  # noqa: PTH116

    def where(self, name: str) -> str:
        """The file's path."""
        return str(self._root / name)

    def about(self) -> dict[str, Any]:
        """The folder's name, and the alignment's own account if there is one."""
        source: dict[str, Any] = {"images": self._root.name}
        note = self._root / SUMMARY
        if note.exists():
            account = read_note(note)
            if not account.get("complete"):
                raise ValueError(
                    f"{note}: the alignment is not complete; go on with align --resume"
                )
            source["alignment"] = {field: account[field] for field in _KEPT if field in account}
        return source
