"""Which model is better, what is comparable, and the report's other files."""

import csv
import io
import json
import re
import subprocess
import sys

import numpy as np
import pytest

from data_prep.files import read_json, write_json
from eval.__main__ import main
from eval.embeddings import load
from eval.metrics.compat import COMPAT
from eval.protocols.verification import verify
from eval.report.again import commands
from eval.report.comparable import beside
from eval.report.html import page
from eval.report.markdown import markdown
from eval.report.paired import Comparison, comparisons, is_comparison, verdicts
from eval.report.results import series_of
from eval.versus import versus
from tests.conftest import ROOT, command, refused
from tests.eval import fakes
from tests.eval.report.test_report import HOSTILE, Page


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Results of a poor and of a good model, their comparison, and the folder they lie in."""
    folder = tmp_path_factory.mktemp("better")
    (folder / "pairs.txt").write_text(fakes.lfw_text(fakes.pairs(each=30)))
    for name, noise in (("a", 1.4), ("b", 0.3)):
        prefix = fakes.embeddings(folder, seed=4, noise=noise, model=f"runs/{name}")
        found = verify("lfw", folder / "pairs.txt", load(prefix), fars=["0.1", "0.01"])
        found["command"] = f"python -m eval run {name}"
        write_json(folder / f"{name}.json", found)
        for suffix in (".npy", ".txt", ".json"):
            prefix.with_suffix(suffix).unlink()
    write_json(folder / "ab.json", versus(str(folder / "a.json"), str(folder / "b.json")))
    return folder


@pytest.fixture
def both(files):
    return [read_json(files / f"{name}.json") for name in "ab"]


def text_of(html):
    return " ".join(" ".join(Page(html).text).split())


def comparison(low, high, **accuracy):
    found = {"first": 0.9, "second": 0.95, "ci95": [low, high], "difference": 0.05}
    return Comparison("A", "B", {"accuracy": found | accuracy, "tar_at_far": []})


def test_verdicts_ask_of_the_more_accurate_model():
    yes = verdicts(comparison(0.01, 0.09))[0]
    assert (yes.better, yes.other, yes.answer, yes.values) == ("B", "A", "yes", (0.95, 0.9))
    assert yes.because == "the interval of the difference, +0.0100 to +0.0900, lies above 0"
    unclear = verdicts(comparison(-0.01, 0.09, mcnemar_p=0.01))[0]
    assert unclear.answer == "cannot tell" and "McNemar's p = 0.01 would" in unclear.because
    turned = verdicts(comparison(-0.09, -0.01, first=0.95, second=0.9))[0]
    assert (turned.better, turned.answer, turned.ci95) == ("A", "yes", (0.01, 0.09))
    against = verdicts(comparison(-0.09, -0.01))[0]
    assert against.answer == "no" and against.because.startswith("A is: ")
    alike = comparison(0, 0, first=0.9, second=0.9, only_first=0, only_second=0)
    assert verdicts(alike)[0].because == "the two judge every pair alike"


def test_models_side_by_side_are_compared_as_versus_does(files, both):
    given = read_json(files / "ab.json")
    assert is_comparison(given) and not is_comparison(both[0])
    series = series_of(both)
    found = [comparisons(series, rows)[0] for rows in ([], [given])]
    assert verdicts(found[0]) == verdicts(found[1])
    accuracy, tar, _ = verdicts(found[0])
    assert (accuracy.better, accuracy.answer, tar.answer) == ("b", "yes", "yes")
    text = text_of(page(both, "T"))
    assert "yes , because the interval of the difference" in text
    assert f"{accuracy.values[0] - accuracy.values[1]:+.4f}" in text
    # the order of files does not matter
    again = verdicts(comparisons(series_of(both[::-1]), [given])[0])
    assert again == verdicts(found[0])


def test_a_comparison_without_its_results_has_a_section(files, both, tmp_path):
    main(["report", str(files / "ab.json"), "--out", str(tmp_path / "r.html")])
    text = text_of((tmp_path / "r.html").read_text())
    assert "LFW: two models" in text and "yes , because" in text
    given = read_json(files / "ab.json")
    assert given["pairs"]["sha256"] in text
    assert "LFW: two models" not in text_of(page(both, "T", [given]))


def test_models_of_unlike_lists_are_not_compared(both):
    both[1]["data"]["pairs"]["sha256"] = "0" * 64
    assert "Which model is better" not in page(both, "T")


def test_every_rule_says_whether_its_figures_compare(both):
    found = beside(both[0])
    assert len(found) == len(COMPAT)
    assert all(one.answer == "no" and "600 pairs" in one.because for one in found)
    full = {**both[0], "counts": {"genuine": 3000, "impostor": 3000, "pairs": 6000}}
    full["compat"] = "insightface"
    answers = {one.published.split(": ")[1]: one for one in beside(full)}
    assert answers[next(name for name in answers if "ArcFace" in name)].answer == "yes"
    facex = answers["FaceX-Zoo"]
    assert facex.answer == "no" and "--compat facex" in facex.because
    assert (
        "the feature is summed over the mirror image (flip-sum), theirs of one image"
        in facex.because
    )
    assert "flatters" in answers["COCO loss"].because
    assert beside({"protocol": "unheard of"}) == []


def test_commands_to_make_it_again_come_in_order(both):
    expected = ["python -m eval extract", "python -m eval run a", "python -m eval run b", "draw"]
    assert commands(both, "draw") == expected
    html = page(both, "T", command="draw <it>")
    assert "python -m eval run b\ndraw &lt;it&gt;</pre>" in html


def test_csv_holds_the_numbers_of_the_results(files, both, tmp_path):
    paths = [str(files / f"{name}.json") for name in "ab"]
    main(["report", *paths, "--out", str(tmp_path / "r.html"), "--csv", str(tmp_path / "csv")])
    rows = list(csv.DictReader(io.StringIO((tmp_path / "csv/roc.csv").read_text())))
    for name, one in zip("ab", both):
        for key in ("far", "tar", "threshold"):
            mine = [float(row[key]) for row in rows if row["model"] == name]
            np.testing.assert_array_equal(mine, one["roc"][key])
    names = {path.stem for path in (tmp_path / "csv").iterdir()}
    assert names == {*["figures", "rates", "folds", "roc", "histogram", "hardest", "compared"]}
    compared = (tmp_path / "csv/compared.csv").read_text()
    assert "b,a,accuracy," in compared and ",yes," in compared


def test_csv_cells_are_no_formulas(both, tmp_path):
    from eval.report.spreadsheets import write_tables

    both[0]["model"]["path"] = '=HYPERLINK("x")'
    write_tables(tmp_path, series_of(both[:1]), [])
    assert "'=HYPERLINK" in (tmp_path / "folds.csv").read_text()
    assert '\n"=' not in (tmp_path / "folds.csv").read_text()


def test_markdown_has_the_tables_and_escapes_names(both):
    both[0]["model"]["path"] = f"runs/{HOSTILE}|*[x](y)"
    text = markdown(page(both, "A title", command="draw"))
    assert text.startswith("# A title\n") and "<script" not in text.replace("\\<script", "")
    assert r"\|\*\[x\](y)" in text
    accuracy = both[1]["accuracy"]
    assert f"| {accuracy['mean']:.4f} ± {accuracy['std_error']:.4f}; [" in text.replace("\\[", "[")
    tables = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert len(tables) >= 4
    for rows in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in rows.splitlines()}) == 1
    assert both[0]["data"]["pairs"]["sha256"] in text
    assert "    draw" in text.splitlines()


def test_figures_are_files_of_the_same_plots(files, tmp_path):
    from PIL import Image

    words = ["report", str(files / "a.json"), "--out", str(tmp_path / "r.html")]
    main([*words, "--figures", str(tmp_path / "f")])
    names = sorted(path.name for path in (tmp_path / "f").iterdir())
    plots = ("det", "folds", "roc", "scores_1")
    assert names == sorted(f"1_lfw_{plot}.{kind}" for plot in plots for kind in ("pdf", "png"))
    for name in names:
        data = (tmp_path / "f" / name).read_bytes()
        assert data.startswith(b"%PDF" if name.endswith("pdf") else b"\x89PNG")
    with Image.open(tmp_path / "f/1_lfw_roc.png") as image:
        assert image.size == (1020, 750)


def test_figures_draw_the_points_of_the_results(both):
    from eval.report.paper import drawn
    from eval.report.plots import roc
    from pages.scales import positions

    plot = roc(series_of(both))
    lines = [line for line in drawn(plot).axes[0].get_lines() if line.get_label() in "ab"]
    assert len(lines) == 2
    for line, one in zip(lines, both):
        np.testing.assert_allclose(line.get_xdata(), positions(plot.x, one["roc"]["far"]))
        np.testing.assert_allclose(line.get_ydata(), positions(plot.y, one["roc"]["tar"]))


def test_drawing_needs_neither_torch_nor_the_data(files, tmp_path):
    """A process in which torch, OpenCV and matplotlib cannot be imported; embeddings are gone."""
    script = """
