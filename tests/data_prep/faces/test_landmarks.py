"""Both layouts are told apart by geometry; anything else is refused with file and line."""

import os
from pathlib import Path

import numpy as np
import pytest

from data_prep.faces.align import TEMPLATE
from data_prep.faces.landmarks import read_landmarks

DATA = Path(os.environ.get("LIKENESS_DATA", Path(__file__).parents[4] / "shared" / "data"))
FACES = [TEMPLATE + shift for shift in (0, 5, -3.5)]


def lines(planar: bool, name: str = "a/{}.jpg", between: str = " ") -> str:
    return "".join(
        between.join([name.format(i), *map(str, (face.T if planar else face).ravel())]) + "\n"
        for i, face in enumerate(FACES)
    )


@pytest.mark.parametrize("between", [" ", "\t", "  \t"])
@pytest.mark.parametrize("planar", [True, False])
@pytest.mark.parametrize("name", ["a/{}.jpg", "Some One/{} x.jpg"])
def test_layouts(tmp_path, planar, name, between):
    path = tmp_path / "points.txt"
    path.write_text(lines(planar, name, between) + "\n")
    found = read_landmarks(path)
    assert list(found) == [name.format(i) for i in range(3)]
    assert all(np.array_equal(found[name.format(i)], face) for i, face in enumerate(FACES))
    stated = read_landmarks(path, "planar" if planar else "pairs")
    assert all(np.array_equal(found[name], stated[name]) for name in found)


def test_trillion_pairs_labels_are_passed_over(tmp_path):
    path = tmp_path / "points.txt"
    path.write_text(lines(False, "a/{}.jpg 17"))
    assert list(read_landmarks(path)) == ["a/0.jpg", "a/1.jpg", "a/2.jpg"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "found none"),
        (lines(False) + "a/3.jpg 1 2 3\n", "line 4: expected a path and ten finite numbers"),
        (lines(False) + "a/3.jpg" + " nan" * 10 + "\n", "line 4"),
        (lines(False) + lines(False), "line 4: 'a/0.jpg' was already on line 1"),
        (lines(False) + lines(False, "b/{}.jpg 3"), "line 1: expected a path, a class number"),
        (lines(False, "a/{}.jpg 0.99"), "line 1: expected a path, a class number"),
        ("a.jpg" + " 5" * 10 + "\n", "cannot tell the layout"),
        (lines(False) + lines(True, "b/{}.jpg"), "cannot tell the layout"),
    ],
)
def test_refusals(tmp_path, text, message):
    path = tmp_path / "points.txt"
    path.write_text(text)
    with pytest.raises(ValueError, match=message) as error:
        read_landmarks(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("name", "count", "first"),
    [
        ("lists/lfw_landmarks.txt", 7701, (106.130150, 108.973488)),
        ("pins_photos_landmarks.txt", 210, None),
    ],
)
def test_real_lists(name, count, first):
    if not (DATA / name).exists():
        pytest.skip(f"{name} is not in LIKENESS_DATA ({DATA})")
    found = read_landmarks(DATA / name)
    assert len(found) == count
    if first:
        assert tuple(found["Aaron_Eckhart/Aaron_Eckhart_0001.jpg"][0]) == first
