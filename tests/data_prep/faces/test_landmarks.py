"""Every layout by a list written by hand; anything else is refused with file and line."""

import json

import numpy as np
import pytest

from data_prep.faces.align import TEMPLATE
from data_prep.faces.boxes import overlap, read_boxes
from data_prep.faces.landmarks import LAYOUTS, read_faces, read_landmarks
from tests.conftest import real

FACES = [TEMPLATE + shift for shift in (0, 5, -3.5)]
NAMES = ["a/0.jpg", "a/1.jpg", "a/2.jpg"]

WRITTEN = {
    "pairs": "b/1.jpg 38 52 74 51 56 72 42 92 71 91\nb/2.jpg 39 53 75 52 57 73 43 93 72 92\n",
    "planar": "b/1.jpg 38 74 56 42 71 52 51 72 92 91\nb/2.jpg 39 75 57 43 72 53 52 73 93 92\n",
    "label-pairs": "b/1.jpg 7 38 52 74 51 56 72 42 92 71 91\n"
    "b/2.jpg 1200 39 53 75 52 57 73 43 93 72 92\n",
    "pairs-score": "b/1.jpg 38 52 74 51 56 72 42 92 71 91 0.999\n"
    "b/2.jpg 39 53 75 52 57 73 43 93 72 92 1\n",
    "face2rec2": "0\tb/1.jpg\t7\t20\t30\t90\t110\t38\t74\t56\t42\t71\t52\t51\t72\t92\t91\n"
    "1\tb/crop.jpg\t7\n0\tb/nothing.jpg\t8\n0\tb/box.jpg\t8\t1\t2\t3\t4\n"
    "0\tb/2.jpg\t9\t21\t31\t91\t111\t39\t75\t57\t43\t72\t53\t52\t73\t93\t92\n",
    "json": '{"b/1.jpg": [38, 74, 56, 42, 71, 52, 51, 72, 92, 91],\n'
    ' "b/2.jpg": [39, 75, 57, 43, 72, 53, 52, 73, 93, 92.0]}\n',
}
"""Two faces in every layout; the second is the first, a pixel to the right and down."""

FIRST = np.array([[38, 52], [74, 51], [56, 72], [42, 92], [71, 91]], float)


def lines(planar: bool, name: str = "a/{}.jpg", between: str = " ", behind: str = "") -> str:
    return "".join(
        between.join([name.format(i), *map(str, (face.T if planar else face).ravel())])
        + f"{behind}\n"
        for i, face in enumerate(FACES)
    )


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("layout", WRITTEN)
def test_every_layout_is_told_and_may_be_said(tmp_path, layout, ends):
    path = tmp_path / "points.txt"
    path.write_bytes(("\n" + WRITTEN[layout]).replace("\n", ends).encode())
    for said in ("auto", layout):
        found = read_faces(path, said)
        assert found.layout == layout and list(found.points) == ["b/1.jpg", "b/2.jpg"]
        assert np.array_equal(found.points["b/1.jpg"], FIRST)
        assert np.array_equal(found.points["b/2.jpg"], FIRST + 1)
        assert found.aligned == (frozenset({"b/crop.jpg"}) if layout == "face2rec2" else set())
    assert set(WRITTEN) == set(LAYOUTS) - {"auto"}


@pytest.mark.parametrize("between", [" ", "\t", "  \t"])
@pytest.mark.parametrize("planar", [True, False])
@pytest.mark.parametrize("name", ["a/{}.jpg", "Some One/{} x.jpg", "{}"])
def test_paths_and_blanks(tmp_path, planar, name, between):
    path = tmp_path / "points.txt"
    path.write_text(lines(planar, name, between) + "\n")
    found = read_landmarks(path)
    assert list(found) == [name.format(i) for i in range(3)]
    assert all(np.array_equal(found[name.format(i)], face) for i, face in enumerate(FACES))


def test_a_label_and_a_score_are_told_apart_by_the_faces(tmp_path):
    """Where every line has a whole number first and one up to 1 last, the points decide."""
    path = tmp_path / "points.txt"
    path.write_text("a.jpg 30 30 40 30 35 35 31 40 39 40 1\n")  # as label and points no face
    assert read_faces(path).layout == "pairs-score"
    path.write_text("a.jpg 3 .2 .1 .9 .1 .5 .5 .3 .9 .8 .9\n")  # points in shares of the picture
    assert read_faces(path).layout == "label-pairs"
    path.write_text("a.jpg 3 3 3 3 3 3 3 3 3 3 1\n")
    with pytest.raises(ValueError, match=r"cannot tell.*label x1 y1.*\? Say --layout label-pairs;"):
        read_faces(path)


