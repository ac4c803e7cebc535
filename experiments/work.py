"""The runs of an experiment: each one a file, written when it is finished, not made twice.

OUT/EXPERIMENT/ARM/search-K.json   point K of the arm's search, judged on the validation split
OUT/EXPERIMENT/ARM/seed-K.json     reported run K, at the point found, judged on the test set
"""

import os
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal

from data_prep.files import read_json, write_json
from experiments.design import SEARCH_SEED, Arm, Experiment, Point

SCHEMA = 1
_NEVER = float("inf")


@dataclass(frozen=True, kw_only=True)
class Job:
    """One training: point `index` of an arm's search, or its run with seed `index`."""

    experiment: Experiment
    arm: Arm
    kind: Literal["search", "seed"]
    index: int
    out: Path

    @property
    def path(self) -> Path:
        """Where its result lies."""
        return self.out / self.experiment.name / self.arm.name / f"{self.kind}-{self.index}.json"


def searches(experiment: Experiment, arms: Iterable[Arm], out: Path) -> list[Job]:
    """The trainings that the searches of these arms take, and of those they are `like`."""
    needed = dict.fromkeys(arm.like or arm.name for arm in arms)
    return [
        Job(experiment=experiment, arm=arm, kind="search", index=index, out=out)
        for arm in map(experiment.arm, needed)
        for index in range(len(arm.points))
    ]


def runs(experiment: Experiment, arms: Iterable[Arm], out: Path, seeds: int) -> list[Job]:
    """The reported trainings, seed by seed, so that what is done first is paired."""
    return [
        Job(experiment=experiment, arm=arm, kind="seed", index=seed, out=out)
        for seed in range(seeds)
        for arm in arms
        if seed < experiment.seeds_of(arm)
    ]


def found_point(experiment: Experiment, arm: Arm, out: Path) -> Point:
    """The point of the smallest criterion on the validation split; of equals, the first.

    An arm that is `like` another takes its learning rate.

    Raises:
        FileNotFoundError: the search is not finished.
        ValueError: every point diverged, or a file is of other settings.
    """
    if arm.like:
        return {"lr": found_point(experiment, experiment.arm(arm.like), out)["lr"]}
    jobs = searches(experiment, [arm], out)
    values = [read_result(job, point)["criterion"] for job, point in zip(jobs, arm.points)]
    known = [_NEVER if value is None else value for value in values]
    if min(known) == _NEVER:
        raise ValueError(f"{experiment.name}, {arm.name}: every point of the search diverged")
    return arm.points[known.index(min(known))]


def read_result(job: Job, point: Point) -> dict[str, Any]:
    """A finished job's result.

    Raises:
        FileNotFoundError: it is not finished.
        ValueError: no JSON, or made with other settings than the preset has now.
    """
    result: dict[str, Any] = read_json(job.path)
    if result.get("settings") != _settings(job, point):
        raise ValueError(
            f"{job.path}: was made with other settings than the preset has now; move it away, or "
            "choose another --out"
        )
    return result


def do(job: Job) -> Path:
    """Does a job, unless its result is there."""
    import torch

    from experiments.fit import fit, precision
    from experiments.tasks import open_task
    from train.non_finite import DivergedError

    searching = job.kind == "search"
    experiment, arm = job.experiment, job.arm
    point = arm.points[job.index] if searching else found_point(experiment, arm, job.out)
    if job.path.exists():
        read_result(job, point)
        return job.path
    epochs = experiment.search_epochs if searching else experiment.epochs
    loss = arm.loss_config(point, epochs)
    seed = SEARCH_SEED if searching else job.index
    keep = experiment.keep_embeddings if seed == 0 else 0
    task = open_task(experiment.task)
    images = task.training(searching)
    about: dict[str, Any] = {
        "schema": SCHEMA,
        "experiment": experiment.name,
        "arm": arm.name,
        "kind": job.kind,
        "index": job.index,
        "point": point,
        "seed": seed,
        "training_images": len(images.labels),
        "precision": precision(),
        "torch": torch.__version__,
        "settings": _settings(job, point),
    }
    try:
        fitted = fit(experiment, loss, point["lr"], images=images, seed=seed, epochs=epochs)
    except DivergedError as error:
        write_json(job.path, {**about, "criterion": None, "diverged": str(error)})
        return job.path
    figures = task.judge(fitted.state, loss, searching=searching, keep=keep)
    found = {"criterion": figures[task.criterion]} if searching else {}
    result = {**about, **found, "loss": fitted.last_loss, "figures": figures}
    write_json(job.path, {**result, "cost": fitted.cost})
    return job.path


def do_all(jobs: list[Job], workers: int, title: str) -> None:
    """Does what is not done yet, on so many processes of one thread each.

    Raises:
        ValueError, OSError: as the jobs do.
    """
    from tqdm import tqdm

    left = [job for job in jobs if not job.path.exists()]
    bar = tqdm(total=len(jobs), initial=len(jobs) - len(left), desc=title, unit="run")
    with bar:
        if workers == 1:
            _start_worker()
            for job in left:
                do(job)
                bar.update()
            return
        context = get_context("spawn")
        with ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker) as pool:
            pending = [pool.submit(do, job) for job in left]
            try:
                for future in as_completed(pending):
                    future.result()
                    bar.update()
            finally:
                for future in pending:
                    future.cancel()


def dry_run(experiment: Experiment, arms: list[Arm], seeds: int) -> str:
    """Two steps of each arm at its first point, on the data; what all of it would take, in words.

    Raises:
        ValueError, OSError: as the runs would.
    """
    from experiments.fit import fit
    from experiments.tasks import open_task

    images = open_task(experiment.task).training(False)
    two = 2 * experiment.batch / len(images.labels)
    seconds, lines = [], []
    for arm in arms:
        like = experiment.arm(arm.like) if arm.like else arm
        point = {"lr": like.points[0]["lr"]} if arm.like else arm.points[0]
        loss = arm.loss_config(point, two)
        fitted = fit(experiment, loss, point["lr"], images=images, seed=0, epochs=two)
        seconds.append(fitted.cost["cpu_seconds"] / 2)
        lines.append(f"  {arm.name}: {fitted.cost['parameters']:,} parameters, two steps done")
    steps = len(images.labels) / experiment.batch
    points = sum(len(arm.points) for arm in arms)
    many = sum(min(seeds, experiment.seeds_of(arm)) for arm in arms)
    epochs = points * experiment.search_epochs + many * experiment.epochs
    hours = epochs * steps * min(seconds) / 3600
    lines.append(
        f"  {points} trainings of the search, {many} to report: {epochs:g} epochs of "
        f"{steps:.0f} steps at {min(seconds):.2f} CPU seconds, about {hours:.1f} CPU hours"
    )
    return "\n".join([f"{experiment.name}:", *lines])


def _start_worker() -> None:
    """One thread, since more threads than cores cost more than they give; memory is kept."""
    import torch

    from models.allocator import keep_freed_memory

    keep_freed_memory()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))


def _settings(job: Job, point: Point) -> dict[str, Any]:
    from experiments.fit import settings_of

    experiment = job.experiment
    epochs = experiment.search_epochs if job.kind == "search" else experiment.epochs
    return settings_of(experiment, job.arm.loss_config(point, epochs), point["lr"], epochs)
