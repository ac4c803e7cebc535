"""Results of every kind of protocol, made by the real commands, and what the page shows of them."""

import json
import shlex

import numpy as np
import pytest
from scipy.io import savemat

from data_prep.files import write_json
from eval.__main__ import main
from eval.embeddings import save
from eval.report import search_plots
from eval.report.html import page
from eval.report.results import groups_of, read_result, section_of, series_of, unfolded
from eval.report.shapes import has, others, rate_keys
from pages.drawing import svg
from tests.conftest import command, refused
from tests.eval import fakes
from tests.eval.report.test_report import HOSTILE, Page

KINDS = ("lfw", "rfw", "blufr", "retrieval", "megaface")


def blufr_config(folder):
    def cells(items):
        array = np.empty((len(items), 1), dtype=object)
        for place, rows in enumerate(items):
            array[place, 0] = rows
        return array

    test = np.arange(1, 41)[:, None]
    gallery = np.arange(1, 21, 4)[:, None]
    probes = np.concatenate([gallery + 1, gallery + 20])
    content = {
        "imageList": cells([name.split("/")[1] for name in fakes.names()]),
        "labels": np.repeat(np.arange(1, fakes.PEOPLE + 1), fakes.EACH)[:, None],
        "testIndex": cells([test, test + 4]),
        "galIndex": cells([gallery, gallery + 4]),
        "probIndex": cells([probes, probes + 4]),
    }
    if not (folder / "config.mat").exists():  # it holds the time, so that a second one differs
        savemat(folder / "config.mat", content)
    return folder / "config.mat"


