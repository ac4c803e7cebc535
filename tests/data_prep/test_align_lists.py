"""Lists of landmarks to crops: every layout gives the same, and crops of others are kept."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from data_prep.align_images import AlignSettings, align_folder
from data_prep.faces.align import TEMPLATE, align
from data_prep.images import decode, encode
from tests.conftest import command, done, refused

POINTS = {"a/1.png": TEMPLATE * 1.1 + 3, "b c/2.png": TEMPLATE * 1.2 - 5}


def picture(seed: int, height: int, width: int) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 256, (7, 7, 3), np.uint8)
    return cv2.resize(coarse, (width, height))


@pytest.fixture
def photos(tmp_path) -> Path:
    """Two photographs with landmarks, one without, and crops of somebody else's alignment."""
    for seed, (name, size) in enumerate(
        [
            ("a/1.png", (150, 170)),
            ("b c/2.png", (160, 150)),
            ("b c/none.png", (90, 90)),
            ("crops/same.jpeg", (112, 112)),
            ("crops/other.png", (112, 112)),
            ("crops/small.png", (96, 112)),
        ]
    ):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        suffix = ".jpg" if path.suffix == ".jpeg" else ".png"
        path.write_bytes(encode(picture(seed, *size), suffix, quality=80))
    return tmp_path


def written(layout: str) -> str:
    """The landmarks in a layout."""
    if layout == "json":
        return json.dumps({Path(name).stem: points.T.ravel().tolist() for name, points in
                           POINTS.items()})  # fmt: skip
    lines = []
    for name, points in POINTS.items():
        pairs, planar = (" ".join(map(str, p.ravel())) for p in (points, points.T))
        lines.append(
            {
                "pairs": f"{name} {pairs}",
                "planar": f"{name} {planar}",
                "label-pairs": f"{name} 12 {pairs}",
                "pairs-score": f"{name} {pairs} 0.98",
                "face2rec2": "\t".join(["0", name, "5", "1", "2", "3", "4", *planar.split()]),
            }[layout]
        )
    return "\n".join(lines) + "\n"


def crops_of(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*.png")}


@pytest.mark.parametrize(
    "layout", ["pairs", "planar", "label-pairs", "pairs-score", "face2rec2", "json"]
)
def test_every_layout_gives_the_same_crops(photos, layout):
    (photos / "points").write_text(written(layout))
    settings = AlignSettings(format="png")
    summary = align_folder(photos / "photos", photos / "out", photos / "points", settings)
    assert summary["landmarks_layout"] == layout and summary["counts"]["crops"] == 2
    assert "already_aligned" not in summary["counts"]
    crops = crops_of(photos / "out")
    assert sorted(crops) == sorted(POINTS)
    for name, points in POINTS.items():
        photo = decode((photos / "photos" / name).read_bytes(), name)
        assert np.array_equal(decode(crops[name], name), align(photo, points))


def test_crops_of_others_are_taken_as_they_are(photos):
    """face2rec2 packs the file of a row with flag 1 as it is."""
    rows = ["1\tcrops/same.jpeg\t1", "1\tcrops/other.png\t1", "1\tcrops/small.png\t1"]
    rows += ["0\tb c/none.png\t2", "1\tcrops/gone.jpg\t2"]
    (photos / "all.lst").write_text(written("face2rec2") + "\n".join(rows) + "\n")
    words = ["--images", photos / "photos", "--landmarks", photos / "all.lst", "--out"]
    said = done(command("data_prep", "align", *words, photos / "out")).stdout
    assert "4 crops" in said and "2 of the crops were aligned already" in said
    summary = json.loads((photos / "out/align.json").read_text())
    assert summary["counts"] == {
        "crops": 4, "centred": 0, "failed": 1, "without_landmarks": 1, "missing_images": 1,
        "already_aligned": 2,
    }  # fmt: skip
    assert summary["failed"] == [
        {
            "image": "crops/small.png",
            "reason": "its list calls it aligned: expected 112x112 pixels, found 96x112",
        }
    ]
    assert summary["without_landmarks"] == ["b c/none.png"]
    assert summary["missing_images"] == ["crops/gone.jpg"]
    same, other = (photos / "photos/crops" / name for name in ("same.jpeg", "other.png"))
    assert (photos / "out/crops/same.jpg").read_bytes() == same.read_bytes()
    pixels = decode(other.read_bytes(), "")
    assert (photos / "out/crops/other.jpg").read_bytes() == encode(pixels, ".jpg")
    # a list of nothing but crops is enough
    (photos / "crops.lst").write_text("1\tcrops/same.jpeg\t1\n")
    words[3] = photos / "crops.lst"
    done(command("data_prep", "align", *words, photos / "few"))
    assert (photos / "few/crops/same.jpg").read_bytes() == same.read_bytes()


def test_names_without_endings(photos):
    (photos / "points.txt").write_text(
        "a/1 " + " ".join(map(str, TEMPLATE.ravel())) + "\n"  # a path
        "none " + " ".join(map(str, TEMPLATE.ravel())) + "\n"  # a file's name
        "unknown " + " ".join(map(str, TEMPLATE.ravel())) + "\n"
    )
    words = ["--images", photos / "photos", "--landmarks", photos / "points.txt", "--out"]
    done(command("data_prep", "align", *words, photos / "out"))
    summary = json.loads((photos / "out/align.json").read_text())
    assert summary["counts"]["crops"] == 2 and summary["missing_images"] == ["unknown"]
    (photos / "photos/b c/1.png").write_bytes((photos / "photos/a/1.png").read_bytes())
    (photos / "points.txt").write_text(written("json"))
    said = refused(command("data_prep", "align", *words, photos / "other"))
    assert "'1' may be 'a/1.png' or 'b c/1.png'; write the path out" in said
    assert not (photos / "other").exists()


def test_one_face_without_a_fit_leaves_the_others_as_they_are(photos):
    (photos / "points.txt").write_text(written("pairs") + "crops/other.png" + " 7" * 10 + "\n")
    settings = AlignSettings(format="png", layout="pairs")
    summary = align_folder(photos / "photos", photos / "out", photos / "points.txt", settings)
    (failed,) = summary["failed"]
    assert failed["image"] == "crops/other.png" and "five different landmarks" in failed["reason"]
    assert sorted(crops_of(photos / "out")) == sorted(POINTS)
