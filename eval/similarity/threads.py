"""Work cut over as many threads as torch is set to use, each on whole pieces.

torch's own threads wait for each other at every operation, which on busy cores costs more than the
work. Here a thread rounds, multiplies and looks through a piece on its own; numpy and torch let go
of the interpreter's lock meanwhile.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

import torch

T = TypeVar("T")


def over_parts(function: Callable[[slice], T], count: int, size: int) -> list[T]:
    """`function` of slices of at most `size` that cover 0 to `count`, in order; it must not call
    this again.
    """
    parts = [slice(start, min(start + size, count)) for start in range(0, count, size)]
    workers = torch.get_num_threads()
    if workers == 1 or len(parts) == 1:
        return [function(part) for part in parts]
    return list(_pool(workers).map(function, parts))


@cache
def _pool(workers: int) -> ThreadPoolExecutor:
    """Threads in each of which torch uses but that one."""
    one = ThreadPoolExecutor(workers, "similarity", torch.set_num_threads, (1,))
    started = threading.Barrier(workers + 1)
    for _ in range(workers):
        one.submit(started.wait)
    started.wait()
    # The setting belongs to the thread that makes it, and is what later threads begin with.
    torch.set_num_threads(workers)
    return one
