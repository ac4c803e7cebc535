"""`run.json`: what a run's page needs and its log does not say. No torch.

    {"schema": 1, "total": steps, "batch": images a step, "command": ..., "data": {...},
     "sessions": [{"at": UTC, "step": from, "reached": in the log before, "ranks": n, "device": ...,
                   "ended": UTC, "last_step": n, "outcome": "done" or why it stopped}]}

A session is one start of the command; one that was killed has no `ended`.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from data_prep.files import read_json, write_json

NAME = "run.json"

SCHEMA = 1

DONE = "done"
"""Outcome of a session that came to the end of the plan."""


def begin_session(folder: Path, facts: dict[str, Any], session: dict[str, Any]) -> None:
    """Adds a start to the file; what stands there of earlier ones stays.

    Args:
        folder: the run's.
        facts: `total`, `batch`, `command`, `data` as they are from now on.
        session: `step`, `reached`, `ranks`, `device` of this start.

    Raises:
        OSError: the file cannot be written.
    """
    earlier = read_run_file(folder).get("sessions", [])
    sessions = [*earlier, {"at": _now(), **session}]
    write_json(folder / NAME, {"schema": SCHEMA, **facts, "sessions": sessions})


def end_session(folder: Path, last_step: int, outcome: str) -> None:
    """Notes how the session that began last has ended.

    Raises:
        OSError: the file cannot be written.
    """
    known = read_run_file(folder)
    if not known.get("sessions"):
        return
    known["sessions"][-1] |= {"ended": _now(), "last_step": last_step, "outcome": outcome}
    write_json(folder / NAME, known)


def read_run_file(folder: Path) -> dict[str, Any]:
    """The file's content; empty where there is none, or none that this version knows."""
    try:
        known = read_json(folder / NAME)
    except (OSError, ValueError):
        return {}
    if not isinstance(known, dict) or known.get("schema") != SCHEMA:
        return {}
    known["sessions"] = [one for one in known.get("sessions") or [] if isinstance(one, dict)]
    return known


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
