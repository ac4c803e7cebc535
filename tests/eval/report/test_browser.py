"""The report in a real browser: nothing is asked for, nothing complained of, all is reachable.

`LIKENESS_SHOTS=DIR` keeps the pictures, to be looked at.
"""

import base64
import io
import json
import os
import re
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from data_prep.files import write_json
from eval.embeddings import load
from eval.protocols.verification import verify
from eval.report.html import page
from eval.versus import versus
from tests.eval import fakes
from tests.eval.report.browser import Browser
from tests.eval.report.test_report import HOSTILE

CONTROLS = 'button, a[href], summary, input, select, [tabindex="0"]'
VISIBLE = f"""[...document.querySelectorAll('{CONTROLS}')].filter(
  (one) => one.checkVisibility() && !one.closest("details:not([open]) > :not(summary)"))"""


def picture(seed):
    from PIL import Image

    pixels = np.random.default_rng(seed).integers(0, 255, (96, 96, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=30)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()


def result(folder, seed, model, noise):
    pairs = folder / "pairs.txt"
    pairs.write_text(fakes.lfw_text(fakes.pairs(each=10)))
    prefix = fakes.embeddings(folder, seed, model=model, noise=noise)
    found = verify(
        "lfw", pairs, load(prefix), fars=["0.1", "0.01", "1e-4"], command="python -m eval run ..."
    )
    for kind in ("genuine", "impostor"):
        for place, pair in enumerate(found["hardest"][kind]):
            pair["thumbnails"] = [picture(place), picture(place + 100)]
    return found


def million(one):
    """The result with a curve of a million corners."""
    rng = np.random.default_rng(0)
    far = np.sort(np.geomspace(1e-7, 1, 1_000_000) * rng.uniform(0.9, 1, 1_000_000))
    tar = np.sort(np.clip(far**0.03 + rng.normal(0, 1e-4, len(far)), 0, 1))
    counts = {"genuine": 10**6, "impostor": 10**7, "pairs": 11 * 10**6}
    curve = {"far": far.tolist(), "tar": tar.tolist(), "threshold": (-far).tolist()}
    return {**one, "roc": curve, "counts": counts, "pair_scores": None}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Pages by name."""
    folder = tmp_path_factory.mktemp("pages")
    five = [result(folder, seed, f"runs/model_{seed}", 1 - 0.1 * seed) for seed in range(5)]
    for place in (0, 1):
        write_json(folder / f"{place}.json", five[place])
    given = versus(str(folder / "0.json"), str(folder / "1.json"))
    bad = json.loads(json.dumps(five[0]))
    bad["model"]["path"] = f"runs/{HOSTILE}"
    bad["title"] = bad["notes"][0] = bad["command"] = HOSTILE
    bad["data"]["pairs"]["path"] = bad["data"]["images"]["source"] = HOSTILE
    bad["hardest"]["genuine"][0]["names"] = [HOSTILE, "javascript:alert(1)"]
    bad["hardest"]["genuine"][0]["thumbnails"] = ["https://example.org/x.jpg", HOSTILE]
    bad[HOSTILE] = {HOSTILE: [HOSTILE]}
    texts = {
        "one": page(five[:1], "One model", command="python -m eval report ..."),
        "five": page(five, "Five models", [given]),
        "million": page([million(five[0])], "A million points"),
        "hostile": page([bad, five[1]], HOSTILE),
    }
    for name, text in texts.items():
        (folder / f"{name}.html").write_text(text)
    return {name: folder / f"{name}.html" for name in texts}


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    made = Browser(tmp_path_factory.mktemp("profile"))
    yield made
    made.close()


def shot(name):
    folder = os.environ.get("LIKENESS_SHOTS")
    return Path(folder) / name if folder else None


@pytest.mark.parametrize("name", ["one", "five", "million", "hostile"])
def test_pages_open_without_a_complaint_or_a_request(browser, files, name):
    browser.open(files[name])
    assert browser.complaints() == []
    assert browser.value("document.querySelectorAll('figure.plot .tools').length") >= 3
    assert browser.value("document.querySelectorAll('script').length") == 1
    size = len(re.sub(r'src="data:[^"]*"', "", files[name].read_text()).encode())
    assert size < 3e6


def test_hostile_names_run_nothing_and_are_shown(browser, files):
    browser.open(files["hostile"])
    assert browser.value("document.title") == HOSTILE
    assert HOSTILE in browser.value("document.querySelector('h1').textContent")
    assert browser.value("document.querySelectorAll('[onerror], img:not([src^=data])').length") == 0
    assert "no picture" in browser.value("document.querySelector('.pairs li').textContent")


def document_itself(browser):
    return browser.value("document.activeElement === document.body")


@pytest.mark.parametrize("name", ["one", pytest.param("five", marks=pytest.mark.slow)])
def test_every_control_is_reached_by_the_tab_key(browser, files, name):
    browser.open(files[name])
    total = browser.value(f"(window.all = {VISIBLE}).length")
    assert total > 20
    reached = set()
    for _ in range(total + 5):
        browser.press("Tab")
        reached.add(browser.value("window.all.indexOf(document.activeElement)"))
        if reached >= set(range(total)):
            break
        # what has the focus shows it
        shown = browser.value("getComputedStyle(document.activeElement).outlineStyle")
        assert shown == "solid" or document_itself(browser)
    missed = sorted(set(range(total)) - reached)
    assert not missed, browser.value(f"window.all[{missed[0]}].outerHTML.slice(0, 200)")


def test_tables_are_sorted_by_key_and_say_so(browser, files):
    browser.open(files["five"])
    browser.value("""(() => {
      window.table = document.querySelector("#summary ~ .scroll table");
      [...table.tHead.rows[0].cells].find((c) => c.textContent === "EER").firstChild.focus();
    })()""")
    column = "[...table.tBodies[0].rows].map((row) => Number.parseFloat(row.cells[3].textContent))"
    before = browser.value(column)
    browser.press("Enter")
    assert browser.value(column) == sorted(before) != sorted(before, reverse=True)
    state = "table.querySelector('[aria-sort]').getAttribute('aria-sort')"
    assert browser.value(state) == "ascending"
    browser.press(" ")
    assert browser.value(column) == sorted(before, reverse=True)
    assert browser.value(state) == "descending"


def test_points_are_read_out_and_zoomed_by_key(browser, files):
    browser.open(files["one"])
    browser.value("document.querySelector('#roc_1 .stage').focus()")
    tip = "document.querySelector('#roc_1 .tip').textContent"
    zoom = "document.querySelector('#roc_1 .zoom').getAttribute('transform')"
    labels = "[...document.querySelectorAll('#roc_1 .grid text')].map((t) => t.textContent)"
    for _ in range(4):
        browser.press("ArrowRight")
    assert re.match(r"model_0\nFalse-accept rate: [\d.e-]+\nTrue-accept rate: ", browser.value(tip))
    assert "Threshold: " in browser.value(tip)
    ticks = browser.value(labels)
    browser.press("+")
    browser.press("+")
    assert browser.value(zoom).startswith("matrix(4 0 0 4 ")
    assert browser.value(labels) != ticks
    assert all(browser.value(labels))
    browser.press("0")
    assert browser.value(zoom).startswith("matrix(1 0 0 1 ")
    assert browser.value(labels) == ticks


def test_up_and_down_go_to_other_lines_and_the_legend_hides_them(browser, files):
    browser.open(files["five"])
    browser.value("document.querySelector('#det_1 .stage').focus()")
    tip = "document.querySelector('#det_1 .tip').textContent"
    for _ in range(20):
        browser.press("ArrowRight")
    first = browser.value(tip)
    browser.press("ArrowDown")
    assert first.startswith("model_0") and browser.value(tip).startswith("model_1")
    browser.value("document.querySelectorAll('#det_1 .legend button')[1].focus()")
    browser.press(" ")
    hidden = """[...document.querySelectorAll("#det_1 [data-label=model_1]")]
      .filter((one) => one.closest("svg") && getComputedStyle(one).display === "none").length"""
    assert browser.value(hidden) == 2  # line and dot
    browser.press("Enter")
    assert browser.value(hidden) == 0


def test_the_pointer_shows_a_point_and_drags_a_zoom(browser, files):
    browser.open(files["five"])
    browser.value("document.querySelector('#roc_1').scrollIntoView({behavior: 'instant'})")
    shape = browser.value(
        "(({x, y, width, height}) => [x, y, width, height])"
        "(document.querySelector('#roc_1 svg').getBoundingClientRect())"
    )
    at = browser.value("""(() => {
      const path = document.querySelector("#roc_1 .line path");
      const [, x, y] = /^M[^L]*(?:L[^L]*){40}L([\\d.]+) ([\\d.]+)/.exec(path.getAttribute("d"));
      return [Number(x), Number(y)];
    })()""")
    unit = shape[2] / 440
    browser.mouse("Moved", shape[0] + at[0] * unit + 2, shape[1] + at[1] * unit + 2)
    assert "True-accept rate" in browser.value("document.querySelector('#roc_1 .tip').textContent")
    ends = [(shape[0] + x * unit, shape[1] + y * unit) for x, y in ((100, 50), (200, 150))]
    browser.mouse("Pressed", *ends[0], button="left", clicks=1)
    browser.mouse("Moved", *ends[1], button="left")
    browser.mouse("Released", *ends[1], button="left", clicks=1)
    found = browser.value("document.querySelector('#roc_1 .zoom').getAttribute('transform')")
    kx, _, _, ky = (float(x) for x in re.findall(r"[-\d.e]+", found)[:4])
    assert (kx, ky) == pytest.approx((364 / 100, 248 / 100), rel=0.03)
    assert browser.complaints() == []


def test_colours_follow_the_system_and_the_button(browser, files):
    ground = "getComputedStyle(document.body).backgroundColor"
    browser.open(files["one"], scheme="dark")
    dark = browser.value(ground)
    browser.picture(shot("one_dark.png"))
    browser.look(scheme="light")
    light = browser.value(ground)
    assert (
        sum(map(int, re.findall(r"\d+", dark)))
        < 120
        < 600
        < sum(map(int, re.findall(r"\d+", light)))
    )
    browser.value("document.querySelector('.controls button').focus()")
    seen = []
    for _ in range(3):
        browser.press("Enter")
        seen.append(browser.value(ground))
    assert seen == [light, dark, light]


@pytest.mark.slow
def test_on_paper_all_is_open_light_and_without_controls(browser, files):
    browser.open(files["five"], scheme="dark")
    browser.look(794, 1123, media="print", scheme="dark")
    assert browser.value("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert browser.value("document.querySelector('.tools').checkVisibility()") is False
    browser.value("dispatchEvent(new Event('beforeprint'))")
    shut = browser.value("document.querySelectorAll('details:not(.values):not([open])').length")
    assert shut == 0
    wide = "document.documentElement.scrollWidth"
    assert browser.value(wide) <= 794
    browser.picture(shot("five_print.png"))
    browser.look(1200, 900)
    paper = browser.printed(shot("five.pdf"))
    assert (
        paper.startswith(b"%PDF")
        and paper.count(b"/Type /Page\n") + paper.count(b"/Type /Page ") > 2
    )


@pytest.mark.parametrize("width", [360, pytest.param(768, marks=pytest.mark.slow)])
def test_narrow_screens_do_not_scroll_sideways(browser, files, width):
    browser.open(files["five"], width=width)
    assert browser.value("document.documentElement.scrollWidth") <= width
    browser.picture(shot(f"five_{width}.png"))


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "name", ["one", *(pytest.param(name, marks=pytest.mark.slow) for name in ("five", "hostile"))]
)
def test_axe_finds_nothing(browser, files, name, scheme):
    axe = pytest.importorskip("axe_core_python", reason="axe-core is in requirements-dev.txt")
    browser.open(files[name], scheme=scheme)
    browser.value("for (const part of document.querySelectorAll('details')) part.open = true")
    browser.value((resources.files(axe) / "axe.min.js").read_text(encoding="utf-8") + "; 1")
    found = browser.value("""axe.run(document, {resultTypes: ["violations", "incomplete"]}).then(
      (r) => r.violations.map((v) => [v.id, v.help, v.nodes.slice(0, 3).map((n) => n.html)]))""")
    assert found == []
    browser.picture(shot(f"{name}_{scheme}.png"))
