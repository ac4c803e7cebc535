import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from data_prep.files import write_json
from eval.embeddings import load
from eval.protocols.verification import verify
from eval.report import plots
from eval.report.html import page
from eval.report.results import read_result, series_of
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
        self.open, self.tags, self.text, self.ids = [], [], [], []
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
        if self.open and self.open[-1] != "style":
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
    assert {tag for tag, _ in found.tags}.isdisjoint({"script", "link", "iframe", "object"})
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
    assert tables == sum(tag == "caption" for tag, _ in found.tags) == 5
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
    assert {tag for tag, _ in found.tags}.isdisjoint({"script", "img"})
    assert "https://" not in text
    assert "alert('x')" in "".join(found.text)


def test_pictures_are_shown_with_their_names(tmp_path):
    one = result(tmp_path)
    one["hardest"]["impostor"][0]["thumbnails"] = ["data:image/jpeg;base64,/9j/4A==", None]
    pictures = [a for tag, a in Page(page([one], "Title")).tags if tag == "img"]
    assert [a["alt"] for a in pictures] == [one["hardest"]["impostor"][0]["names"][0]]


def test_the_roc_draws_the_stored_points_unmoved(several):
    one = series_of(several[:1])[0]
    svg = plots.roc_svg([one], "roc-")
    far, tar = (np.array(one.result["roc"][key]) for key in ("far", "tar"))
    far, tar = far[far > 1 / 60], tar[far > 1 / 60]  # to the left of it the axes end
    paths = [np.array(re.findall(r"[-\d.]+", p), float) for p in re.findall(r' d="([^"]+)"', svg)]
    points = max(paths, key=len).reshape(-1, 2)[-len(far) :]
    for drawn, stored in ((points[:, 0], np.log10(far)), (points[:, 1], tar)):
        line = np.polyfit(stored, drawn, 1)
        np.testing.assert_allclose(np.polyval(line, stored), drawn, atol=1e-3)


def test_figures_take_their_colours_from_the_page(several):
    series = series_of(several[:2])
    for svg in (plots.det_svg(series, "a"), plots.folds_svg(series, "b")):
        assert "currentColor" in svg
        assert "var(--series-1)" in svg
        assert "var(--series-2)" in svg
        assert not re.search(r"#[0-9a-f]{6}\b", svg)


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
