"""Checkpoints under kills, full disks and other splits; what stays of them."""

import math
import os
import random
import resource
import shutil
import signal
import tempfile
import threading
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from models import comm
from tests.dist import run_processes
from tests.train import tiny
from train import checkpoint
from train.loop import StoppedError
from train.saver import Saver

PATIENCE = 100
"""Seconds after which what is waited for has gone wrong, however loaded the machine is."""

STATE = {"rate": 0.5, "average": True, "dtype": torch.float64}
RUN = {"accumulate": 3, "average": 0.9}


def uninterrupted(total, parts):
    run = RUN | {"accumulate": parts}
    return list(tiny.go_on(tiny.fresh(**STATE), total=total, **run)[0].values())


def first_part(folder, stop, parts):
    """A run that is to be longer, with a checkpoint at `stop`, where it is asked to stop."""
    state = tiny.fresh(**STATE)
    with pytest.raises(StoppedError, match=f"step {stop} of 80 is saved"):
        run = RUN | {"accumulate": parts}
        tiny.go_on(state, folder, total=80, asked=lambda: state.step == stop, **run)
    wait(folder)


def wait(folder):
    """Until the threads have written: the test's own end would cut them short."""
    while not checkpoint.find_all(Path(folder)):  # `run_processes` ends it, if need be
        time.sleep(0.02)
    comm.barrier()


def second_part(folder, parts):
    state = tiny.resumed(folder, **STATE)
    run = RUN | {"accumulate": parts}
    return list(tiny.go_on(state, folder, total=80, **run)[0].values())


slow = pytest.mark.slow


@pytest.mark.parametrize(
    "before, after",
    [
        ((1, 3), (1, 3)),
        ((2, 3), (2, 3)),
        ((1, 3), (3, 1)),
        ((4, 3), (2, 2)),
        pytest.param((3, 2), (3, 2), marks=slow),
        pytest.param((3, 1), (4, 1), marks=slow),
        pytest.param((4, 1), (4, 1), marks=slow),
        pytest.param((2, 2), (1, 4), marks=slow),
    ],
)
def test_fifty_losses_after_a_resume_are_those_of_the_uninterrupted_run(tmp_path, before, after):
    """Before and after: (ranks, micro-batches). The same split goes on bit for bit."""
    stop = random.Random(before[0]).randrange(5, 30)
    whole = run_processes(before[0], uninterrupted, 80, before[1])[0]
    run_processes(before[0], first_part, str(tmp_path), stop, before[1])
    for losses in run_processes(after[0], second_part, str(tmp_path), after[1]):
        assert len(losses) == 80 - stop
        if before == after:
            assert losses == whole[stop:]
        assert losses == pytest.approx(whole[stop:], rel=1e-12)


def test_another_batch_goes_on_at_the_samples_seen(tmp_path):
    tiny.go_on(tiny.fresh(), tmp_path, total=9)
    state = tiny.resumed(tmp_path, batch=2 * tiny.BATCH)
    assert state.step == 4  # 9 x 48 samples are 4.5 x 96: none is left out
    tiny.go_on(state, tmp_path, total=8, batch=2 * tiny.BATCH)
    newest = checkpoint.find_all(tmp_path)[-1]  # by samples: step 8 is later than step 9 was
    assert newest.name == "step_00000008"


def test_the_newest_and_the_best_stay(tmp_path):
    figures = dict(enumerate([0.5, 0.9, 0.7, 0.8, 0.9, 0.6], start=1))
    state = tiny.fresh()
    tiny.go_on(
        state,
        tmp_path,
        total=6,
        save_every=1,
        validate_every=1,
        validate=lambda network, step: {"accuracy": figures[step]},
    )
    names = [path.name for path in checkpoint.find_all(tmp_path)]
    assert names == ["step_00000002", "step_00000005", "step_00000006"]
    assert checkpoint.find_best(tmp_path).name == "step_00000002"
    again = tiny.resumed(tmp_path)
    assert (again.best, again.best_step) == (0.9, 2)
    with pytest.raises(ValueError, match=r"validation.best: expected one of auc, got 'accuracy'"):
        tiny.go_on(again, total=7, validate_every=1, validate=lambda network, step: {"auc": 1.0})


