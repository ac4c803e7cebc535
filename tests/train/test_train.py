"""Whole runs through the commands: ranks, resume, refusals."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file

from tests.conftest import ROOT, command, done, refused

PATIENCE = 400
"""Seconds after which a run hangs, however loaded the machine is."""


def settings(people, out, **changes):
    """A tiny run in float32, so that runs can be compared."""
    config = {
        "out": str(out),
        "epochs": 2.0,
        "batch": 24,
        "precision": "float32",
        "log_every": 1,
        "checkpoint_epochs": 1.0,
        "data": {"records": [str(people.records)]},
        "augment": {"flip": 0.5, "shift": 0.05, "light": 0.1, "colour": 0.2, "erase": 0.3},
        "backbone": {
            "name": "small_resnet",
            "dim": 16,
            "height": 64,
            "width": 64,
            "batch_norm_group": 4,
        },
        "loss": {"name": "sv_am", "args": {"scale": 16}, "warmup_epochs": 1.0},
        "optim": {"lr": 0.002},  # gentle: a chaotic run would amplify the last digits
        **changes,
    }
    file = out.with_suffix(".yaml")
    file.write_text(yaml.safe_dump(config))
    return file


def losses(out):
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    return [line["loss"] for line in lines if line["kind"] == "train"]


@pytest.fixture(scope="module")
def alone(people, tmp_path_factory):
    """An uninterrupted run of 6 steps on one process, verified while it trains."""
    out = tmp_path_factory.mktemp("train") / "alone"
    validation = {"images": str(people.crops), "pairs": str(people.pairs), "every_epochs": 1.0}
    done(command("train", "--config", settings(people, out, validation=validation)))
    return out


def test_a_run_leaves_what_it_promises(alone):
    assert len(losses(alone)) == 6
    lines = [json.loads(line) for line in (alone / "log.jsonl").read_text().splitlines()]
    verified = [line for line in lines if line["kind"] == "validation"]
    assert [line["step"] for line in verified] == [3, 6]
    assert all(0 <= line["accuracy"] <= 1 for line in verified)
    meta = json.loads((alone / "export/meta.json").read_text())
    assert meta["backbone"] == "small_resnet" and meta["transform"]["height"] == 64
    assert list((alone / "tensorboard").glob("events*"))
    assert (alone / "checkpoints/step_00000006/meta.json").exists()


@pytest.mark.parametrize("ranks", [2, 3])
def test_losses_are_the_same_on_any_number_of_ranks(people, alone, tmp_path, ranks):
    out = tmp_path / "several"
    done(command("train", "--config", settings(people, out), ranks=ranks))
    assert losses(out) == pytest.approx(losses(alone), rel=1e-4)


@pytest.mark.slow
def test_fifty_losses_of_a_real_network_are_the_same_everywhere(people, tmp_path):
    """1, 2, 3, 4 processes and four micro-batches, float32, to 1e-6.

    At a rate at which rounding does not grow: each step of a network with BatchNorm amplifies the
    last digits of the step before, by more the longer the step (at 100 times this rate a millionth
    becomes a hundredth in 50 steps). It learns nevertheless.
    """
    found = {}
    for ranks, parts in ((0, 1), (2, 1), (3, 1), (4, 1), (0, 4)):
        out = tmp_path / f"run{ranks}{parts}"
        gentle = {"lr": 1e-5, "accumulate": parts, "warmup_epochs": 0.0}
        longer = {"batch": 48, "epochs": 50 * 48 / 72, "optim": gentle}
        # Not SV-AM: its loss jumps where a negative becomes hard, on each kind of CPU at another
        loss = {"name": "am", "args": {"scale": 16}}
        file = settings(people, out, loss=loss, **longer)
        done(command("train", "--config", file, ranks=ranks))
        found[ranks, parts] = losses(out)
    alone = found.pop((0, 1))
    assert len(alone) == 50 and alone[-1] < 0.95 * alone[0]
    for split, several in found.items():
        assert several == pytest.approx(alone, rel=1e-6), split


def test_a_run_that_stopped_goes_on_on_other_ranks(people, alone, tmp_path):
    out = tmp_path / "stopped"
    file = settings(people, out)
    done(command("train", "--config", file, ranks=2))
    shutil.rmtree(out / "checkpoints/step_00000006")  # as if it had been killed after step 5
    done(command("train", "--config", file, "--resume"))
    assert losses(out) == pytest.approx(losses(alone), rel=1e-4)


def test_an_untrained_network_can_be_written(people, tmp_path):
    out = tmp_path / "untrained"
    done(command("train", "--config", settings(people, out), "--untrained"))
    assert json.loads((out / "export/meta.json").read_text())["step"] == 0
    assert not (out / "checkpoints").exists()


@pytest.mark.parametrize(
    "words, expected",
    [
        (["loss.name=sv_amm"], "unknown loss 'sv_amm'; did you mean 'sv_am'?"),
        (["loss.args.margins=1"], "unknown setting of loss 'sv_am' 'margins'; did you mean"),
        (["loss.name=am", "loss.args.scale=-1"], "expected scale > 0, got -1"),
        (["backbone.name=iresnet5"], "unknown backbone 'iresnet5'; did you mean 'iresnet50'?"),
        (["optim.lrr=1"], "unknown key 'optim.lrr'; did you mean 'optim.lr'?"),
        (["batch=13"], "batch: expected a multiple of 1 ranks x 4"),
        (["backbone.height=112"], "crops are 64x64"),
        (["data.records=[none/train]"], "none/train.rec"),
        (["validation.pairs=none.txt", "validation.images={crops}"], "none.txt"),
        (["--confg", "x"], "unrecognized arguments"),
    ],
)
def test_wrong_input_is_one_line_and_leaves_nothing(people, tmp_path, words, expected):
    out = tmp_path / "wrong"
    words = [word.format(crops=people.crops) for word in words]
    line = refused(command("train", "--config", settings(people, out), *words))
    assert expected in line
    assert not (out / "checkpoints").exists() and not (out / "export").exists()


def test_an_earlier_run_is_not_overwritten(people, alone):
    line = refused(command("train", "--config", settings(people, alone)))
    assert "holds an earlier run; go on with --resume" in line


def test_a_run_that_diverges_stops_and_says_what_to_do(people, tmp_path):
    out = tmp_path / "wild"
    result = command("train", "--config", settings(people, out, optim={"lr": 1e30, "clip": 0}))
    assert result.returncode == 1 and "stopped: loss" in result.stderr
    assert "resume from it with a lower optim.lr" in result.stderr
    assert "Traceback" not in result.stderr
    assert not list(out.glob("checkpoints/step_*"))
    (file,) = (out / "non_finite").iterdir()
    bad = json.loads(file.read_text())
    (batch,) = bad["batch"]
    assert bad["ranks"] == [0] and batch["rank"] == 0 and len(batch["records"]) == 24
    assert set(batch["records"][0]) == {"rec", "key", "label"}


def test_a_run_that_skips_goes_on(people, tmp_path):
    out = tmp_path / "skips"
    optim = {"lr": 1e30, "clip": 0, "non_finite": "skip"}
    result = done(command("train", "--config", settings(people, out, optim=optim)))
    files = sorted(path.name for path in (out / "non_finite").iterdir())
    assert "step_00000006.json" in files and "its records are in" in result.stderr


def test_micro_batches_and_running_means_by_the_settings(people, alone, tmp_path):
    out = tmp_path / "parts"
    optim = {"lr": 0.002, "accumulate": 3, "ema": 0.9}
    done(command("train", "--config", settings(people, out, optim=optim)))
    assert losses(out) == pytest.approx(losses(alone), rel=1e-4)
    checkpoint = out / "checkpoints/step_00000006"
    average = load_file(checkpoint / "backbone_average.safetensors")
    exported = load_file(out / "export/backbone.safetensors")
    last = load_file(checkpoint / "backbone.safetensors")
    assert all(torch.equal(exported[name], tensor) for name, tensor in average.items())
    assert not torch.equal(exported["conv1.weight"], last["conv1.weight"])


def test_fine_tuning_starts_where_the_other_run_ended(people, alone, tmp_path):
    out = tmp_path / "tuned"
    init = {"backbone": str(alone), "head": str(alone)}
    optim = {"lr": 1e-9}
    done(command("train", "--config", settings(people, out, init=init, optim=optim, epochs=0.3)))
    trained, tuned = (load_file(run / "export/backbone.safetensors") for run in (alone, out))
    torch.testing.assert_close(tuned["conv1.weight"], trained["conv1.weight"])
    assert losses(out)[0] < losses(alone)[0]


@pytest.mark.parametrize("ranks", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_sigterm_saves_and_the_same_command_goes_on(people, tmp_path, ranks):
    """As a pre-emptible machine ends and starts again; checkpoints lie far apart."""
    whole, out = tmp_path / "whole", tmp_path / "cut"
    longer = {"epochs": 12.0, "checkpoint_epochs": 12.0}
    done(command("train", "--config", settings(people, whole, **longer), ranks=ranks))
    file = settings(people, out, **longer)
    with started("train", "--config", file, "--resume", ranks=ranks) as run:
        when_lines(out, 5)
        run.send_signal(signal.SIGTERM)
        _, errors = run.communicate(timeout=PATIENCE)
    if not ranks:
        assert run.returncode == 143
        assert errors.strip().splitlines()[-1].endswith("is saved; go on with --resume")
    (saved,) = (out / "checkpoints").glob("step_*")
    assert run.returncode and 5 <= int(saved.name[5:]) < 36
    assert not (out / "export").exists()
    done(command("train", "--config", file, "--resume", ranks=ranks))
    assert losses(out) == losses(whole)


@pytest.mark.slow
def test_torchrun_restarts_a_run_whose_rank_was_killed(people, tmp_path):
    whole, out = tmp_path / "whole", tmp_path / "cut"
    longer = {"epochs": 12.0, "checkpoint_epochs": 2.0}
    done(command("train", "--config", settings(people, whole, **longer), ranks=2))
    file = settings(people, out, **longer)
    with started("train", "--config", file, "--resume", ranks=2, restarts=2) as run:
        when_lines(out, 10)
        os.kill(workers(run.pid)[1], signal.SIGKILL)
        _, errors = run.communicate(timeout=PATIENCE)
    assert run.returncode == 0, errors
    assert losses(out) == losses(whole)


@pytest.mark.parametrize("ranks", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_a_disk_that_fills_up_is_one_line_and_what_was_saved_stays(people, tmp_path, ranks):
    def confine():  # no file may grow beyond this: enough for all but the network's weights
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    out = tmp_path / "full"
    file = settings(people, out)
    result = command("train", "--config", file, ranks=ranks, preexec_fn=confine)
    told = [line for line in result.stderr.splitlines() if "File too large" in line]
    assert result.returncode and all("step_00000002/backbone" in line for line in told)
    if not ranks:
        assert result.returncode == 2 and len(told) == 1 and "Traceback" not in result.stderr
    assert list((out / "checkpoints").iterdir()) == [] and not (out / "export").exists()
    done(command("train", "--config", file, "--resume", ranks=ranks))


@contextmanager
def started(*words, ranks, restarts=0):
    """The same command as `command`, while it runs; ended with the block."""
    launch = [sys.executable]
    if ranks:
        launch += ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}"]
        launch += [f"--max-restarts={restarts}"]
    run = subprocess.Popen(
        [*launch, "-m", *map(str, words)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield run
    finally:
        run.kill()


def when_lines(out, count):
    """Waits until a run has logged so much."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        path = out / "log.jsonl"
        if path.exists() and path.read_text().count("\n") >= count:
            return
        time.sleep(0.01)
    raise AssertionError("the run has not begun")


def workers(pid):
    """Processes that torchrun started."""
    return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
