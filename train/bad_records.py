"""Records that cannot be read, where a run is to go on without them (data.bad_records: skip)."""

import json
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from torch import Tensor


class BadRecords:
    """Keeps a file of them, to which all ranks of all attempts of a run add.

    So the limit is that of the run, and needs no word between ranks: they share the run's folder.
    In place of a bad record comes the next one of the data, mostly the same person's.
    """

    def __init__(self, path: Path, *, limit: int, images: int) -> None:
        """Reads what earlier attempts found.

        Args:
            path: bad_records.jsonl of the run.
            limit: how many different ones the run bears.
            images: in the data.
        """
        self.path, self.limit, self.images = path, limit, images
        self._lock = threading.Lock()
        self._known: dict[int, str] = {}
        self._size = 0

    def __call__(self, place: int, reason: str) -> int:
        """Takes note of an image that cannot be read; the one to read in its stead.

        Raises:
            ValueError: there are more of them than the limit; names the last. Then no more are
                noted: threads still reading end with this one's words.
        """
        with self._lock:
            if place not in self._read() and len(self._known) <= self.limit:
                self._add(place, reason)
            if len(self._read()) > self.limit:
                *_, last = self._known.values()
                raise ValueError(
                    f"{self.path}: {len(self._known)} records cannot be read, data.bad_limit is "
                    f'{self.limit}; the last: {last}; mend the set with "python -m data_prep '
                    'repair", or raise the limit'
                )
        return (place + 1) % self.images

    def count(self) -> int:
        """Different bad records that all ranks have met so far."""
        with self._lock:
            return len(self._read())

    def counted(
        self, batches: Iterable[tuple[Tensor, Tensor]], step: int, tell: Callable[[int, int], None]
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Hands batches on, and tells (step, count) before one if there are more than before.

        Args:
            batches: of the steps after `step`.
            step: that the run starts from.
            tell: where that is to be said.
        """
        told = 0
        for step, batch in enumerate(batches, start=step + 1):  # noqa: B020
            count = self.count()
            if count > told:
                tell(step, count)
                told = count
            yield batch

    def _add(self, place: int, reason: str) -> None:
        line = json.dumps({"image": place, "reason": reason}) + "\n"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self._size and not self.path.read_bytes().endswith(b"\n"):
            line = "\n" + line  # after one that a kill cut short
        with self.path.open("ab", buffering=0) as file:  # one write: lines of ranks do not mix
            file.write(line.encode())
        print(f"python -m train: left out: {reason}", file=sys.stderr)

    def _read(self) -> dict[int, str]:
        """What the file says by now."""
        size = self.path.stat().st_size if self.path.exists() else 0
        if size != self._size:
            for line in self.path.read_text(encoding="utf-8").splitlines():
                with suppress(ValueError):  # a line that a kill cut short
                    one = json.loads(line)
                    self._known[one["image"]] = one["reason"]
            self._size = size
        return self._known
