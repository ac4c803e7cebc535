"""What a run's folder tells, whatever of it is there. No torch, no network."""

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from data_prep.files import read_json
from train.page.log_file import (
    Series,
    figures_of,
    names_of,
    pace_of,
    read_lines,
    seconds_of,
    series_of,
    sessions_of,
)
from train.page.run_file import DONE, read_run_file

PAGE = "page.html"
"""The page, in the run's folder."""

SAMPLES = "samples.jpg"
"""The contact sheet of the first batch."""


@dataclass(frozen=True)
class BadStep:
    """A step whose loss or gradient was no number, as `non_finite/step_N.json` has it."""

    step: int
    loss: str
    gradient_norm: str
    ranks: list[int]
    file: str


@dataclass(frozen=True)
class Checkpoint:
    """A complete checkpoint.

    Attributes:
        name: of its folder.
        step: of the run.
        kept_as_best: whether the newest checkpoint names it the best.
    """

    name: str
    step: int
    kept_as_best: bool


@dataclass(frozen=True)
class Run:
    """All that the page shows.

    Attributes:
        name: of the run's folder.
        path: of it, as it was given.
        config: the settings; empty where they cannot be read.
        data: images, classes and hashes of the records; empty before they are known.
        command: as it was last given; empty if unknown.
        total: steps of the run; None if unknown.
        step: the last one in the log; 0 without any.
        train: logged values by name.
        validation: figures by set, then by name; one set without a name is "".
        sessions: starts of the command, see run_file.py; of old runs, as the log shows them.
        seconds: in the log, all sessions together.
        pace: seconds a step of late, verification and checkpoints included; None if unknown.
        checkpoints: that are there, oldest first.
        best: the best figure and its step, as the newest checkpoint has it; None without.
        bad_steps: that were not finite.
        bad_records: why records cannot be read, where a run goes on without them.
        samples: the contact sheet, JPEG; None without.
        exported: whether export/ is there.
        logged_at: when the log was last written to, seconds since 1970; None without a log.
        missing: what could not be read, and so is not shown; a sentence each.
    """

    name: str
    path: str
    config: dict[str, Any]
    data: dict[str, Any]
    command: str
    total: int | None
    step: int
    train: dict[str, Series]
    validation: dict[str, dict[str, Series]]
    sessions: list[dict[str, Any]]
    seconds: float
    pace: float | None
    checkpoints: list[Checkpoint]
    best: tuple[float, int] | None
    bad_steps: list[BadStep]
    bad_records: list[str]
    samples: bytes | None
    exported: bool
    logged_at: float | None
    missing: list[str]

    def settings(self, section: str) -> dict[str, Any]:
        """A section of the configuration; empty where it cannot be read."""
        found = self.config.get(section)
        return found if isinstance(found, dict) else {}

    @property
    def outcome(self) -> str:
        """`done`, why it stopped, or nothing while it runs or if it was killed."""
        if not self.sessions:
            return DONE if self.exported else ""
        return str(self.sessions[-1].get("outcome", ""))

    @property
    def epoch(self) -> float | None:
        """Steps in one pass over the data; None if unknown."""
        images, batch = self.data.get("images"), self.config.get("batch")
        return images / batch if images and batch else None

    @property
    def seconds_left(self) -> float | None:
        """Until the end at the present pace; None if that cannot be said."""
        if self.total is None or self.pace is None or self.outcome:
            return None
        return max(self.total - self.step, 0) * self.pace


def gather(folder: Path) -> Run:
    """Reads a run's folder.

    Raises:
        FileNotFoundError: it is no run's folder: none of a run's files is there.
    """
    if not any((folder / name).exists() for name in ("log.jsonl", "config.yaml", "run.json")):
        raise FileNotFoundError(
            f"{folder}: expected a run's folder, found neither log.jsonl nor config.yaml in it; "
            "give what was out=FOLDER of the run"
        )
    missing: list[str] = []
    lines = list(read_lines(folder / "log.jsonl", missing))
    known = read_run_file(folder)
    if not known:
        missing.append(
            "run.json is not there or of another version: total steps and restarts are unknown."
        )
    metas = _metas(folder / "checkpoints")
    newest = metas[-1][1] if metas else {}
    train = [line for line in lines if line["kind"] == "train"]
    return Run(
        name=folder.resolve().name,
        path=str(folder),
        config=_config(folder / "config.yaml", missing),
        data=known.get("data") or newest.get("data") or {},
        command=str(known.get("command") or newest.get("command") or ""),
        total=known.get("total"),
        step=max((line["step"] for line in lines), default=0),
        train={name: series_of(train, name) for name in names_of(train)},
        validation=figures_of([line for line in lines if line["kind"] == "validation"]),
        sessions=known.get("sessions") or sessions_of(lines),
        seconds=seconds_of(lines),
        pace=pace_of(lines),
        checkpoints=[
            Checkpoint(name, int(meta.get("step", 0)), meta.get("step") == newest["best_step"])
            for name, meta in metas
        ],
        best=None if newest.get("best") is None else (newest["best"], newest["best_step"]),
        bad_steps=_bad_steps(folder / "non_finite"),
        bad_records=_bad_records(folder / "bad_records.jsonl"),
        samples=_bytes(folder / SAMPLES, missing),
        exported=(folder / "export/meta.json").exists(),
        logged_at=_changed_at(folder / "log.jsonl"),
        missing=missing,
    )


def _config(path: Path, missing: list[str]) -> dict[str, Any]:
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        found = None
    if not isinstance(found, dict):
        missing.append("config.yaml cannot be read: the settings are unknown.")
        return {}
    return found


def _metas(folder: Path) -> list[tuple[str, dict[str, Any]]]:
    """Name and meta.json of the checkpoints, oldest first; one just going is passed over."""
    found = []
    for path in folder.glob("step_*/meta.json"):
        try:
            meta = read_json(path)
        except (OSError, ValueError):
            continue
        found.append((path.parent.name, {"best": None, "best_step": 0, **meta}))
    return sorted(found, key=lambda one: (one[1].get("samples", 0), one[0]))


def _bad_steps(folder: Path) -> list[BadStep]:
    found = []
    for path in sorted(folder.glob("step_*.json")):
        try:
            bad = read_json(path)
        except (OSError, ValueError):
            continue
        loss, norm = str(bad.get("loss")), str(bad.get("gradient_norm"))
        ranks = list(bad.get("ranks") or [])
        found.append(BadStep(int(bad.get("step", 0)), loss, norm, ranks, path.name))
    return found


def _bad_records(path: Path) -> list[str]:
    found: dict[int, str] = {}
    if path.exists():
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            with suppress(ValueError, KeyError, TypeError):  # a line that a kill cut short
                one = json.loads(line)
                found[one["image"]] = str(one["reason"])
    return list(found.values())


def _bytes(path: Path, missing: list[str]) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        missing.append(f"{path.name} is not there: what the loader feeds cannot be shown.")
        return None


def _changed_at(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except OSError:
        return None