import sys
class Blocked:
    def find_spec(self, name, *_):
        if name.split(".")[0] in ("torch", "torchvision", "cv2", "onnxruntime", "matplotlib"):
            raise ImportError(f"{name} is blocked")
sys.meta_path.insert(0, Blocked())
from eval.__main__ import main
main(sys.argv[1:])
"""
    words = ["report", *(str(files / f"{name}.json") for name in ("a", "b", "ab"))]
    words += ["--out", str(tmp_path / "r.html"), "--csv", str(tmp_path / "csv")]
    words += ["--markdown", str(tmp_path / "r.md")]
    made = subprocess.run(
        [sys.executable, "-c", script, *words], cwd=ROOT, capture_output=True, text=True
    )
    assert made.returncode == 0, made.stderr
    assert "Which model is better" in (tmp_path / "r.html").read_text()


def test_outputs_never_replace_inputs_or_each_other(files, tmp_path):
    a, out = files / "a.json", tmp_path / "r.html"
    before = a.read_bytes()
    line = refused(command("eval", "report", a, "--out", a))
    assert f"--out {a}: is one of the results; choose another name" in line
    line = refused(command("eval", "report", a, "--out", out, "--markdown", out))
    assert "is written as --out" in line
    (tmp_path / "x").write_text("")
    line = refused(command("eval", "report", a, "--out", out, "--csv", tmp_path / "x"))
    assert "expected a folder" in line
    assert a.read_bytes() == before and not out.exists()


def test_a_page_of_one_model_is_small(both):
    assert len(page(both, "T").encode()) < 1_000_000
    assert json.loads(json.dumps(both)) == both
