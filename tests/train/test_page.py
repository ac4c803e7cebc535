"""The page of a run: figures are the log's, text is escaped, whatever is missing."""

import base64
import json
import re
import subprocess
import sys
from importlib import resources

import numpy as np
import pytest
import torch

from data_prep.files import write_json
from data_prep.images import decode
from data_prep.transforms import Transform
from tests.conftest import ROOT, command, done, refused
from tests.eval.report.browser import Browser
from tests.html_words import Words
from train.page import keeper
from train.page.curves import smoothed
from train.page.draw import page_of
from train.page.gather import gather
from train.page.keeper import PageKeeper
from train.page.log_file import Series
from train.page.run_file import begin_session, end_session, read_run_file
from train.page.samples import COLUMNS, contact_sheet, shown, write_samples

CONFIG = """\
batch: 10
epochs: 4
data: {records: ["a/<b>train"]}
optim: {non_finite: skip}
augment: {flip: 0.5}
validation: {pairs: "lists/<i>pairs.txt", best: accuracy}
"""


@pytest.fixture
def run(tmp_path):
    """A run of 40 steps that was killed at 25, went on from 20, and is now at 30."""
    folder = tmp_path / "<script>run"
    folder.mkdir()
    (folder / "config.yaml").write_text(CONFIG)
    facts = {"total": 40, "batch": 10, "command": "python -m train <&>"}
    facts["data"] = {"images": 100, "classes": 7, "records": ["cafe" * 16]}
    begin_session(folder, facts, {"step": 0, "reached": 0, "ranks": 2, "device": "cpu"})
    begin_session(folder, facts, {"step": 20, "reached": 25, "ranks": 1, "device": "cpu"})
    lines = [line(step, step * 2.0) for step in range(1, 21)]
    lines += [line(step, (step - 20) * 3.0) for step in range(21, 31)]
    for at, step, accuracy in ((20, 20, 0.9), (31, 30, 0.95)):
        figures = {"accuracy": accuracy, "std_error": 0.01, "tar_at_far_1e-2": 0.5}
        lines.insert(at, {"kind": "validation", "step": step, "seconds": 40.0, **figures})
    lines[-1]["seconds"] = 30.0
    text = "".join(json.dumps(one) + "\n" for one in lines)
    (folder / "log.jsonl").write_text(text + '{"kind": "train", "step": 31, "lo')
    for step in (20, 30):
        meta = {"step": step, "samples": step * 10, "best": 0.95, "best_step": 30}
        write_json(folder / f"checkpoints/step_{step:08d}/meta.json", meta)
    bad = {"step": 12, "loss": "nan", "gradient_norm": "<inf>", "ranks": [1], "batch": []}
    write_json(folder / "non_finite/step_00000012.json", bad)
    return folder


def line(step, seconds):
    loss = float("nan") if step == 12 else 10 / step
    values = {"loss": loss, "lr": 0.1, "images_per_second": 5.0, "hard_negative_share": 0.25}
    return {"kind": "train", "step": step, "seconds": seconds, **values}


def values_of(html, label):
    """x and y of the first curve of that name, out of the page."""
    found = re.search(rf'data-label="{label}"><path [^>]*data-x="([^"]*)" data-y="([^"]*)"', html)
    return [np.frombuffer(base64.b64decode(one), "<f8") for one in found.groups()]


def test_what_was_gathered_is_what_the_files_say(run):
    found = gather(run)
    assert (found.step, found.total, found.epoch) == (30, 40, 10)
    assert found.train["loss"].steps == [s for s in range(1, 31) if s != 12]
    assert found.train["loss"].values == [10 / s for s in range(1, 31) if s != 12]
    assert found.validation[""]["accuracy"] == Series([20, 30], [0.9, 0.95])
    assert found.seconds == 40 + 30 and found.pace == 3 and found.seconds_left == 30
    assert [bad.step for bad in found.bad_steps] == [12] and found.best == (0.95, 30)
    assert [(one.step, one.kept_as_best) for one in found.checkpoints] == [(20, False), (30, True)]
    assert found.missing == ["samples.jpg is not there: what the loader feeds cannot be shown."]


