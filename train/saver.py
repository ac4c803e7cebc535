"""Writes checkpoints while training goes on.

At its step a checkpoint is copied to the host's memory; a thread of each rank writes its own files
and then an empty file that says so. When all of these are there rank 0's thread renames the folder:
that makes it a checkpoint. Threads use no collectives, and a rank that dies leaves no half
checkpoint, only a folder that `clean` removes.

What a kill costs. Let d be the step of the newest checkpoint that is in its place on the disk (or
the step at which the run began). After no step s is s - d larger than `interval`: the steps that a
kill of any rank, at any moment, can take away. For that the loop begins a checkpoint twice an
interval, so that one has half of it to reach the disk, and calls `keep_up` after every step: where
the disk is slower, training waits for it.
"""

import math
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from data_prep.files import write_json
from models import comm
from train import checkpoint
from train.state import TrainState

_PAUSE = 0.05  # seconds between two looks for the other ranks' files


class Saver:
    """Saves one checkpoint at a time, all ranks together.

    Attributes:
        failed: whether this rank's files could not be written; `finish` says why.
    """

    def __init__(
        self,
        folder: Path,
        about: dict[str, Any],
        *,
        batch: int,
        keep: int,
        interval: float = math.inf,
        start: int = 0,
    ) -> None:
        """Removes what a killed run left; called by all ranks at once.

        Args:
            folder: of the checkpoints.
            about: what else `meta.json` should say.
            batch: images a step over all ranks.
            keep: how many of the newest stay, beside the best.
            interval: steps that a kill may cost; a fraction of one counts as one.
            start: step at which the run goes on.
        """
        self.folder, self.about, self.batch, self.keep = folder, about, batch, keep
        self.interval, self._safe, self._begun = math.ceil(min(interval, 1 << 60)), start, start
        self._thread: threading.Thread | None = None
        self._error: Exception | None = None
        self._written, self._given_up = threading.Event(), threading.Event()
        if comm.rank() == 0:
            checkpoint.clean(folder)
        comm.barrier()

    @property
    def failed(self) -> bool:
        """Known without waiting for anything."""
        return self._error is not None

    def save(self, state: TrainState, figures: dict[str, float] | None = None) -> None:
        """Begins to write the state as it is now; waits for the checkpoint before it first.

        Args:
            state: copied before this returns.
            figures: of its validation, if it had one.

        Raises:
            OSError: the one before could not be written.
        """
        self.finish()
        target = self.folder / f"step_{state.step:08d}"
        aside = self.folder / f".{target.name}.tmp"
        self._all_or_none(lambda: aside.mkdir(parents=True) if comm.rank() == 0 else None)
        files = checkpoint.snapshot(state)
        meta = checkpoint.facts(state, self.batch) | {"validation": figures} | self.about
        self._written.clear()
        self._given_up.clear()
        self._thread = threading.Thread(
            target=self._write, args=(aside, target, files, meta), name="checkpoint", daemon=True
        )
        self._thread.start()
        self._begun = state.step

    def keep_up(self, step: int) -> None:
        """Waits for the checkpoint under way if one more step would be one too many to lose.

        Args:
            step: steps done; the same on all ranks, which all wait or none.

        Raises:
            OSError: it could not be written.
        """
        if self._begun > self._safe and step + 1 - self._safe > self.interval:
            self.finish()

    def finish(self) -> None:
        """Waits until the last checkpoint is in its place; called by all ranks at once.

        Raises:
            OSError: it could not be written; the same on all ranks. Earlier ones are still there.
        """
        if self._thread is None:
            return
        self._all_or_none(self._written.wait)
        self._thread.join()
        self._thread = None
        self._all_or_none(lambda: None)  # the rename may fail as well, on rank 0
        self._safe = self._begun

    def _all_or_none(self, work: Callable[[], object]) -> None:
        """Does one thing on all ranks, and raises on all of them if it, or a thread, failed."""
        try:
            work()
        except OSError as error:
            self._error = error
        errors = [text for text in comm.gather_objects(_said(self._error)) if text]
        if errors:
            self._given_up.set()
            if self._thread is not None:
                self._thread.join()
            self._thread = self._error = None
            if comm.rank() == 0:
                checkpoint.clean(self.folder)
            comm.barrier()
            raise OSError(f"{errors[0]}; no checkpoint written, earlier ones are still there")

    def _write(
        self, aside: Path, target: Path, files: checkpoint.Files, meta: dict[str, Any]
    ) -> None:
        """The thread of one checkpoint."""
        try:
            checkpoint.write_files(aside, files)
            if comm.rank() == 0:
                write_json(aside / "meta.json", meta)
            (aside / _written_name(comm.rank())).touch()
            self._written.set()
            if comm.rank() == 0 and self._all_written(aside):
                for rank in range(comm.world_size()):
                    (aside / _written_name(rank)).unlink()
                checkpoint.commit(aside, target)
                checkpoint.prune(self.folder, keep=self.keep)
        except Exception as error:  # `finish` raises it, in the thread that trains
            self._error = error
        finally:
            self._written.set()

    def _all_written(self, aside: Path) -> bool:
        """Waits for the files of the other ranks; False if one of them failed."""
        names = {_written_name(rank) for rank in range(comm.world_size())}
        while not self._given_up.is_set():
            if all((aside / name).exists() for name in names):
                return True
            time.sleep(_PAUSE)
        return False


def _written_name(rank: int) -> str:
    return f"written_{rank:05d}"


def _said(error: Exception | None) -> str:
    """An error as text that other ranks can raise too, without the name of the folder aside."""
    if error is None:
        return ""
    if not isinstance(error, OSError) or not error.strerror:
        return f"{type(error).__name__}: {error}"
    path = str(error.filename or "").replace("/.step_", "/step_").replace(".tmp", "")
    return f"{path}: {error.strerror}"
