"""Keeps a run's page fresh while it trains, from a process of its own: no step waits for it."""

import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from train.page.gather import PAGE
from train.page.log_file import last_step
from train.page.run_file import DONE, begin_session, end_session

EVERY = 60.0
"""Seconds between two drawings, if something was logged in between."""

_FIRST = 5.0
_PATIENCE = 60.0
"""Seconds after which a drawing is given up."""


class PageKeeper:
    """Draws `folder`/page.html again and again until the block ends, and then once more.

    A page is no reason to stop a run: where it cannot be written the run goes on. Drawing is
    `python -m train --page`, so neither its time nor its faults are the run's.

    Attributes:
        outcome: why the run stopped, to be set within the block; the end of the plan otherwise.
    """

    def __init__(
        self, folder: Path, facts: dict[str, Any], session: dict[str, Any], *, active: bool
    ) -> None:
        """Notes a start in run.json.

        Args:
            folder: the run's.
            facts: `total`, `batch`, `command`, `data`, for run.json.
            session: `step`, `ranks`, `device` of this start.
            active: False on all ranks but one, where nothing happens.
        """
        self.outcome = DONE
        self._folder, self._active = folder, active
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="page", daemon=True)
        if active:
            with suppress(OSError):
                begin_session(folder, facts, {"reached": last_step(folder), **session})

    def __enter__(self) -> "PageKeeper":
        if self._active:
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._active:
            return
        if error is not None:
            self.outcome = f"{type(error).__name__}: {error}".rstrip(": ")
        self._ended.set()
        self._thread.join()
        with suppress(OSError):
            end_session(self._folder, last_step(self._folder), self.outcome)
        if not self._draw():
            print(
                f"python -m train: {self._folder / PAGE} could not be drawn; "
                f"python -m train --page {self._folder} says why",
                file=sys.stderr,
            )

    def _keep(self) -> None:
        drawn, pause = 0.0, _FIRST
        while not self._ended.wait(pause):
            pause = EVERY
            logged = self._logged()
            if logged != drawn:
                drawn = logged
                self._draw()

    def _logged(self) -> float:
        try:
            return (self._folder / "log.jsonl").stat().st_mtime
        except OSError:
            return 0.0

    def _draw(self) -> bool:
        words = [sys.executable, "-m", "train", "--page", str(self._folder)]
        # One thread of mathematics: the cores are the run's.
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        try:
            result = subprocess.run(
                words,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=_PATIENCE,
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        return result.returncode == 0
