"""What a run says while it trains, from rank 0: a progress bar, JSON lines, TensorBoard, W&B."""

import json
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from tqdm import tqdm

from models import comm
from train.tracking import Tracker


class Log:
    """Writes scalars of a step to `folder`/log.jsonl and `folder`/tensorboard; a bar to the screen.

    On ranks other than 0 every method does nothing.
    """

    def __init__(
        self,
        folder: Path,
        *,
        start: int,
        total: int,
        wandb: str = "",
        settings: dict[str, Any] | None = None,
    ) -> None:
        """Opens the files; on a resumed run lines of steps after `start` are dropped first.

        Args:
            folder: the run's.
            start: step at which it goes on.
            total: its last step.
            wandb: project of Weights & Biases; empty for none.
            settings: the run's configuration, for W&B.

        Raises:
            ValueError: W&B refuses.
            OSError: the files cannot be written.
        """
        self.active = comm.rank() == 0
        if not self.active:
            return
        from torch.utils.tensorboard import SummaryWriter

        self.tracker = Tracker(wandb, folder, settings or {}) if wandb else None
        path = folder / "log.jsonl"
        if path.exists():
            kept = [line for line in path.read_text().splitlines() if _step(line) <= start]
            path.write_text("".join(f"{line}\n" for line in kept))
        self.lines = path.open("a", encoding="utf-8")
        self.board = SummaryWriter(str(folder / "tensorboard"), purge_step=start + 1)
        # Into a file, a line every ten seconds is enough.
        pause = 0.1 if sys.stderr.isatty() else 10
        self.bar = tqdm(
            total=total, initial=start, desc="train", unit="step", smoothing=0.05, mininterval=pause
        )
        self.began = time.monotonic()

    def step(self) -> None:
        """Moves the bar by one step."""
        if self.active:
            self.bar.update()

    def scalars(self, kind: str, step: int, values: dict[str, float]) -> None:
        """Records values of a step under `kind` (train, validation, ...)."""
        if not self.active:
            return
        seconds = round(time.monotonic() - self.began, 3)
        line = {"kind": kind, "step": step, "seconds": seconds, **values}
        self.lines.write(json.dumps(line) + "\n")
        self.lines.flush()
        for name, value in values.items():
            self.board.add_scalar(f"{kind}/{name}", value, step)
        if self.tracker is not None:
            self.tracker.scalars(step, {f"{kind}/{name}": v for name, v in values.items()})
        text = ", ".join(f"{name} {value:.4g}" for name, value in values.items())
        if kind == "train":
            self.bar.set_postfix_str(text, refresh=False)
        else:
            self.bar.write(f"{kind} at step {step}: {text}")

    def __enter__(self) -> "Log":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.active:
            self.bar.close()
            self.lines.close()
            self.board.close()
            if self.tracker is not None:
                self.tracker.close(ended_well=error is None)


def _step(line: str) -> int:
    """The step of a line; a line cut short by a kill counts as too new to keep."""
    try:
        return int(json.loads(line)["step"])
    except (ValueError, KeyError):
        return 1 << 62
