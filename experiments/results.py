"""The result files that are committed: one an experiment, a line a run.

python -m experiments collect --from DIR      DIR as the runs wrote it
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.files import read_json, write_text
from eval.protocols.pair_scores import bits_of, text_of
from experiments.design import Experiment, Point
from experiments.work import SCHEMA, Job, found_point, read_result, runs, searches

RESULTS = Path(__file__).with_name("results")


@dataclass(frozen=True)
class Results:
    """What is known of an experiment.

    Attributes:
        name: of the experiment.
        about: what all runs share: task, net, training_images, precision, torch, ...
        searches: each searched arm's points with their criterion (None: diverged).
        runs: each arm's reported runs by seed; a run that diverged has no figures.
    """

    name: str
    about: dict[str, Any]
    searches: dict[str, list[dict[str, Any]]]
    runs: dict[str, dict[int, dict[str, Any]]]

    def point(self, arm: str) -> Point:
        """The point that an arm's reported runs were made at."""
        found: Point = next(iter(self.runs[arm].values()))["point"]
        return found

    def paired_seeds(self, first: str, second: str) -> list[int]:
        """Seeds that both arms finished."""
        ends = [
            {seed for seed, run in self.runs.get(arm, {}).items() if run["figures"]}
            for arm in (first, second)
        ]
        return sorted(ends[0] & ends[1])

    def values(self, arm: str, figure: str, seeds: list[int] | None = None) -> list[Any]:
        """A figure of an arm's finished runs, by rising seed."""
        mine = self.runs[arm]
        chosen = [s for s in sorted(mine) if mine[s]["figures"]] if seeds is None else seeds
        return [mine[seed]["figures"][figure] for seed in chosen]


def collect(experiment: Experiment, source: Path, target: Path = RESULTS) -> Path | None:
    """Writes the finished runs of an experiment to its result file; None where there are none.

    Raises:
        ValueError: a run that was made with other settings than the preset has, or with another
            torch or precision than the other runs.
        OSError: a file that cannot be read or written.
    """
    about: dict[str, Any] = {}
    found: dict[str, list[dict[str, Any]]] = {"searches": [], "runs": []}
    for job in searches(experiment, experiment.arms, source):
        if job.path.exists():
            one = read_result(job, job.arm.points[job.index])
            row = {key: one[key] for key in ("arm", "point", "criterion")}
            row["epochs"] = one["settings"]["epochs"]
            found["searches"].append({**row, "training_images": one["training_images"]})
    for job in runs(experiment, experiment.arms, source, experiment.seeds):
        if job.path.exists():
            one = _finished(job)
            shared = {**{key: one[key] for key in _SHARED}, "settings": _shared_settings(one)}
            if about and about != shared:
                raise ValueError(f"{job.path}: expected {about}, as of other runs, got {shared}")
            about = shared
            row = {key: one[key] for key in ("arm", "seed", "point")}
            loss = one["settings"]["loss"]
            more = {key: one.get(key) for key in ("loss", "figures", "cost", "diverged")}
            _pack(more["figures"] or {})
            found["runs"].append({**row, "loss_config": loss, **more})
    if not found["runs"]:
        return None
    path = target / f"{experiment.name}.json"
    write_text(
        path, _one_line_a_run({"schema": SCHEMA, "experiment": experiment.name, **about}, found)
    )
    return path


def _pack(figures: dict[str, Any]) -> None:
    """The pairs of each list judged wrongly, a fifth of thousands, as bits.

    Of digits few are judged wrongly; their places stay a list.
    """
    for key, count in _lists(figures).items():
        bits = np.zeros(count, dtype=bool)
        bits[figures[key]] = True
        figures[key] = text_of(np.packbits(bits))


def _unpack(figures: dict[str, Any]) -> None:
    """Bits to places again."""
    for key, count in _lists(figures).items():
        figures[key] = np.flatnonzero(bits_of(figures[key], count)).tolist()


def _lists(figures: dict[str, Any]) -> dict[str, int]:
    """The keys of pairs judged wrongly, and of how many."""
    keys = [key for key in figures if key.endswith("_wrong")]
    return {key: figures[key.removesuffix("wrong") + "pairs"] for key in keys}


_SHARED = ("training_images", "precision", "torch")


def _finished(job: Job) -> dict[str, Any]:
    return read_result(job, found_point(job.experiment, job.arm, job.out))


def _shared_settings(result: dict[str, Any]) -> dict[str, Any]:
    settings = dict(result["settings"])
    del settings["loss"], settings["lr"]
    return settings


def _one_line_a_run(head: dict[str, Any], lists: dict[str, list[dict[str, Any]]]) -> str:
    """Strict JSON that a diff reads well."""
    parts = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    for key, rows in lists.items():
        lines = ",\n".join(json.dumps(row, allow_nan=False) for row in rows)
        parts.append(f"{json.dumps(key)}: [\n{lines}\n]")
    return "{" + ",\n".join(parts) + "}\n"


def load(path: Path) -> Results:
    """Reads a result file.

    Raises:
        ValueError: not one.
        OSError: it cannot be read.
    """
    data = read_json(path)
    if not isinstance(data, dict) or data.get("schema") != SCHEMA or "runs" not in data:
        raise ValueError(f'{path}: expected a file of "python -m experiments collect"')
    found: dict[str, list[dict[str, Any]]] = {}
    for one in data["searches"]:
        found.setdefault(one["arm"], []).append(one)
    by_arm: dict[str, dict[int, dict[str, Any]]] = {}
    for one in data["runs"]:
        _unpack(one["figures"] or {})
        by_arm.setdefault(one["arm"], {})[one["seed"]] = one
    about = {key: value for key, value in data.items() if key not in ("searches", "runs")}
    return Results(data["experiment"], about, found, by_arm)
