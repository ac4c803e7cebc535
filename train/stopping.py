"""SIGTERM: how a pre-emptible machine, a scheduler or torchrun says that time is up."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

EXIT_STATUS = 128 + signal.SIGTERM
"""Not 0, since the work is not done whole: torchrun --max-restarts then starts it again."""


class Terminated:
    """Whether SIGTERM came."""

    def __init__(self) -> None:
        self.came = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """The handler: takes note, so that a step is never cut in half."""
        self.came = True


@contextmanager
def noting_sigterm() -> Iterator[Terminated]:
    """Within the block SIGTERM is noted instead of ending the process."""
    terminated = Terminated()
    before = signal.signal(signal.SIGTERM, terminated)
    try:
        yield terminated
    finally:
        signal.signal(signal.SIGTERM, before)
