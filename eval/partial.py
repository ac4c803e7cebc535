"""Embeddings in the making: an array that many processes fill, and that outlives any of them.

Beside `X.npy` stands, until X is whole, the folder `.X.partial`:

    about.json   what the rows are of, and how they are computed; written last, so it vouches for
                 the other two
    rows.npy     the array as it will be, float32 [n, D], with rows still missing
    done         a byte a batch of images, 1 once its rows are on disk

A batch is the same images whoever computes it. So a run that goes on, on any number of processes,
ends with the bytes of one that was never stopped.
"""

import os
import queue
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from data_prep.embeddings import load
from data_prep.files import read_json, write_json, write_text
from data_prep.leftovers import remove_leftovers


class Partial:
    """The folder `.X.partial` of a prefix X."""

    def __init__(self, prefix: Path) -> None:
        """Names the files; touches nothing."""
        self.prefix = prefix
        self.folder = prefix.with_name(f".{prefix.name}.partial")
        self.rows, self.done = self.folder / "rows.npy", self.folder / "done"
        self._about = self.folder / "about.json"

    def earlier(self) -> dict[str, Any] | None:
        """What was begun here, or is whole already; None where nothing was.

        Raises:
            ValueError: the file that says so is damaged.
        """
        note = self._about if self._about.is_file() else Path(f"{self.prefix}.json")
        if not note.is_file():
            return None
        about = read_json(note)
        if not isinstance(about, dict):
            raise ValueError(f"{note}: expected an object; start again without --resume")
        return about

    def is_whole(self, names: Sequence[str], shape: tuple[int, int]) -> bool:
        """Whether X is there, all of it, of these images, and nothing is being made to replace it.

        Args:
            names: of the images.
            shape: (n, D).
        """
        if self._about.is_file():
            return False
        try:
            found = load(self.prefix)
        except (ValueError, OSError):
            return False
        return found.names == list(names) and found.vectors.shape == shape

    def can_go_on(self) -> bool:
        """Whether the folder is of use: its rows are there, or were moved to X.npy, all done."""
        begun = self._about.is_file() and self.done.is_file()
        return begun and (self.rows.is_file() or not self.todo())

    def begin(self, about: dict[str, Any], shape: tuple[int, int], batches: int) -> None:
        """Makes the folder anew, with no row done.

        Args:
            about: what the rows are of.
            shape: (n, D).
            batches: of images.

        Raises:
            OSError: the array does not fit the disk; its place is taken now, not found wanting
                hours later.
        """
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        try:
            mapped = np.lib.format.open_memmap(self.rows, mode="w+", dtype=np.float32, shape=shape)
            mapped.flush()
            del mapped
            with self.rows.open("rb+") as file:
                if hasattr(os, "posix_fallocate"):  # Linux
                    os.posix_fallocate(file.fileno(), 0, self.rows.stat().st_size)
                os.fsync(file.fileno())
            self.done.write_bytes(bytes(batches))
            write_json(self._about, about)
        except OSError as error:
            shutil.rmtree(self.folder, ignore_errors=True)
            error.filename = f"{self.prefix}.npy"
            raise

    def todo(self) -> list[int]:
        """The batches that are not done."""
        marks = np.frombuffer(self.done.read_bytes(), np.uint8)
        return np.flatnonzero(marks == 0).tolist()

    def finish(self, names: Sequence[str], meta: dict[str, Any]) -> None:
        """Turns it into X.npy, X.txt and X.json, the last of which makes them whole.

        A call that was cut short can be made again.

        Raises:
            ValueError: rows are missing, since another run has begun anew here meanwhile.
        """
        if self.todo():
            raise ValueError(
                f"{self.prefix}: expected all rows, some are missing: another run has begun anew "
                "here; let only one of them go on"
            )
        Path(f"{self.prefix}.json").unlink(missing_ok=True)  # until it is there, X is not whole
        if self.rows.exists():
            self.rows.replace(f"{self.prefix}.npy")
        write_text(f"{self.prefix}.txt", "".join(f"{name}\n" for name in names))
        write_json(f"{self.prefix}.json", meta)
        self._about.unlink()
        self.clear()

    def clear(self) -> None:
        """Removes what is left of the making once X is whole: a kill may have come before."""
        shutil.rmtree(self.folder, ignore_errors=True)
        names = {f"{self.prefix.name}.{suffix}" for suffix in ("txt", "json")}
        remove_leftovers(self.prefix.parent.iterdir(), names)


class RowWriter:
    """Puts batches of rows into a `Partial` from a thread, and marks them once they are on disk.

    While the disk is busy batches wait, and the next flush is for all of them together. Written
    with `pwrite`, not through a map: no other process's rows are touched, on any file system, and
    a full disk is an error rather than a signal.
    """

    def __init__(self, partial: Partial) -> None:
        """Opens both files."""
        mapped = np.load(partial.rows, mmap_mode="r")
        self._start, self._row = mapped.offset, mapped.dtype.itemsize * mapped.shape[1]
        self._rows = os.open(partial.rows, os.O_RDWR)
        self._done = os.open(partial.done, os.O_RDWR)
        self._waiting: queue.Queue[tuple[int, int, bytes] | None] = queue.Queue(maxsize=64)
        self._error: BaseException | None = None
        self._name = f"{partial.prefix}.npy"
        self._thread = threading.Thread(target=self._work, name="row writer")

    def __enter__(self) -> "RowWriter":
        self._thread.start()
        return self

    def store(self, batch: int, place: int, emb_nD: np.ndarray) -> None:
        """Hands over the rows of a batch; `place` is the first one's.

        Raises:
            OSError: an earlier batch could not be written.
        """
        if self._error is not None:
            raise self._error
        self._waiting.put((batch, place, emb_nD.astype("<f4", copy=False).tobytes()))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._waiting.put(None)
        self._thread.join()
        os.close(self._rows)
        os.close(self._done)
        if self._error is not None and error is None:
            raise self._error

    def _work(self) -> None:
        more = True
        while more:
            some = [self._waiting.get()]
            while not self._waiting.empty():
                some.append(self._waiting.get())
            more = None not in some
            if self._error is None:
                try:
                    self._write([one for one in some if one is not None])
                except Exception as problem:  # raised where rows are handed over
                    if isinstance(problem, OSError):
                        problem.filename = self._name
                    self._error = problem

    def _write(self, some: list[tuple[int, int, bytes]]) -> None:
        for _, place, content in some:
            _write_all(self._rows, content, self._start + place * self._row)
        if some:
            os.fsync(self._rows)
        for batch, _, _ in some:
            _write_all(self._done, b"\x01", batch)


def _write_all(file: int, content: bytes, place: int) -> None:
    while content:
        written = os.pwrite(file, content, place)
        content, place = content[written:], place + written
