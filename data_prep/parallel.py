"""Work on many files at once, results in order; and which share of it is this process's."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def ordered_map(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int, at_once: int = 8
) -> Iterator[Result]:
    """`map` on several threads; results come in the order of the items, whatever `workers` is.

    Threads serve: reading, decoding, warping and encoding all happen outside Python's lock. Only a
    few items a worker are in flight, so memory does not grow with their number.

    Args:
        function: what is done with an item.
        items: any number of them.
        workers: threads; one works in the caller's own.
        at_once: items handed to a thread together, since handing over costs as much as reading a
            small file.

    Raises:
        ValueError: `workers` is below 1. What `function` raises comes through.
    """
    require_workers(workers)
    if workers == 1:
        yield from map(function, items)
        return
    rest = iter(items)
    pending: deque[Future[list[Result]]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            while some := list(islice(rest, at_once)):
                pending.append(pool.submit(_each, function, some))
                if len(pending) >= 3 * workers:
                    yield from pending.popleft().result()
            while pending:
                yield from pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()


def require_workers(workers: int) -> None:
    """Refuses no threads at all; `ordered_map` does so too, but not before its first result.

    Raises:
        ValueError: `workers` is below 1.
    """
    if workers < 1:
        raise ValueError(f"--workers: expected at least 1, found {workers}")


def _each(function: Callable[[Item], Result], items: list[Item]) -> list[Result]:
    return [function(item) for item in items]


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
