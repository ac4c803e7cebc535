"""Which face of several is taken, among them the one that a list has a box of."""

import json

import numpy as np

from data_prep.faces.detect.choice import LEAST_OVERLAP, choose
from data_prep.faces.detect.folder import detect_folder
from data_prep.faces.landmarks import read_landmarks
from data_prep.faces.synthetic import conditions, identity, render
from data_prep.images import encode
from tests.conftest import command, done, refused
from tests.data_prep.faces.test_detect import Counting, face


def test_the_largest_and_the_central():
    large, central = face(0, 0, 60, 60), face(90, 40, 110, 60)
    assert choose([central, large], "largest", (100, 200)) is large
    assert choose([large, central], "central", (100, 200)) is central
    sure, unsure = face(0, 0, 10, 10, 0.9), face(20, 0, 30, 10, 0.8)
    assert choose([unsure, sure], "largest", (100, 200)) is sure


def test_the_labelled():
    left, right = face(0, 0, 40, 40), face(100, 0, 160, 60)
    shape = (100, 200)
    assert choose([right, left], "labelled", shape, np.array([5.0, 5, 45, 45])) is left
    assert choose([right, left], "labelled", shape, np.array([90.0, 0, 170, 80])) is right
    assert choose([left, right], "labelled", shape) == "no labelled box"
    # 40x40 within 40x(40 / least) is exactly the least overlap
    just = np.array([0.0, 0, 40, 40 / LEAST_OVERLAP - 1e-6])
    assert choose([right, left], "labelled", shape, just) is left
    reason = choose([right, left], "labelled", shape, just + np.array([0, 0, 0, 1]))
    assert isinstance(reason, str) and "by 0.3, the greatest of 2 is 0.30" in reason
    sure = face(0, 0, 40, 40, 2.0)
    assert choose([left, sure], "labelled", shape, np.array([5.0, 5, 45, 45])) is sure


def test_a_picture_without_its_face_is_a_miss_with_a_reason(tmp_path):
    for i in range(3):
        pixels = np.full((60, 60, 3), 100, np.uint8)  # one face for Counting
        (tmp_path / f"{i}.png").write_bytes(encode(pixels, ".png"))
    boxes = {"0.png": np.array([4.0, 5, 44, 45]), "1.png": np.array([50.0, 50, 59, 59])}
    names = ["0.png", "1.png", "2.png"]
    entries = detect_folder(tmp_path, names, tmp_path / "d", Counting(), "labelled", boxes)
    assert entries[0]["box"] == [4, 5, 44, 45]
    assert entries[1]["reason"] == (
        "no face overlaps the labelled box by 0.3, the greatest of 1 is 0.00"
    )
    assert entries[2]["reason"] == "no labelled box"


def test_drawn_groups_by_their_boxes(tmp_path):
    """Two people side by side, and a list that means the smaller one."""
    (tmp_path / "photos").mkdir()
    one, points = render(identity(0, 0), conditions(0, 0, 1), 160)
    other, _ = render(identity(0, 1), conditions(0, 1, 1), 240)
    picture = np.zeros((240, 400, 3), np.uint8)
    picture[:160, :160], picture[:, 160:] = one, other
    for name in ("a b.png", "c.png"):
        (tmp_path / "photos" / name).write_bytes(encode(picture, ".png"))
    low, high = points.min(0), points.max(0)
    box = " ".join(f"{v:.1f}" for v in [*(low - 25), *(high + 25)])
    (tmp_path / "boxes.txt").write_text(f"a b.png {box}\n")
    words = ["--images", tmp_path / "photos", "--detector", "mtcnn", "--device", "cpu"]
    words += ["--face", "labelled", "--boxes", tmp_path / "boxes.txt"]
    done(command("data_prep", "align", *words, "--out", tmp_path / "out"))
    summary = json.loads((tmp_path / "out/align.json").read_text())
    assert summary["detector"]["least_overlap"] == LEAST_OVERLAP
    assert summary["detector"]["boxes_sha256"] and summary["counts"]["crops"] == 1
    assert summary["detection"]["not_found"] == [{"image": "c.png", "reason": "no labelled box"}]
    found = read_landmarks(tmp_path / "out/landmarks.txt")["a b.png"]
    assert np.linalg.norm(found - points, axis=1).mean() < 0.2 * (points[1] - points[0])[0]
    (tmp_path / "boxes.txt").write_text(f"gone.png {box}\n")
    said = refused(command("data_prep", "align", *words, "--out", tmp_path / "other"))
    assert "none of its 1 paths is an image" in said and not (tmp_path / "other").exists()
