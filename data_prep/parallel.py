"""Work on many files at once, results in order."""

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
