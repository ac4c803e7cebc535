"""The framework on a task of 120 drawn images: resumable, searched apart from the test set."""

import json

import pytest
import torch

from experiments import fit, tasks, work
from experiments.design import Arm, Experiment
from experiments.fit import Images
from experiments.results import collect, load
from experiments.tasks.labelled import LabelledTask

EXPERIMENT = Experiment(
    name="drawn",
    task="drawn",
    net="lenet_heated",
    dim=4,
    epochs=2,
    search_epochs=1,
    batch=20,
    seeds=2,
    keep_embeddings=6,
    arms=(
        Arm(name="softmax", loss="softmax", points=({"lr": 1e30}, {"lr": 0.01})),
        Arm(name="coco", loss="coco", points=({"lr": 0.01, "alpha": 10.0}, {"lr": 0.1})),
        Arm(name="other", loss="normface", args={"scale": 4.0}, like="coco", seeds=1),
    ),
)


class Seen(LabelledTask):
    """Remembers what it was asked. As with faces, a search has a figure that a report has not."""

    criterion = "held_out_error"

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.asked = []

    def judge(self, state, loss, *, searching, keep):
        self.asked.append((searching, keep))
        figures = super().judge(state, loss, searching=searching, keep=keep)
        return figures | ({"held_out_error": figures["error_percent"]} if searching else {})


@pytest.fixture
def drawn(monkeypatch):
    """Three classes, each a bright band at its own height; files sorted by class."""
    pixels = torch.randint(0, 60, (120, 28, 28, 1), generator=torch.Generator().manual_seed(0))
    labels = torch.arange(120) // 40
    for label in range(3):
        pixels[labels == label, 8 * label : 8 * label + 8] += 150
    images = Images(pixels.byte(), labels, 3)
    task = Seen(images, Images(images.pixels[::4], labels[::4], 3), held_out=30)
    monkeypatch.setitem(tasks.TASKS, "drawn", lambda: task)
    tasks.open_task.cache_clear()
    yield task
    tasks.open_task.cache_clear()


def everything(out, seeds=2):
    searched = work.searches(EXPERIMENT, EXPERIMENT.arms, out)
    work.do_all(searched, 1, "search")
    work.do_all(work.runs(EXPERIMENT, EXPERIMENT.arms, out, seeds), 1, "runs")


def test_the_held_out_images_are_of_all_classes(drawn):
    kept = drawn.training(searching=True)
    assert len(kept.labels) == 90
    assert torch.bincount(drawn.train.labels[90:], minlength=3).min() > 0


def test_searches_never_see_the_test_set_and_nothing_is_done_twice(drawn, tmp_path):
    everything(tmp_path, seeds=1)
    assert drawn.asked == [(True, 0)] * 3 + [(False, 6)] * 3  # one of four points diverged
    assert json.loads((tmp_path / "drawn/softmax/search-0.json").read_text())["diverged"]
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.json")}
    everything(tmp_path)
    assert drawn.asked[6:] == [(False, 0)] * 2  # the second seed
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert not list(tmp_path.rglob("*.tmp"))
    assert work.found_point(EXPERIMENT, EXPERIMENT.arms[0], tmp_path) == {"lr": 0.01}
    like = work.found_point(EXPERIMENT, EXPERIMENT.arm("coco"), tmp_path)["lr"]
    assert work.found_point(EXPERIMENT, EXPERIMENT.arm("other"), tmp_path) == {"lr": like}


def test_collected_runs_are_what_was_run(drawn, tmp_path):
    everything(tmp_path / "out")
    results = load(collect(EXPERIMENT, tmp_path / "out", tmp_path))
    assert {arm: sorted(runs) for arm, runs in results.runs.items()} == {
        "softmax": [0, 1],
        "coco": [0, 1],
        "other": [0],
    }
    raw = json.loads((tmp_path / "out/drawn/coco/seed-1.json").read_text())
    assert results.runs["coco"][1]["figures"] == raw["figures"]
    assert raw["figures"]["error_percent"] == 100 * len(raw["figures"]["wrong"]) / 30
    assert len(results.runs["coco"][0]["figures"]["embeddings"]) == 6
    assert set(results.runs["coco"][0]["figures"]["labels"]) == {0, 1, 2}
    assert "embeddings" not in raw["figures"]
    assert [one["criterion"] is None for one in results.searches["softmax"]] == [True, False]


def test_a_repeated_run_gives_the_same_figures(drawn, tmp_path):
    for out in ("a", "b"):
        job = work.searches(EXPERIMENT, [EXPERIMENT.arms[1]], tmp_path / out)[0]
        work.do(job)
    a, b = (json.loads((tmp_path / f"{out}/drawn/coco/search-0.json").read_text()) for out in "ab")
    assert a["figures"] == b["figures"] and a["loss"] == b["loss"]


def test_every_loss_of_a_seed_sees_the_same_images_in_the_same_order(drawn, tmp_path, monkeypatch):
    seen = []
    real_batch = fit.global_batch

    def noted(step, **how):
        batch = real_batch(step, **how)
        seen.append(batch.tolist())
        return batch

    everything(tmp_path, seeds=0)
    monkeypatch.setattr(fit, "global_batch", noted)
    orders = []
    for job in work.runs(EXPERIMENT, EXPERIMENT.arms, tmp_path, 2):
        seen.clear()
        work.do(job)
        orders.append((job.index, str(seen)))
    assert len(orders) == 5 and len(set(orders)) == 2  # one order a seed, not one a loss


def test_results_of_other_settings_are_refused(drawn, tmp_path):
    job = work.searches(EXPERIMENT, EXPERIMENT.arms[1:2], tmp_path)[0]
    path = work.do(job)
    data = json.loads(path.read_text())
    data["settings"]["weight_decay"] = 0.1
    path.write_text(json.dumps(data))
    with pytest.raises(ValueError, match="other settings than the preset"):
        work.read_result(job, EXPERIMENT.arms[1].points[0])


@pytest.mark.slow
def test_two_workers(tmp_path, monkeypatch):
    """Without data each worker says what is missing."""
    monkeypatch.setenv("LIKENESS_DATA", str(tmp_path))
    from experiments.presets import EXPERIMENTS

    experiment = EXPERIMENTS["mnist_coco"]
    jobs = work.searches(experiment, experiment.arms[:1], tmp_path)
    with pytest.raises(FileNotFoundError, match=r"mnist.npz.*LIKENESS_DATA"):
        work.do_all(jobs, 2, "search")


def test_dry_run(drawn):
    said = work.dry_run(EXPERIMENT, list(EXPERIMENT.arms[1:]), 2)
    assert "2 trainings of the search, 3 to report: 8 epochs of 6 steps" in said