def test_the_page_shows_the_log_and_escapes_every_word(run):
    html = page_of(gather(run), now=0)
    x, y = values_of(html, "as logged")
    np.testing.assert_array_equal(x, [s for s in range(1, 31) if s != 12])
    np.testing.assert_array_equal(y, 10 / x)
    words = Words(html)
    tags = [tag for tag, _ in words.tags]
    assert tags.count("script") == 1 and "i" not in tags and "img" not in tags
    for said in ("Training: <script>run", "a/<b>train", "<i>pairs.txt", "<inf>", "<&>"):
        assert said in words.text, said
    for said in ("Running, or killed: step 30 of 40", "time left 30 s", "75.0%", "restarts 1"):
        assert said in words.text, said
    for said in (
        "killed 0 25 – 2 cpu",
        "still running, or killed 20 – 5 1 cpu",
        "0.9500 at step 30",
        "12 nan <inf> 1",
        "left out of the training",
    ):
        assert said in words.text, said
    loaded = [v for _, attrs in words.tags for k, v in attrs.items() if k in ("src", "href")]
    assert all(one.startswith(("#", "data:")) for one in loaded)


def test_several_sets_are_several_lines(run):
    with (run / "log.jsonl").open("a") as file:
        values = {"lfw/accuracy": 0.99, "lfw/std_error": 0.001, "cfp/accuracy": 0.8}
        file.write("\n" + json.dumps({"kind": "validation", "step": 32, "seconds": 31, **values}))
    found = gather(run)
    assert set(found.validation) == {"", "lfw", "cfp"}
    html = page_of(found, now=0)
    for name in ("lfw", "cfp"):
        assert len(values_of(html, name)[0]) == 1
    assert "lfw: Accuracy" in html and len(values_of(html, "mean over the sets")[0]) == 2


def test_records_that_cannot_be_read_are_told(run):
    lines = [{"image": 3, "reason": "<b>cut"}, {"image": 3, "reason": "<b>cut"}]
    lines.append({"image": 4, "reason": "none"})
    text = "".join(json.dumps(one) + "\n" for one in lines)
    (run / "bad_records.jsonl").write_text(text + '{"image": 5, "rea')
    assert gather(run).bad_records == ["<b>cut", "none"]
    text = Words(page_of(gather(run), now=0)).text
    assert "2 records cannot be read" in text and "<b>cut none" in text


@pytest.mark.parametrize(
    "name", ["run.json", "log.jsonl", "config.yaml", "checkpoints", "non_finite"]
)
@pytest.mark.parametrize("damage", ["gone", "broken"])
def test_whatever_is_missing_is_said_and_the_rest_shown(run, name, damage):
    path = run / name
    for file in list(path.rglob("*.json")) if path.is_dir() else [path]:
        file.unlink() if damage == "gone" else file.write_bytes(b"\xff[1")
    html = page_of(gather(run), now=0)
    assert "<h2" in html
    if name in ("run.json", "config.yaml"):
        assert name in " ".join(gather(run).missing)
    if name == "run.json":  # restarts are seen by the log's clock
        assert [one["step"] for one in gather(run).sessions] == [0, 20]


def test_a_folder_that_is_no_run_is_refused_and_drawing_needs_no_torch(run, tmp_path):
    assert "expected a run's folder" in refused(command("train", "--page", tmp_path / "none"))
    script = (
        "import sys; from train.__main__ import main; main(sys.argv[1:]); "
        "assert not {'torch', 'matplotlib', 'cv2'} & set(sys.modules), sorted(sys.modules)"
    )
    words = [sys.executable, "-c", script, "--page", run]
    subprocess.run(words, cwd=ROOT, check=True, capture_output=True)
    assert "step 30 of 40" in (run / "page.html").read_text()


def test_sessions_add_up_and_end(tmp_path):
    assert read_run_file(tmp_path) == {}
    end_session(tmp_path, 3, "done")  # nothing to end
    begin_session(tmp_path, {"total": 9}, {"step": 0})
    end_session(tmp_path, 4, "asked to stop")
    begin_session(tmp_path, {"total": 12}, {"step": 4})
    known = read_run_file(tmp_path)
    assert known["total"] == 12 and [one["step"] for one in known["sessions"]] == [0, 4]
    assert known["sessions"][0]["outcome"] == "asked to stop"
    assert known["sessions"][0]["last_step"] == 4 and "ended" not in known["sessions"][1]


