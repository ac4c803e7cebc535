"""The page: escaped, self-contained, capped, with the lines of the list."""

import re

import numpy as np
import pytest

from data_prep.clean.findings import Finding, Outcome, Picture, Strip
from data_prep.clean.listing import require_new, write_outcome
from data_prep.clean.page import chosen, thumbnail
from data_prep.dataset import open_images
from data_prep.drops import Entry, read_drops
from data_prep.images import encode
from pages.shell import SCRIPT


@pytest.fixture
def source(tmp_path):
    draw = np.random.default_rng(0)
    for person in range(4):
        folder = tmp_path / "crops" / f"<b>{person}&'\""
        folder.mkdir(parents=True)
        for i in range(3):
            pixels = draw.integers(0, 255, (128, 64, 3), dtype=np.uint8)
            (folder / f"{i}.png").write_bytes(encode(pixels, ".png"))
    return open_images(tmp_path / "crops")


def outcome_of(source):
    findings = [
        Finding(
            Entry("image", name, "<script>alert(1)</script>"),
            name.split("/")[0],
            (Picture(source, place, "</figure>"),),
            (Strip("<i>beside</i>", (Picture(source, 0),)),),
        )
        for place, name in enumerate(source.names)
    ]
    return Outcome("A <title>", "Look.", ("Rule: a < b.", "12 of 12."), findings)


def test_text_is_escaped_and_nothing_is_loaded(source, tmp_path):
    write_outcome(tmp_path / "list.txt", outcome_of(source), "python <x>", 99)
    html = (tmp_path / "list.html").read_text()
    assert html.count("<script") == 1 and f"<script>{SCRIPT}</script>" in html
    for tag in ("<script>alert", "<b>0", "<i>beside", "</figure></fig", "A <title>", "python <x>"):
        assert tag not in html
    assert "default-src 'none'" in html
    sources = re.findall(r'(?:src|href)="([^"#][^"]*)"', html)
    assert len(sources) == 24
    assert all(one.startswith("data:image/jpeg;base64,") for one in sources)
    assert (
        "url(" not in html
        and "@import" not in html
        and "http:" not in html
        and "https:" not in html
    )
    assert "color-scheme: light dark" in html and "--drop list.txt" in html


def test_lines_on_the_page_are_those_of_the_list(source, tmp_path):
    write_outcome(tmp_path / "list.txt", outcome_of(source), "python", 99)
    html = (tmp_path / "list.html").read_text()
    lines = (tmp_path / "list.txt").read_text().split("\n")
    shown = re.findall(r"line (\d+)</span>image <code>([^<]*)</code>", html)
    assert len(shown) == 12
    for number, name in shown:
        plain = name.replace("&lt;", "<").replace("&gt;", ">").replace("&#x27;", "'")
        plain = plain.replace("&quot;", '"').replace("&amp;", "&")
        assert lines[int(number) - 1].split("\t")[1] == plain
    assert list(read_drops(tmp_path / "list.txt").images) == source.names


def test_the_page_is_capped_and_says_so(source, tmp_path):
    write_outcome(tmp_path / "list.txt", outcome_of(source), "python", 6)
    html = (tmp_path / "list.html").read_text()
    assert "This page shows 6 of the 12 entries, those of 2 of 4 people" in html
    assert html.count('class="finding"') == 6
    assert len(read_drops(tmp_path / "list.txt").images) == 12


def test_people_shown_are_evenly_spread():
    assert chosen([2, 3, 1], 6) == [0, 1, 2]
    assert chosen([1] * 1000, 10) == list(range(0, 1000, 100))
    assert chosen([500, 1, 1], 10)[0] == 0
    sizes = np.random.default_rng(0).integers(1, 9, 5_000).tolist()
    shown = chosen(sizes, 300)
    assert 250 <= sum(sizes[place] for place in shown) <= 350
    assert np.diff(shown).max() < 400
    assert chosen([], 10) == []


def test_nothing_found(source, tmp_path):
    write_outcome(tmp_path / "list.txt", Outcome("T", "L", ("Rule.",), []), "python", 9)
    assert "Nothing was found" in (tmp_path / "list.html").read_text()
    assert read_drops(tmp_path / "list.txt").images == {}


def test_thumbnails_are_small_and_keep_their_shape(source):
    import base64

    from data_prep.images import decode

    data = thumbnail(Picture(source, 0)).removeprefix("data:image/jpeg;base64,")
    assert decode(base64.b64decode(data), "x").shape == (96, 48, 3)


def test_an_image_that_cannot_be_decoded_is_said_to_be(source, tmp_path):
    (source.root / source.names[0]).write_bytes(b"broken")
    write_outcome(tmp_path / "list.txt", outcome_of(source), "python", 99)
    assert "cannot be decoded" in (tmp_path / "list.html").read_text()


def test_a_list_is_never_written_over(tmp_path):
    path = tmp_path / "list.txt"
    require_new(path)
    path.write_text("# edited")
    with pytest.raises(ValueError, match="may have been edited"):
        require_new(path)
    with pytest.raises(ValueError, match=r"ends in \.txt"):
        require_new(tmp_path / "list")
