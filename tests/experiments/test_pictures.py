"""Pictures are drawn from result files alone, and are small."""

import json

import numpy as np
import pytest

from experiments.geometry import BINS
from experiments.pictures import DOCS, draw_all
from experiments.published import PAGES
from experiments.results import RESULTS


@pytest.fixture
def drawn_results(tmp_path):
    """Two arms of each experiment that has a picture, 1,000 random embeddings."""
    rng = np.random.default_rng(0)
    for name, arms in (
        ("mnist_virtual", ("softmax", "virtual")),
        ("mnist_heated", ("alpha_16", "heated_16_4")),
    ):
        figures = {
            "error_percent": 1.0,
            "histogram": np.bincount(rng.integers(BINS, size=10_000), minlength=BINS).tolist(),
            "embeddings": rng.normal(size=(1000, 2)).round(4).tolist(),
            "labels": (np.arange(1000) // 100).tolist(),
            "class_weights": rng.normal(size=(10, 2)).tolist(),
        }
        runs = [{"arm": arm, "seed": 0, "figures": figures} for arm in arms]
        write(tmp_path, name, runs)
    runs = [
        {"arm": arm, "seed": seed, "figures": accuracies(0.8 + 0.1 * rng.random())}
        for arm in ("softmax", "virtual")
        for seed in range(3)
    ]
    write(tmp_path, "faces48", runs)
    return tmp_path


def accuracies(value):
    lists = ("lfw", "lookalike")
    alike = {f"{name}_wrong": "gA==" for name in lists} | {f"{name}_pairs": 8 for name in lists}
    return alike | {f"{name}_accuracy": value for name in lists}


def write(folder, name, runs):
    data = {"schema": 1, "experiment": name, "searches": [], "runs": runs}
    (folder / f"{name}.json").write_text(json.dumps(data))


def test_drawn_twice_alike_and_small(drawn_results):
    files = draw_all(drawn_results, drawn_results)
    assert [path.name for path in files] == [
        "experiments_virtual.png",
        "experiments_heated.png",
        "experiments_faces48.png",
    ]
    first = [path.read_bytes() for path in files]
    assert all(1_000 < len(data) < 200_000 for data in first)
    assert first == [path.read_bytes() for path in draw_all(drawn_results, drawn_results)]


def test_pages_name_pictures_that_are_there():
    for name, page in PAGES.items():
        if (RESULTS / f"{name}.json").exists():
            for picture, _ in page.pictures:
                assert (DOCS / picture).stat().st_size < 200_000


def test_nothing_to_draw(tmp_path):
    assert draw_all(tmp_path, tmp_path) == []
