import base64
import json
import re
from html.parser import HTMLParser
from statistics import NormalDist

import numpy as np
import pytest

from data_prep.files import write_json
from eval.embeddings import load
from eval.metrics.bootstrap import draws, interval
from eval.metrics.roc import clopper_pearson
from eval.protocols.pair_scores import unpacked
from eval.protocols.verification import verify
from eval.report import plots
from eval.report.band import band_of
from eval.report.html import page
from eval.report.results import read_result, series_of
from pages.drawing import svg
from pages.shell import SCRIPT
from tests.eval import fakes

HOSTILE = "<script>alert('x')</script>\"&<img src=x onerror=y>"
VOID = {"meta", "img", "br", "wbr"}


def result(folder, seed=0, compat=None, protocol="lfw", **more):
    pairs = folder / f"{protocol}.txt"
    text = {"lfw": fakes.lfw_text, "sllfw": fakes.sllfw_text}[protocol]
    pairs.write_text(text(fakes.pairs()))
    embeddings = load(fakes.embeddings(folder, seed, **more))
    return verify(protocol, pairs, embeddings, compat=compat, fars=["0.1", "0.05", "1e-3"])


class Page(HTMLParser):
    """Collects text, tags and ids, and checks that tags close in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.text, self.ids, self.scripts = [], [], [], [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.ids += [value for key, value in attrs if key == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)
        elif self.open and self.open[-1] != "style":
            self.text.append(data)


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    return [
        result(folder, 0, model="runs/a"),
        result(folder, 1, model="runs/b", noise=0.5),
        result(folder, 0, model="runs/a", compat="insightface"),
        result(folder, 0, model="runs/a", compat="sphereface"),
        result(folder, 1, model="runs/b", noise=0.5, protocol="sllfw"),
    ]


def test_every_figure_of_the_results_is_on_the_page(several):
    text = " ".join(" ".join(Page(page(several, "Title")).text).split())
    for one in several:
        accuracy = one["accuracy"]
        assert f"{accuracy['mean']:.4f} ± {accuracy['std_error']:.4f}" in text
        assert f"{one['eer']:.4f}" in text
        assert f"{one['auc']:.5f}" in text
        for share, threshold in zip(accuracy["folds"], accuracy["thresholds"]):
            assert f"{share:.4f}" in text
            assert f"{threshold:.4f}" in text
        for point in one["tar_at_far"]:
            if point["resolvable"]:
                low, high = point["ci95"]
                assert f"{point['tar']:.4f}" in text
                assert f"[{low:.4f}, {high:.4f}]" in text
        for note in one["notes"]:
            assert " ".join(note.split()) in text
        assert one["data"]["pairs"]["sha256"] in text
        assert one["data"]["embeddings"]["sha256"] in text
        for pair in one["hardest"]["genuine"] + one["hardest"]["impostor"]:
            assert f"{pair['score']:.4f}" in text
    assert "not resolvable" in text


def test_the_page_loads_nothing_and_has_no_id_twice(several):
    text = page(several, "Title")
    found = Page(text)
    assert not re.search(r"https?://|@import|url\((?!#)", text)
    assert {tag for tag, _ in found.tags}.isdisjoint({"link", "iframe", "object", "base", "form"})
    assert found.scripts == [SCRIPT] and [a for t, a in found.tags if t == "script"] == [{}]
    assert not any("style" in attributes for _, attributes in found.tags)
    for _, attributes in found.tags:
        assert attributes.get("src", "data:").startswith("data:")
        assert attributes.get("href", "#").startswith("#")
        assert not [key for key in attributes if key.startswith("on")]
    assert len(found.ids) == len(set(found.ids))
    used = set(re.findall(r'(?:url\(|href=")#([^")]+)', text))
    assert used <= set(found.ids)


def test_tables_and_pictures_can_be_read_aloud(several):
    found = Page(page(several, "Title"))
    tables = sum(tag == "table" for tag, _ in found.tags)
    plots = sum(a.get("class") == "plot" for _, a in found.tags)
    assert tables == sum(tag == "caption" for tag, _ in found.tags) == 8 + plots
    assert all("scope" in attributes for tag, attributes in found.tags if tag == "th")
    drawings = [a for tag, a in found.tags if tag == "svg" and a.get("class") != "swatch"]
    assert len(drawings) == 2 * 3 + 5
    assert all(a["role"] == "img" and a["aria-label"] for a in drawings)


def test_the_same_results_give_the_same_bytes(several):
    assert page(several, "Title") == page(json.loads(json.dumps(several)), "Title")


def test_hostile_names_are_shown_and_never_obeyed(tmp_path):
    hostile = result(tmp_path, 0, model=f"runs/{HOSTILE}")
    hostile["title"] = hostile["notes"][0] = hostile["command"] = HOSTILE
    hostile["data"]["pairs"]["path"] = hostile["data"]["images"]["source"] = HOSTILE
    pair = hostile["hardest"]["genuine"][0]
    pair["names"] = [HOSTILE, HOSTILE]
    pair["thumbnails"] = ['data:image/jpeg;base64,AA" onerror="x', "https://example.org/x.jpg"]
    text = page([hostile], HOSTILE)
    found = Page(text)
    assert "img" not in {tag for tag, _ in found.tags}
    assert found.scripts == [SCRIPT]
    assert "https://" not in text
    assert "alert('x')" in "".join(found.text)


def test_pictures_are_shown_with_their_names(tmp_path):
    one = result(tmp_path)
    one["hardest"]["impostor"][0]["thumbnails"] = ["data:image/jpeg;base64,/9j/4A==", None]
    pictures = [a for tag, a in Page(page([one], "Title")).tags if tag == "img"]
    assert [a["alt"] for a in pictures] == [one["hardest"]["impostor"][0]["names"][0]]


def values(text):
    return np.frombuffer(base64.b64decode(text), "<f8")


def lines_of(text, figure):
    """Of each line of a figure on a page: its values across and upward, and its drawn points."""
    part = text[text.index(f'<figure class="plot" id="{figure}"') :]
    part = part[: part.index("</figure>")]
    found = re.findall(
        r'<g class="line"[^>]*><path [^>]* d="([^"]*)" data-x="([^"]*)" data-y="([^"]*)"', part
    )
    return [
        (values(x), values(y), np.array(re.findall(r"[-\d.]+", path), float).reshape(-1, 2))
        for path, x, y in found
    ]


def test_the_points_of_roc_and_det_are_those_of_the_results(several):
    text = page(several[:2], "Title")
    for name, miss in (("roc_1", False), ("det_1", True)):
        found = lines_of(text, name)
        assert len(found) == 2
        for (x, y, drawn), one in zip(found, several):
            far, tar = (np.array(one["roc"][key]) for key in ("far", "tar"))
            np.testing.assert_array_equal(x, far)
            np.testing.assert_array_equal(y, 1 - tar if miss else tar)
            assert len(drawn) == len(far)
    x, y, drawn = lines_of(text, "roc_1")[0]
    inside = x > 1 / 60  # to the left of it the axes end
    for points, stored in ((drawn[inside, 0], np.log10(x[inside])), (drawn[inside, 1], y[inside])):
        line = np.polyfit(stored, points, 1)
        np.testing.assert_allclose(np.polyval(line, stored), points, atol=0.011)


def test_the_axes_of_the_det_are_normal_deviates(several):
    x, y, drawn = lines_of(page(several[:1], "Title"), "det_1")[0]
    normal = NormalDist()
    inside = (x > 1 / 60) & (x < 0.3) & (y > 1 / 60) & (y < 0.3)
    assert inside.sum() > 4
    for points, rates in ((drawn[inside, 0], x[inside]), (drawn[inside, 1], y[inside])):
        deviates = np.array([normal.inv_cdf(rate) for rate in rates])
        line = np.polyfit(deviates, points, 1)
        np.testing.assert_allclose(np.polyval(line, deviates), points, atol=0.011)


def test_figures_take_their_colours_from_the_page(several):
    series = series_of(several[:2])
    for plot in (plots.det(series), plots.folds(series)):
        drawn = svg(plot, "a")
        assert 'class="c1"' in drawn and 'class="c2"' in drawn
        assert not re.search(r"#[0-9a-f]{6}\b", drawn)


def test_the_band_about_a_roc_is_that_of_the_bootstrap(several):
    one = several[0]
    band = band_of(one)
    assert band.kind == "people"
    scores = unpacked(one, "x")
    drawn = draws([scores.judged], scores.same_n, scores.people, ["3/60"])[0, :, 1]
    place = int(np.argmin(abs(band.far - 3 / 60)))
    assert band.far[place] == 3 / 60
    assert [band.low[place], band.high[place]] == pytest.approx(interval(drawn), abs=0.03)
    assert "people drawn anew" in page([one], "Title")


def test_a_band_without_scores_is_clopper_and_pearsons(several):
    one = {**several[0], "pair_scores": None}
    band = band_of(one)
    assert band.kind == "binomial"
    for place in range(0, len(band.far), 5):
        hits = round(one["roc"]["tar"][place] * 60)
        assert (band.low[place], band.high[place]) == pytest.approx(clopper_pearson(hits, 60))


def test_labels_tell_results_apart_and_no_more(tmp_path):
    def labels(*results):
        return [one.label for one in series_of(list(results))]

    a, b = (result(tmp_path, seed, model=f"runs/{seed}/export") for seed in (0, 1))
    assert labels(a) == ["export"]
    assert labels(a, b) == ["export, runs/0/export", "export, runs/1/export"]
    other_rule = result(tmp_path, 0, model="runs/0/export", compat="facex")
    assert labels(a, other_rule) == ["export, rule likeness", "export, rule facex"]
    other_list = result(tmp_path, 0, model="runs/0/export", protocol="sllfw")
    assert labels(a, other_list) == ["export", "export"]
    flipless = result(tmp_path, 0, model="runs/0/export", fusion="none")
    assert labels(a, flipless) == ["export, flip-sum", "export, none"]
    assert [one.colour for one in series_of([a, b, a])] == [0, 1, 0]


def test_the_threshold_is_drawn_as_a_cosine_or_not_at_all(several):
    ours, _, insightface, sphereface, _ = several
    assert plots.cosine_threshold(ours) == pytest.approx(np.mean(ours["accuracy"]["thresholds"]))
    distance = np.mean(insightface["accuracy"]["thresholds"])
    assert plots.cosine_threshold(insightface) == pytest.approx(1 - distance / 2)
    assert plots.cosine_threshold(sphereface) is None


@pytest.mark.parametrize("noise", [1e-6, 1e6])
def test_perfect_and_hopeless_models_can_be_drawn(tmp_path, noise):
    assert Page(page([result(tmp_path, noise=noise)], "Title"))


def test_a_file_that_is_no_result_is_refused(tmp_path, several):
    path = tmp_path / "r.json"
    write_json(path, several[0])
    assert read_result(path) == several[0]
    write_json(path, {"schema": 9})
    with pytest.raises(ValueError, match=r'r\.json: expected a result with "schema": 1'):
        read_result(path)
    write_json(path, {key: value for key, value in several[0].items() if key != "protocol"})
    with pytest.raises(ValueError, match=r"r\.json: not a whole result, 'protocol' is missing"):
        read_result(path)
    write_json(path, {**several[0], "model": "r50"})
    with pytest.raises(ValueError, match=r"r\.json: not a whole result, 'model' is not as run"):
        read_result(path)
    path.write_text("{")
    with pytest.raises(ValueError, match=r"r\.json, line 1: not JSON"):
        read_result(path)