def test_a_page_that_cannot_be_drawn_stops_nobody(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(keeper, "_FIRST", 0.01)
    folder = tmp_path / "gone"
    with PageKeeper(folder, {"total": 1}, {"step": 0}, active=True):
        (folder / "run.json").unlink()
        (folder).rmdir()
    assert "says why" in capsys.readouterr().err
    with pytest.raises(KeyError), PageKeeper(folder, {"total": 1}, {"step": 0}, active=True):
        raise KeyError("x")
    assert read_run_file(folder)["sessions"][0]["outcome"] == "KeyError: 'x'"


def test_running_means():
    draw = np.random.default_rng(0).random(500)
    found, width = smoothed(Series(list(range(500)), draw.tolist()))
    expected = [draw[max(0, i + 1 - width) : i + 1].mean() for i in range(500)]
    np.testing.assert_allclose(found.values, expected)


def test_samples_are_the_network_s_input(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 8, 6, 3), dtype=np.uint8)
    transform = Transform(height=8, width=6)
    np.testing.assert_array_equal(shown(transform.normalise(pixels), transform), pixels)
    sheet = contact_sheet(np.concatenate([pixels] * 3))
    assert sheet.shape == (16, 6 * COLUMNS, 3)
    np.testing.assert_array_equal(sheet[:8, 6:12], pixels[1])
    np.testing.assert_array_equal(sheet[8:, 12:18], pixels[4])
    assert (sheet[8:, 18:] == 128).all()

    class Loader:
        batch_sampler = ((0, 2, 9),)

        class dataset:  # noqa: N801
            def __class_getitem__(cls, place):
                if place == 9:
                    raise ValueError("damaged")
                return np.full((8, 6, 3), 100 * place, np.uint8), 0

    def inverted(pixels, step, first):
        assert (step, first) == (7, 0) and isinstance(pixels, torch.Tensor)
        return -transform.normalise(pixels)

    write_samples(tmp_path, Loader, inverted, transform, 7)
    sheet = decode((tmp_path / "samples.jpg").read_bytes(), "sheet")
    levels = sheet.reshape(8, 3, 6, 3).mean(axis=(0, 2, 3))
    np.testing.assert_allclose(levels, [255, 55, 255], atol=12)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_has_no_complaint_and_axe_finds_nothing(run, tmp_path, scheme):
    axe = pytest.importorskip("axe_core_python", reason="axe-core is in requirements-dev.txt")
    write_json(run / "bad_records.jsonl", {"image": 1, "reason": "<b>cut"})
    (tmp_path / "page.html").write_text(page_of(gather(run), now=0))
    browser = Browser(tmp_path / "profile")
    try:
        browser.open(tmp_path / "page.html", scheme=scheme)
        assert browser.complaints() == []
        browser.value((resources.files(axe) / "axe.min.js").read_text(encoding="utf-8") + "; 1")
        assert browser.value("axe.run(document).then((r) => r.violations.map((v) => v.id))") == []
    finally:
        browser.close()


def settings(people, out):
    words = [f"data.records=[{people.records}]", f"out={out}", "batch=24", "log_every=1"]
    words += ["backbone.name=small_resnet", "backbone.dim=16", "backbone.height=64"]
    return [*words, "backbone.width=64", "backbone.batch_norm_group=4", "precision=float32"]


def test_a_run_leaves_its_page(people, tmp_path):
    out = tmp_path / "run"
    done(command("train", *settings(people, out), "epochs=1"))
    text = Words((out / "page.html").read_text()).text
    assert "Done: step 3 of 3" in text and "72 images of 12 people" in text
    assert decode((out / "samples.jpg").read_bytes(), "sheet").shape == (128, 64 * 12, 3)
    manifest = json.loads(people.records.with_name("train.manifest.json").read_text())
    assert manifest["files"]["rec"]["sha256"] in text


@pytest.mark.slow
def test_a_run_of_two_processes_that_goes_on_adds_to_its_page(people, tmp_path):
    out = tmp_path / "run"
    done(command("train", *settings(people, out), "epochs=1", ranks=2))
    done(command("train", *settings(people, out), "epochs=2", "--resume"))
    text = Words((out / "page.html").read_text()).text
    assert "Done: step 6 of 6" in text and "restarts 1" in text
    assert [one["ranks"] for one in read_run_file(out)["sessions"]] == [2, 1]