def test_an_aligned_row_needs_no_landmarks_and_its_own_are_passed_over(tmp_path):
    path = tmp_path / "points.lst"
    path.write_text("1\ta.jpg\t0\n1\tb c.jpg\t1.0\t0\t0\t9\t9" + "\t5" * 10 + "\n")
    found = read_faces(path)
    assert found.aligned == {"a.jpg", "b c.jpg"} and not found.points


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "found none"),
        (
            lines(False) + "a/3.jpg 1 2 3\n",
            "line 4: expected a path and ten numbers, all .* finite",
        ),
        (lines(False) + "a/3.jpg" + " nan" * 10 + "\n", "line 4"),
        ("\na/3.jpg 1 2 3\n", "line 2: expected a path and ten finite numbers, perhaps"),
        ("a/3.jpg" + " 1" * 12, "line 1"),
        (lines(False) + lines(False), "line 4: 'a/0.jpg' was already on line 1"),
        (lines(False) + lines(False, "b/{}.jpg 3"), "line 4: expected a path and ten numbers"),
        (lines(False, "a/{}.jpg 4") + lines(False, "b/{}.jpg"), "line 4: expected a path and elev"),
        (lines(False, "a/{}.jpg 0.99"), "line 1: expected a class number on every line before"),
        (lines(False, behind=" 1.5"), "line 1: .* or a score from 0 to 1 .* found 38.29.* and 1.5"),
        ("a.jpg" + " 5" * 10 + "\n", "cannot tell the layout, 0% of it as pairs, 0% .* --layout"),
        (lines(False) + lines(True, "b/{}.jpg"), "cannot tell the layout"),
        (WRITTEN["face2rec2"] + "0\tb/9.jpg\n", "line 6: expected 0 or 1, a path, a label"),
        (WRITTEN["face2rec2"] + "2\tb/9.jpg\t1\n", "line 6: expected 0 or 1, a path, a label"),
        (WRITTEN["face2rec2"] + "1\tb/1.jpg\t1\n", "line 6: 'b/1.jpg' was already on line 1"),
        (
            "0\ta.jpg\t7\t1\t2\t3\t4\t38\t52\t74\t51\t56\t72\t42\t92\t71\t91\n",
            "looks like `aligned",
        ),
        ('{"a": [38, 52, 74, 51, 56, 72, 42, 92, 71, 91]}', "do the x of all five points come fir"),
        ('{"a": [1, 2]}', "'a': expected ten finite numbers"),
        ('{"a": [1, 2, 3, 4, 5, 6, 7, 8, 9, NaN]}', "'a': expected ten finite numbers"),
        ('{"a": [1, 2, 3, 4, 5, 6, 7, 8, 9, true]}', "'a': expected ten finite numbers"),
        ('{"a":\n 5', "line 2: not JSON"),
        ("{}", "expected a JSON object of names"),
        ('{"a": %s, "a": %s}' % (([1] * 10,) * 2), "'a' comes twice"),
    ],
)
def test_refusals(tmp_path, text, message):
    path = tmp_path / "points.txt"
    path.write_text(text)
    with pytest.raises(ValueError, match=message) as error:
        read_landmarks(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_a_layout_that_is_said_is_taken_at_its_word(tmp_path):
    path = tmp_path / "points.txt"
    path.write_text("a.jpg" + " 5" * 10 + "\n")
    assert read_faces(path, "planar").layout == "planar"
    path.write_text(json.dumps({"a": [38, 52, 74, 51, 56, 72, 42, 92, 71, 91]}))
    assert read_faces(path, "json").points["a"][0].tolist() == [38, 72]
    path.write_text(lines(False, "a {}"))  # paths that end in a number
    assert list(read_faces(path, "pairs").points) == ["a 0", "a 1", "a 2"]
    path.write_text(lines(False, "{}.jpg 4"))
    with pytest.raises(ValueError, match="line 1: expected a class number"):
        read_faces(path, "pairs-score")
    with pytest.raises(ValueError, match="--layout: expected one of auto, pairs"):
        read_faces(path, "par")


def test_boxes(tmp_path):
    path = tmp_path / "boxes.txt"
    path.write_text("b/1 x.jpg 1 2 3 4.5\nb/2.jpg\t5\t6\t7\t8\n")
    found = read_boxes(path)
    assert {name: box.tolist() for name, box in found.items()} == {
        "b/1 x.jpg": [1, 2, 3, 4.5], "b/2.jpg": [5, 6, 7, 8],
    }  # fmt: skip
    path.write_text(WRITTEN["face2rec2"])
    found = read_boxes(path)
    assert list(found) == ["b/1.jpg", "b/box.jpg", "b/2.jpg"]
    assert found["b/1.jpg"].tolist() == [20, 30, 90, 110]
    for text, message in [
        ("a.jpg 1 2 3\n", r"line 1: expected `path x1 y1 x2 y2`"),
        ("a.jpg 9 1 2 3 4\n", r"line 1: expected `path x1 y1 x2 y2`"),
        ("a.jpg 50 60 20 30\n", "'a.jpg': .* are the last two its width and height"),
        ("1\ta.jpg\t0\n", "expected boxes, found rows without any"),
        ("", "found none"),
    ]:
        path.write_text(text)
        with pytest.raises(ValueError, match=message):
            read_boxes(path)


@pytest.mark.parametrize("seed", range(5))
def test_overlap_is_that_of_counted_pixels(seed):
    draw = np.random.default_rng(seed)
    masks, boxes = [], []
    for _ in range(2):
        x1, y1 = draw.integers(0, 30, 2)
        x2, y2 = x1 + draw.integers(1, 30), y1 + draw.integers(1, 30)
        mask = np.zeros((64, 64), bool)
        mask[y1:y2, x1:x2] = True
        masks.append(mask)
        boxes.append(np.array([x1, y1, x2, y2], float))
    expected = (masks[0] & masks[1]).sum() / (masks[0] | masks[1]).sum()
    assert overlap(*boxes) == pytest.approx(expected, abs=1e-12)
    assert overlap(boxes[0], boxes[0]) == 1 and overlap(boxes[0], boxes[0] + 100) == 0


@pytest.mark.parametrize(
    ("name", "count", "first", "layout"),
    [
        ("lists/lfw_landmarks.txt", 7701, (106.130150, 108.973488), "planar"),
        ("pins_photos_landmarks.txt", 210, None, "pairs"),
    ],
)
def test_real_lists(name, count, first, layout):
    found = read_faces(real(name))
    assert len(found.points) == count and found.layout == layout
    if first:
        assert tuple(found.points["Aaron_Eckhart/Aaron_Eckhart_0001.jpg"][0]) == first
