"""Data sets, and how a network is judged on them, by name."""

from collections.abc import Callable
from functools import cache, partial

from experiments.tasks.base import Task
from experiments.tasks.faces import pins
from experiments.tasks.labelled import cifar10, mnist, orl

TASKS: dict[str, Callable[[], Task]] = {
    "mnist": mnist,
    "orl": orl,
    "cifar10": cifar10,
    "pins": pins,
    "pins48": partial(pins, 48),
}


@cache
def open_task(name: str) -> Task:
    """The task of that name, read once in a process.

    Raises:
        FileNotFoundError: its data is not there.
        ValueError: its data is something else.
    """
    return TASKS[name]()
