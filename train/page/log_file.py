"""A run's `log.jsonl`, read back: values, figures, time. No torch."""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_RECENT = 50
"""Log lines over which the present speed is taken."""


@dataclass(frozen=True)
class Series:
    """One logged value over the run, in the order of the log.

    Attributes:
        steps: where it was logged.
        values: finite ones; steps with others are left out.
    """

    steps: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)


def read_lines(path: Path, missing: list[str]) -> Iterator[dict[str, Any]]:
    """The log's whole lines; the last may be cut short by a kill."""
    if not path.exists():
        missing.append("log.jsonl is not there yet: nothing has been logged.")
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        for text in file:
            try:
                line = json.loads(text)
            except ValueError:
                continue
            if isinstance(line, dict) and isinstance(line.get("step"), int) and "kind" in line:
                yield line


def names_of(lines: Sequence[dict[str, Any]]) -> list[str]:
    """Names of values, as they first come."""
    names = dict.fromkeys(name for line in lines for name in line)
    return [name for name in names if name not in ("kind", "step", "seconds")]


def series_of(lines: Sequence[dict[str, Any]], name: str) -> Series:
    """The values of one name."""
    found = Series()
    for line in lines:
        value = line.get(name)
        if isinstance(value, int | float) and math.isfinite(value):
            found.steps.append(line["step"])
            found.values.append(float(value))
    return found


def figures_of(lines: Sequence[dict[str, Any]]) -> dict[str, dict[str, Series]]:
    """Figures by set; `lfw/accuracy` is the figure `accuracy` of the set `lfw`."""
    sets: dict[str, dict[str, Series]] = {}
    for name in names_of(lines):
        whose, _, figure = name.rpartition("/")
        sets.setdefault(whose, {})[figure] = series_of(lines, name)
    return sets


def sessions_of(lines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Starts as the log shows them: its clock begins anew at each."""
    starts, before, step = [], math.inf, 0
    for line in lines:
        seconds = line.get("seconds", 0)
        if seconds < before:
            starts.append({"step": step})
        before, step = seconds, line["step"]
    return starts


def seconds_of(lines: Sequence[dict[str, Any]]) -> float:
    """Time in the log, over all sessions."""
    total = before = 0.0
    for line in lines:
        seconds = float(line.get("seconds", 0))
        total += seconds - before if seconds >= before else seconds
        before = seconds
    return total


def pace_of(lines: Sequence[dict[str, Any]]) -> float | None:
    """Seconds a step over the last lines of one session."""
    recent: list[dict[str, Any]] = []
    for line in reversed(lines[-_RECENT:]):
        if recent and line.get("seconds", 0) > recent[-1].get("seconds", 0):
            break
        recent.append(line)
    if len(recent) < 2 or recent[0]["step"] == recent[-1]["step"]:
        return None
    passed = float(recent[0].get("seconds", 0) - recent[-1].get("seconds", 0))
    return passed / (recent[0]["step"] - recent[-1]["step"])


def last_step(folder: Path) -> int:
    """The last step in a run's log; 0 without any."""
    return max((line["step"] for line in read_lines(folder / "log.jsonl", [])), default=0)