def options(folder, prefix):
    """Of each kind, and its lists."""
    lists = []
    for seed, name in enumerate(("African", "Asian")):
        lists.append(folder / f"{name}_pairs.txt")
        lists[-1].write_text(fakes.lfw_text(fakes.pairs(seed + 1), header=False))
    (folder / "pairs.txt").write_text(fakes.lfw_text(fakes.pairs()))
    names = [f"{n % 3}/{n}_0.jpg" for n in range(200)]
    random = np.random.default_rng(9).normal(size=(200, 8))
    save(folder / "D", names, random.astype(np.float32), {})
    (folder / "noises.txt").write_text("P00_0001.png\n")
    x = ("--embeddings", prefix)
    return {
        "lfw": ("--pairs", folder / "pairs.txt", *x, "--far", "0.1", "0.001"),
        "rfw": ("--pairs", *lists, *x, "--far", "0.1"),
        "blufr": ("--config", blufr_config(folder), *x, "--far", "0.1", "--open-set-far", "0.4"),
        "retrieval": x,
        "megaface": (
            *("--probes", prefix, "--distractors", folder / "D", "--device", "cpu"),
            *("--probe-noises", folder / "noises.txt", "--far", "1e-2", "1e-3", "1e-9"),
        ),
    }


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A result file of each kind, of two models."""
    folder = tmp_path_factory.mktemp("kinds")
    found = {}
    for seed, model in enumerate(("runs/a", "runs/b")):
        prefix = fakes.embeddings(folder, seed, noise=0.9 - 0.4 * seed, model=model)
        for kind, words in options(folder, prefix).items():
            found[kind, seed] = folder / f"{kind}{seed}.json"
            words = ("run", "--protocol", kind, *words, "--out", found[kind, seed])
            main([str(word) for word in words])
    return found


@pytest.fixture(scope="module")
def kinds(files):
    return {key: read_result(path) for key, path in files.items()}


def text_of(*results):
    return " ".join(" ".join(Page(page(list(results), "Title")).text).split())


def shown(text, *figures):
    for figure in figures:
        assert (f"{figure:.4f}" if isinstance(figure, float) else str(figure)) in text


def test_one_page_holds_all_kinds_side_by_side(kinds):
    found = Page(page(list(kinds.values()), "Title"))
    text = " ".join(" ".join(found.text).split())
    assert "10 results, 2 models, 5 test sets." in text
    titles = [kinds[kind, 0]["title"] for kind in KINDS]
    shown(text, *titles, "RFW, African", "RFW, Asian", "without noisy probes")
    headings = [a["id"] for tag, a in found.tags if tag == "h2"]
    assert headings.pop() == "again"
    assert len(headings) == 1 + len(KINDS) + 2 + 1  # summary, kinds, groups, without noise
    assert len(found.ids) == len(set(found.ids))
    assert sum(tag == "table" for tag, _ in found.tags) == sum(
        tag == "caption" for tag, _ in found.tags
    )


def test_verification_shows_bootstrap_and_the_smallest_rate(kinds):
    one = kinds["lfw", 0]
    text = text_of(one)
    drawn = one["bootstrap"]
    low, high = drawn["accuracy"]["ci95"]
    assert f"[{low:.4f}, {high:.4f}]" in text
    low, high = drawn["tar_at_far"][0]["ci95"]
    assert f"[{low:.4f}, {high:.4f}]" in text
    shown(
        text, f"draws of {drawn['units']} people", f"one impostor pair, {one['smallest_far']:.3g}"
    )
    shown(text, f"d′ {one['d_prime']:.3f}", "not resolvable")
    assert "Other figures" not in text


def test_groups_are_rows_and_sections_of_their_own(kinds):
    one = kinds["rfw", 0]
    text = text_of(one)
    over = one["spread"]
    shown(text, over["mean"], over["std"], f"{over['skewed_error_ratio']:.3f}")
    for group in one["groups"]:
        accuracy = group["result"]["accuracy"]
        row = f"{accuracy['mean']:.4f} ± {accuracy['std_error']:.4f}"
        assert row in text
        shown(text, f"RFW, {group['group']}", group["result"]["eer"], *accuracy["folds"])
        shown(text, group["result"]["data"]["pairs"]["sha256"])
    assert "Spread over groups" in text
    names = [each["title"] for each in groups_of(one)]
    assert names == ["RFW, African", "RFW, Asian"]


def test_rates_over_trials_show_mean_less_deviation(kinds):
    one = kinds["blufr", 0]
    text = text_of(one)
    assert rate_keys(one) == ["vr_at_far", "dir_at_far"]
    for key in rate_keys(one):
        point = one[key][0]
        assert point["resolvable"]
        shown(text, point["mean_less_std"], point["mean"], point["std"])
        assert f"{min(point['trials']):.4f} to {max(point['trials']):.4f}" in text
    shown(text, "VR @ FAR 0.1", "DIR @ FAR 0.4", "config.mat", one["data"]["config"]["sha256"])
    shown(text, "Detection and identification rate at given false-accept rates")


def test_retrieval_shows_recall_and_nmi(kinds):
    one = kinds["retrieval", 0]
    text = text_of(one)
    for row in one["recall"]:
        low, high = row["ci95"]
        shown(text, f"Recall@{row['k']}", row["recall"], f"[{low:.4f}, {high:.4f}]")
        shown(text, f"{row['hits']} of 48")
    shown(text, one["nmi"]["arithmetic"], one["nmi"]["geometric"], "48 images, 12 classes")
    assert "NMI" in text_of(one) and "NMI," not in text_of({**one, "nmi": None})


def test_identification_shows_every_size_with_and_without_noise(kinds):
    one = kinds["megaface", 0]
    text = text_of(one)
    for figures in (one, one["dropped"]):
        for row in figures["identification"]:
            low, high = row["ci95"]
            shown(text, f"{row['distractors']:,}", row["rank1"], f"[{low:.4f}, {high:.4f}]")
            shown(text, *row["recall"])
        for point in figures["tar_at_far"]:
            shown(text, f"{point['far']:g}", *[point["tar"]] * point["resolvable"])
    shown(text, "Rank 1 of 200", "CMC.", "Rank 1 by distractors.", "ROC.", "not resolvable")
    labels = [a.get("aria-label", "") for tag, a in Page(page([one], "T")).tags if tag == "svg"]
    assert sum("logarithmic" in label for label in labels) == 2 * 3
    assert "Other figures" not in text


def test_models_on_one_set_share_its_figures(kinds):
    for kind in KINDS:
        results = [kinds[kind, seed] for seed in (0, 1)]
        assert len({section_of(result) for result in results}) == 1
    one = series_of([kinds["megaface", 0], kinds["megaface", 1]])
    for plot in (search_plots.cmc(one), search_plots.distractors(one)):
        drawn = svg(plot, "a")
        assert 'class="c1"' in drawn and 'class="c2"' in drawn
    sections = {section_of(result) for result in unfolded(list(kinds.values()))}
    assert len(sections) == len(KINDS) + 2 + 1


def test_an_unknown_protocol_is_drawn_by_its_keys(kinds):
    one = {
        "schema": 1,
        "protocol": "new",
        "rank1": 0.8765,
        "tpir_at_fpir": [{"fpir": 0.01, "tpir": 0.4321}, {"fpir": 1e-9, "tpir": None}],
        "cmc": {"rank": [1, 2, 5], "recall": [0.8, 0.9, 1.0]},
        "odd": {"depth": [1, 2], "deep": [{"er": HOSTILE}]},
        "much": list(range(1000)),
        "absent": None,
    }
    text = text_of(one, kinds["lfw", 0])
    shown(text, 0.8765, 0.4321, "TPIR", "CMC.", "not resolvable")
    shown(text, "odd.depth", "1, 2", "odd.deep[1].er", "alert('x')", "(1,000 values)")
    assert "absent" not in text


def test_what_cannot_be_drawn_is_listed_instead(kinds):
    broken = {
        "accuracy": {"mean": 0.9},
        "roc": {"far": [0.1], "tar": []},
        "histogram": {"edges": [0], "genuine": [], "impostor": []},
        "tar_at_far": [3],
        "bootstrap": None,
        "hardest": [],
        "cmc": {"rank": [1]},
        "identification": [],
        "recall": [{"k": "one"}],
        "groups": [1],
        "counts": "many",
    }
    one = {**kinds["lfw", 0], **broken}
    assert not any(has(one, key) for key in broken)
    assert ("accuracy.mean", "0.9") in others(one)
    shown(text_of(one), "accuracy.mean", "0.9", f"{one['auc']:.5f}", "counts", "many")


@pytest.mark.parametrize("kind", KINDS)
def test_each_key_can_be_left_out(kinds, kind):
    whole = {**kinds[kind, 0], "dropped": None}
    if kind == "rfw":
        whole["groups"] = whole["groups"][:1]
    for key in set(whole) - {"schema", "protocol"}:
        one = {name: value for name, value in whole.items() if name != key}
        assert text_of(one)
        assert others(one) == []


def test_many_unknown_values_are_cut_short_and_counted():
    rows = others({"x": {str(n): n for n in range(130)}})
    assert rows[99:] == [("x.99", "99"), ("and more", "30 values, in the JSON file")]


def test_the_command_draws_them_or_says_one_line(files, tmp_path):
    out = tmp_path / "report.html"
    main(["report", *map(str, files.values()), "--out", str(out)])
    again = [json.loads(path.read_text()) for path in files.values()]
    words = ["python", "-m", "eval", "report", *map(str, files.values()), "--out", str(out)]
    assert out.read_text() == page(again, "Face verification report", command=shlex.join(words))
    write_json(tmp_path / "old.json", {**again[0], "schema": 2})
    words = ("eval", "report", tmp_path / "old.json", "--out", tmp_path / "none.html")
    assert 'old.json: expected a result with "schema": 1' in refused(command(*words))
    assert not (tmp_path / "none.html").exists()
