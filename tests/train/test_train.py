"""Whole runs through the commands: ranks, resume, refusals."""

import json
import shutil

import pytest
import yaml

from tests.conftest import command, done, refused


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


def test_a_run_that_stopped_goes_on_on_other_ranks(people, alone, tmp_path):
    out = tmp_path / "stopped"
    file = settings(people, out)
    done(command("train", "--config", file, ranks=2))
    shutil.rmtree(out / "checkpoints/step_00000006")  # as if it had been killed after step 3
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
        (["--resume"], "expected a checkpoint to resume from"),
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
    assert result.returncode == 1 and "stopped: the" in result.stderr
    assert "resume from it with a lower optim.lr" in result.stderr
    assert "Traceback" not in result.stderr
    assert not list(out.glob("checkpoints/step_*"))
