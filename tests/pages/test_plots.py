"""Axes, thinning and drawing: against brute force and the statistics module."""

import base64
import re
from statistics import NormalDist

import numpy as np
import pytest

from pages.drawing import figure, spoken
from pages.plot import Bars, Guide, Line, Mark, Plot
from pages.scales import Axis, fitted, positions, ticks
from pages.strokes import across, upward
from pages.thinning import kept


def test_positions_on_each_scale():
    rates = np.array([0.001, 0.01, 0.2, 0.5])
    assert positions(Axis("x", 2, 6), [2, 3, 6]).tolist() == [0, 0.25, 1]
    np.testing.assert_allclose(positions(Axis("x", 1e-4, 1, "log"), [1e-4, 1e-3, 1]), [0, 0.25, 1])
    deviates = np.array([NormalDist().inv_cdf(rate) for rate in rates])
    expected = (deviates - deviates[0]) / (deviates[-1] - deviates[0])
    np.testing.assert_allclose(positions(Axis("x", 0.001, 0.5, "normal"), rates), expected)
    for axis in (Axis("x", 1e-3, 1, "log"), Axis("x", 1e-3, 0.5, "normal")):
        beyond = positions(axis, [0.0, 1e-9])
        assert (beyond < 0).all() and np.isfinite(beyond).all()


@pytest.mark.parametrize("low, high, scale", [(1, 1, "linear"), (0, 1, "log"), (0.1, 1, "normal")])
def test_limits_that_a_scale_cannot_show_are_refused(low, high, scale):
    with pytest.raises(ValueError, match=f"for a {scale} scale"):
        Axis("x", low, high, scale)


def test_ticks_are_round_few_and_inside():
    draw = np.random.default_rng(0)
    for _ in range(300):
        low = draw.normal() * 10 ** draw.uniform(-6, 6)
        axis = Axis("x", low, low + 10 ** draw.uniform(-3, 6) + abs(low) * 1e-3)
        values = [value for value, _ in ticks(axis)]
        assert 2 <= len(values) <= 8
        near = 1e-9 * (abs(axis.low) + abs(axis.high))
        assert all(axis.low - near <= value <= axis.high + near for value in values)
        steps = np.diff(values)
        np.testing.assert_allclose(steps, steps[0], rtol=1e-5)
    assert [text for _, text in ticks(Axis("x", 1e-6, 1, "log"))] == [
        *("1e-6", "1e-5", "1e-4", "0.001", "0.01", "0.1", "1")
    ]
    det = [text for _, text in ticks(Axis("x", 1e-4, 0.4, "normal", percent=True))]
    assert det[0] == "0.01" and {"0.1", "1", "10"} <= set(det) and len(det) < 14


def test_axes_are_fitted_about_values():
    axis = fitted("loss", [3.2, np.nan, 47.0])
    assert (axis.low, axis.high) == (0, 50)
    assert (fitted("x", [0.02, 7], "log").low, fitted("x", [0.02, 7], "log").high) == (0.01, 10)
    for nothing in ([], [np.nan], [np.inf]):
        assert fitted("x", nothing).high > fitted("x", nothing).low
    for same in ([0.0], [5.0, 5.0], [-3.0]):
        axis = fitted("x", same)
        assert axis.low < same[0] < axis.high


def distance(points, line):
    """Of each point to the nearest place of a polyline, by brute force."""
    start, along = line[:-1], np.diff(line, axis=0)
    length = (along**2).sum(1)
    best = np.full(len(points), np.inf)
    for place, point in enumerate(points):
        share = ((point - start) * along).sum(1) / np.where(length > 0, length, 1)
        near = start + np.clip(share, 0, 1)[:, None] * along
        best[place] = np.sqrt(((point - near) ** 2).sum(1).min())
    return best


def test_a_million_points_are_thinned_to_a_subset_within_a_pixel():
    rng = np.random.default_rng(0)
    far = np.sort(np.geomspace(1e-7, 1, 1_000_000) * rng.uniform(0.9, 1, 1_000_000))
    tar = np.sort(np.clip(far**0.03 + rng.normal(0, 1e-4, len(far)), 0, 1))
    axes = Axis("FAR", 1e-7, 1, "log"), Axis("TAR", 0.5, 1)
    html = figure(Plot("ROC", "", *axes, lines=(Line("a", far, tar),)), "roc")
    assert len(html) < 300_000
    found = re.search(r' d="([^"]*)" data-x="([^"]*)" data-y="([^"]*)"', html)
    x, y = (np.frombuffer(base64.b64decode(text), "<f8") for text in found.groups()[1:])
    drawn = np.array(re.findall(r"[-\d.]+", found[1]), float).reshape(-1, 2)
    assert len(x) == len(drawn) <= 3000
    places = np.searchsorted(far, x)
    np.testing.assert_array_equal(far[places], x)  # a subset, unmoved
    np.testing.assert_array_equal(tar[places], y)
    whole = np.stack([across(axes[0], far), upward(axes[1], tar)], axis=1)
    some = np.unique(rng.integers(0, len(far), 800))
    assert distance(whole[some], drawn).max() < 1
    assert distance(drawn[::5], whole[:: len(whole) // 10000]).max() < 1


def test_a_wild_line_keeps_the_extremes_of_every_column():
    rng = np.random.default_rng(1)
    x, y = np.arange(200_000) / 500, rng.normal(size=200_000).cumsum()
    keep = kept(x, y, most=2000)
    assert len(keep) <= 2000
    for column in range(400):
        there = np.flatnonzero(np.floor(x) == column)
        own = keep[(keep >= there[0]) & (keep <= there[-1])]
        assert {y[own].min(), y[own].max()} == {y[there].min(), y[there].max()}
    assert kept(x[:50], y[:50]).tolist() == list(range(50))


def test_gaps_break_a_line_and_nothing_is_left_of_empty_ones():
    y = [1.0, 2.0, np.nan, 3.0, np.inf, 4.0]
    plot = Plot("P", "", Axis("x", 0, 5), Axis("y", 0, 5), lines=(Line("a", range(6), y),))
    path = re.search(r'<g class="line".*? d="([^"]*)"', figure(plot, "p"))[1]
    assert path.count("M") == 3
    empty = Plot("P", "", Axis("x", 0, 5), Axis("y", 0, 5), lines=(Line("a", [], []),))
    assert 'd=""' in figure(empty, "p")


def test_text_is_escaped_and_everything_is_said():
    bad = "</svg><script>x</script>\"'"
    plot = Plot(
        bad,
        bad,
        Axis(bad, 1e-3, 1, "log"),
        Axis(bad, 0, 1),
        lines=(Line(bad, [0.01, 1], [0, 1], 7, [0, 0.5], [0.5, 1], extra=[1, 2], extra_name=bad),),
        marks=(Mark(bad, 0.1, 0.5, 0, 0.4, 0.6),),
        bars=(Bars(bad, [0.001, 0.1, 1], [0.5, 1], "grey"),),
        guides=(Guide(0.5, bad), Guide(0.5, bad, "y"), Guide(0, along="diagonal")),
    )
    html = figure(plot, "key")
    assert "<script" not in html and html.count("</svg>") == 2  # drawing and swatch
    assert "style=" not in html and "url(" in html
    assert "logarithmic" in spoken(plot) and "from 0 at 0.01 to 1 at 1" in spoken(plot)
