"""Work on many files at once, results in order; and which share of it is this process's."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def ordered_map(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int
) -> Iterator[Result]:
    """`map` on several threads; results come in the order of the items, whatever `workers` is.

    Threads serve: reading, decoding, warping and encoding all happen outside Python's lock. Only a
    few items a worker are in flight, so memory does not grow with their number.

    Raises:
        ValueError: `workers` is below 1. What `function` raises comes through.
    """
    if workers < 1:
        raise ValueError(f"--workers: expected at least 1, found {workers}")
    pending: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for item in items:
                pending.append(pool.submit(function, item))
                if len(pending) >= 8 * workers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()


def share() -> tuple[int, int]:
    """This process's number from 0, and how many there are: torchrun's RANK and WORLD_SIZE.

    (0, 1) without torchrun.

    Raises:
        ValueError: the environment holds something else.
    """
    rank, world = os.environ.get("RANK", "0"), os.environ.get("WORLD_SIZE", "1")
    if not (rank.isdecimal() and world.isdecimal() and int(rank) < int(world)):
        raise ValueError(
            "RANK and WORLD_SIZE: expected the numbers that torchrun puts into the environment, "
            f"found {rank!r} and {world!r}; unset both, or start with torchrun"
        )
    return int(rank), int(world)
