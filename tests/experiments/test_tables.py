"""The page holds what the committed result files give, to the last figure; a wrong one is found."""

import json
import re
import shutil

import numpy as np
import pytest

from experiments.page import write_html
from experiments.presets import EXPERIMENTS
from experiments.published import PAGES
from experiments.results import RESULTS, load
from experiments.tables import BEGIN, END, PAGE, check_page, section, write_page
from pages.text import escape
from tests.conftest import command, done, refused

COMMITTED = sorted(RESULTS.glob("*.json"))


@pytest.fixture
def copy(tmp_path):
    """The page and the result files, to be spoiled."""
    shutil.copy(PAGE, tmp_path / "page.md")
    (tmp_path / "results").mkdir()
    for path in COMMITTED:
        shutil.copy(path, tmp_path / "results")
    return tmp_path / "page.md", tmp_path / "results"


def test_every_figure_of_the_page_is_regenerated():
    check_page()
    done(command("experiments", "tables", "--check"))


def test_writing_changes_nothing_else(copy):
    page, folder = copy
    before = page.read_text()
    page.write_text(re.sub(f"{BEGIN}.*{END}", f"{BEGIN}\n{END}", before, flags=re.DOTALL))
    write_page(page, folder)
    assert page.read_text() == before


def figures(text):
    """Places of all numbers between the markers."""
    start, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    return [m for m in re.finditer(r"\d+\.\d+|\d+", text) if start <= m.start() < end]


def test_any_planted_figure_is_found(copy):
    page, folder = copy
    text = page.read_text()
    found = figures(text)
    if not found:
        pytest.skip("no experiment is committed yet")
    for match in found[:: max(len(found) // 40, 1)]:
        digit = match.end() - 1
        wrong = str((int(text[digit]) + 1) % 10)
        page.write_text(text[:digit] + wrong + text[digit + 1 :])
        with pytest.raises(ValueError, match="what the result files give"):
            check_page(page, folder)


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_a_planted_result_is_found(copy, path):
    page, folder = copy
    data = json.loads(path.read_text())
    key = PAGES[path.stem].columns[0].figure
    next(run for run in data["runs"] if run["figures"])["figures"][key] += 0.5
    (folder / path.name).write_text(json.dumps(data))
    with pytest.raises(ValueError, match="what the result files give"):
        check_page(page, folder)


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_means_are_those_of_the_raw_numbers(path):
    """By another way than the code's: from the JSON text, with numpy."""
    page = PAGES[path.stem]
    rows = {
        line.split("|")[1].strip(): line for line in section(RESULTS).splitlines() if "|" in line
    }
    text = section(RESULTS)
    text = text[text.index(f"### {page.title}") :]
    for arm in load(path).runs:
        raw = [run for run in json.loads(path.read_text())["runs"] if run["arm"] == arm]
        column = page.columns[0]
        values = [column.factor * run["figures"][column.figure] for run in raw if run["figures"]]
        row = next(line for line in text.splitlines() if line.startswith(f"| `{arm}` |"))
        assert f"| {np.mean(values):.{column.digits}f}" in row, rows


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_errors_are_what_was_judged_wrongly(path):
    results = load(path)
    for arm in results.runs:
        for run in results.runs[arm].values():
            figures = run["figures"] or {}
            for key in [key for key in figures if key.endswith("wrong")]:
                wrong = figures[key]
                assert wrong == sorted(set(wrong))
                if key == "wrong":
                    assert figures["error_percent"] == 100 * len(wrong) / figures["images"]
                else:  # ten folds of 600
                    name = key.removesuffix("_wrong")
                    error = len(wrong) / figures[f"{name}_pairs"]
                    assert figures[f"{name}_accuracy"] == pytest.approx(1 - error, abs=1e-12)


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_committed_runs_are_of_the_preset(path):
    experiment, results = EXPERIMENTS[path.stem], load(path)
    assert set(results.runs) <= {arm.name for arm in experiment.arms}
    assert results.about["settings"]["epochs"] == experiment.epochs
    for name, runs in results.runs.items():
        arm = experiment.arm(name)
        searched = results.searches[arm.like or name]
        assert len(searched) == len(experiment.arm(arm.like or name).points)
        known = [one for one in searched if one["criterion"] is not None]
        best = min(known, key=lambda one: one["criterion"])["point"]
        for run in runs.values():
            assert run["point"] == ({"lr": best["lr"]} if arm.like else best)


def test_a_page_without_markers_is_refused(tmp_path):
    (tmp_path / "page.md").write_text("nothing\n")
    with pytest.raises(ValueError, match="expected the markers"):
        check_page(tmp_path / "page.md")


def test_collect_refuses_an_empty_folder(tmp_path):
    said = refused(command("experiments", "collect", "--from", tmp_path))
    assert "expected finished runs" in said


def test_one_html_page(tmp_path):
    if not COMMITTED:
        pytest.skip("no experiment is committed yet")
    write_html(tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text().partition("<script")[0]
    for path in COMMITTED:
        assert escape(PAGES[path.stem].title) in text
    assert "**" not in text and 'src="data:image/png' in text
