"""What a run says while it trains."""

import json
import sys
from types import SimpleNamespace

import pytest

from train.log import Log
from train.tracking import check_tracking


class FakeRun:
    """Takes what W&B would."""

    def __init__(self, **settings):
        self.settings, self.id = settings, settings["id"] or "abc"
        self.logged, self.exit_code = [], None

    def log(self, values, step):
        self.logged.append((step, values))

    def finish(self, exit_code):
        self.exit_code = exit_code


@pytest.fixture
def runs(monkeypatch):
    """A module of the package's name, and the runs that were begun with it."""
    found = []

    def init(**settings):
        found.append(FakeRun(**settings))
        return found[-1]

    module = SimpleNamespace(init=init, __spec__=SimpleNamespace(name="wandb"))
    monkeypatch.setitem(sys.modules, "wandb", module)
    return found


def test_values_go_to_wandb_and_a_resumed_run_is_the_same_one(tmp_path, runs):
    check_tracking("faces")
    settings = {"seed": 3}
    with Log(tmp_path, start=0, total=4, wandb="faces", settings=settings) as log:
        log.scalars("train", 2, {"loss": 1.5})
    with pytest.raises(RuntimeError), Log(tmp_path, start=2, total=4, wandb="faces") as log:
        log.scalars("validation", 3, {"lfw/accuracy": 0.5})
        raise RuntimeError
    first, second = runs
    assert first.settings["project"] == "faces" and first.settings["config"] == settings
    assert first.settings["id"] is None and second.settings["id"] == "abc"
    assert first.logged == [(2, {"train/loss": 1.5})] and first.exit_code == 0
    assert second.logged == [(3, {"validation/lfw/accuracy": 0.5})] and second.exit_code == 1
    assert json.loads((tmp_path / "wandb.json").read_text()) == {"id": "abc", "project": "faces"}


def test_without_a_project_wandb_is_left_alone(tmp_path, runs):
    with Log(tmp_path, start=0, total=4):
        pass
    assert not runs and not (tmp_path / "wandb.json").exists()
    check_tracking("")


def test_a_package_that_is_not_there_is_one_line(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"^wandb=faces: expected the package wandb, .*pip "):
        check_tracking("faces")


def test_what_wandb_refuses_is_one_line(tmp_path, monkeypatch):
    def init(**settings):
        raise RuntimeError("api_key not configured (no-tty)\nand more")

    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(init=init))
    with pytest.raises(ValueError, match=r"^wandb=faces: api_key not configured .*wandb login"):
        Log(tmp_path, start=0, total=4, wandb="faces")


def test_lines_of_steps_that_are_done_again_are_dropped(tmp_path):
    with Log(tmp_path, start=0, total=4) as log:
        for step in (1, 2, 3):
            log.scalars("train", step, {"loss": float(step)})
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"kind": "train", "st')  # cut short by a kill
    with Log(tmp_path, start=2, total=4) as log:
        log.scalars("train", 3, {"loss": 5.0})
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [(line["step"], line["loss"]) for line in lines] == [(1, 1.0), (2, 2.0), (3, 5.0)]