def test_what_is_saved_is_the_step_itself_however_slow_the_disk(tmp_path, monkeypatch):
    write, goes_on = checkpoint.write_files, threading.Event()

    def slowly(folder, files):
        assert goes_on.wait(PATIENCE)
        write(folder, files)

    monkeypatch.setattr(checkpoint, "write_files", slowly)
    state = tiny.fresh(average=True)
    tiny.go_on(state, total=3, average=0.9)
    before = tiny.everything(state)
    saver = Saver(tmp_path, {}, batch=tiny.BATCH, keep=1)
    saver.save(state)
    assert not checkpoint.find_all(tmp_path)
    tiny.go_on(state, total=5, average=0.9)
    goes_on.set()
    saver.finish()
    again = tiny.resumed(tmp_path, average=True)
    for name, tensor in tiny.everything(again).items():
        assert torch.equal(tensor, before[name]), name


def on_a_full_disk(folder):
    """The last rank's disk fills up between two checkpoints."""
    state = tiny.fresh()
    tiny.go_on(state, folder, total=2)
    saver = Saver(Path(folder), {}, batch=tiny.BATCH, keep=2)
    tiny.go_on(state, total=4)
    if comm.rank() == comm.world_size() - 1:
        resource.setrlimit(resource.RLIMIT_FSIZE, (300, resource.RLIM_INFINITY))
    try:
        saver.save(state)
        saver.finish()
    except OSError as error:
        said = str(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    left = sorted(path.name for path in Path(folder).iterdir())
    comm.barrier()
    saver.save(state)  # there is room again
    saver.finish()
    return [said, left, sorted(path.name for path in Path(folder).iterdir())]


@pytest.mark.parametrize("ranks", [1, 3])
def test_a_full_disk_is_told_to_all_ranks_and_the_last_checkpoint_stays(tmp_path, ranks):
    for said, left, after in run_processes(ranks, on_a_full_disk, str(tmp_path)):
        assert "step_00000004" in said and ": File too large; no checkpoint written" in said
        assert ".tmp" not in said and "\n" not in said
        assert left == ["step_00000002"]
        assert after == ["step_00000002", "step_00000004"]


EVERY, TOTAL = 5, 40


def whole_run(folder):
    """The losses of all steps, and every checkpoint that a killed run may leave."""
    losses, _ = tiny.go_on(
        tiny.fresh(**STATE), folder, keep=TOTAL, total=TOTAL, save_every=1, **RUN
    )
    return list(losses.values())


def killed_run(folder, log):
    """A run of two ranks that is killed from outside; each rank notes the steps it has done."""
    state = tiny.resumed(folder, **STATE)
    with open(f"{log}.{comm.rank()}", "a", buffering=1) as lines:  # noqa: PTH123
        lines.write(f"from {state.step}\n")

        def note():
            time.sleep(0.01)
            lines.write(f"done {state.step}\n")
            return False

        tiny.go_on(state, folder, total=TOTAL, save_every=EVERY, asked=note, **RUN)


def kill_at_random(folder, log, draw):
    """Starts the run in processes of their own and kills one rank, or all, at a random moment.

    Returns how many were killed.
    """
    import multiprocessing

    from tests.dist import _child

    context = multiprocessing.get_context("fork")
    with tempfile.TemporaryDirectory() as name:
        ranks = [
            context.Process(target=_child, args=(Path(name), rank, 2, killed_run, (folder, log)))
            for rank in range(2)
        ]
        for process in ranks:
            process.start()
        until = time.monotonic() + PATIENCE
        marker = Path(f"{log}.0")
        while not (marker.exists() and marker.stat().st_size) and time.monotonic() < until:
            time.sleep(0.005)  # until the run is under way, and has said from where
        during = draw.random() < 0.4
        if during:  # a save: as soon as there is a folder aside
            while not list(Path(folder).glob(".step_*")) and any(p.is_alive() for p in ranks):
                time.sleep(0.0005)
            time.sleep(draw.random() * 0.01)
        else:
            time.sleep(draw.random() * 0.4)
        chosen = [draw.choice(ranks)] if draw.random() < 0.5 else ranks
        for process in chosen:
            if process.is_alive():
                os.kill(process.pid, signal.SIGKILL)
        for process in ranks:  # a rank left alone notices, or hangs and is ended by the launcher
            process.join(2)
            if process.is_alive():
                process.kill()
                process.join()
    return sum(process.exitcode == -signal.SIGKILL for process in chosen)


def same_tensors(found, whole):
    """All that a checkpoint holds, but for BatchNorm's statistics: each save averages these."""
    for file in sorted(found.glob("*.safetensors")):
        one, other = load_file(file), load_file(whole / found.name / file.name)
        assert one.keys() == other.keys()
        for name, tensor in one.items():
            if "running" not in name:
                assert torch.equal(tensor, other[name]), (file, name)


@pytest.mark.slow
def test_fifty_runs_killed_at_random_moments_all_resume(tmp_path):
    """None loads a half checkpoint, none loses more than the interval, whatever was under way."""
    draw, folder, whole = random.Random(4), tmp_path / "run", tmp_path / "whole"
    losses = run_processes(2, whole_run, str(whole))[0]
    halves, killed = 0, []
    for kill in range(300):
        log = tmp_path / f"log{kill}"
        found = checkpoint.find_all(folder)
        if found and found[-1].name == f"step_{TOTAL:08d}":
            shutil.rmtree(folder)  # finished: begin again
            found = []
        before = int(found[-1].name[5:]) if found else 0
        killed.append(kill_at_random(str(folder), str(log), draw))
        done = [line.split() for line in Path(f"{log}.0").read_text().splitlines()]
        assert done[0] == ["from", str(before)]  # of what the kill before it left
        halves += bool(list(folder.glob(".step_*")))
        last = int(done[-1][1])
        found = checkpoint.find_all(folder)
        if found:
            same_tensors(found[-1], whole)
        assert last - (int(found[-1].name[5:]) if found else 0) <= EVERY, (kill, last, found)
        if kill > 48 and halves > 3 and killed.count(1) > 9 and killed.count(2) > 9:
            break  # fifty; and more where it was not some of every kind, which is chance
    else:
        raise AssertionError(f"of {len(killed)} runs {halves} left half a save; killed: {killed}")
    if found and found[-1].name == f"step_{TOTAL:08d}":
        shutil.rmtree(found[-1])
    for rest in run_processes(2, finished, str(folder)):
        assert rest and rest == losses[TOTAL - len(rest) :]
    assert not list(folder.glob(".step_*"))


def finished(folder):
    state = tiny.resumed(folder, **STATE)
    losses, _ = tiny.go_on(state, folder, total=TOTAL, save_every=EVERY, **RUN)
    return list(losses.values())


@pytest.mark.parametrize("interval", [1, 2, 3, 3.5, 8])
def test_a_disk_however_slow_costs_no_more_than_the_interval(tmp_path, monkeypatch, interval):
    """After every step the newest checkpoint on the disk is near enough, were it the last.

    The slowest disk: it writes once training waits for it.
    """
    write, finish, lost = checkpoint.write_files, Saver.finish, []
    waited_for = threading.Event()

    def slowly(folder, files):
        assert waited_for.wait(PATIENCE)
        write(folder, files)

    def waiting(saver):
        waited_for.set()
        finish(saver)
        waited_for.clear()

    def note():
        found = checkpoint.find_all(tmp_path)
        lost.append(state.step - (int(found[-1].name[5:]) if found else 0))
        return False

    monkeypatch.setattr(checkpoint, "write_files", slowly)
    monkeypatch.setattr(Saver, "finish", waiting)
    state = tiny.fresh()
    tiny.go_on(state, tmp_path, total=12, save_every=interval, asked=note)
    assert len(lost) == 12 and max(lost) == math.ceil(interval)  # training went on meanwhile
