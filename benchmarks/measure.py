"""How every figure here is measured: sides in turn in one process, and ratios of medians."""

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any


def seconds(function: Callable[[], object]) -> float:
    """Wall time of one call."""
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def in_turn(functions: list[Callable[[], object]], rounds: int = 7, warmup: int = 1) -> list[float]:
    """Median seconds of each, called A B C A B C ..., so that a drifting machine drifts for all."""
    for _ in range(warmup):
        for function in functions:
            function()
    taken: list[list[float]] = [[] for _ in functions]
    for _ in range(rounds):
        for times, function in zip(taken, functions):
            times.append(seconds(function))
    return [statistics.median(times) for times in taken]


@contextmanager
def apart(make: Callable[..., Callable[[], object]], *args: Any) -> Iterator[Callable[[], None]]:
    """`make(*args)`, made and called in a process of its own: for what one process cannot undo."""
    context = get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there, make, args), daemon=True)
    process.start()
    there.close()

    def call() -> None:
        here.send(None)
        here.recv()

    try:
        yield call
    finally:
        here.close()
        process.join()


def _serve(asked: Connection, make: Callable[..., Callable[[], object]], args: Any) -> None:
    function = make(*args)
    while True:
        try:
            asked.recv()
        except EOFError:
            return
        function()
        asked.send(None)


def machine() -> dict[str, object]:
    """What the figures were taken on."""
    import torch

    return {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }


def arguments(about: str) -> argparse.Namespace:
    """`--json` and `--quick`, the same for all benchmarks."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--quick", action="store_true", help="smaller sizes, for a look")
    return parser.parse_args()


def show(name: str, figures: dict[str, float], as_json: bool) -> None:
    """Prints the figures as a table, or as one JSON line."""
    if as_json:
        print(json.dumps({"benchmark": name, "figures": figures, "machine": machine()}))
        return
    for key, value in figures.items():
        print(f"{name:>14}  {key:<28} {value:.4g}")
