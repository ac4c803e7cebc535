"""Detectors on packaged pictures, crops by them, and what is kept of a killed detection."""

import json
import shutil
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from data_prep.align_crops import centre_points
from data_prep.align_images import AlignSettings, align_folder
from data_prep.faces.align import align, template
from data_prep.faces.detect import Detector, DetectSettings, Face, build
from data_prep.faces.detect.choice import choose
from data_prep.faces.detect.folder import CHUNK, detect_folder
from data_prep.faces.landmarks import read_landmarks
from data_prep.faces.synthetic import write_photos
from data_prep.images import decode, encode
from tests.conftest import command, done, real, refused

DETECTED = "detected.jsonl"


def face(x1: float, y1: float, x2: float, y2: float, score: float = 1.0) -> Face:
    """A face whose landmarks sit in its box as they do in an aligned crop."""
    points = template((112, 112)) / 112 * [x2 - x1, y2 - y1] + [x1, y1]
    return Face(np.array([x1, y1, x2, y2], np.float64), score, points)


class Counting(Detector):
    """Finds one face for every bright corner pixel, and counts the pictures it was shown."""

    version, device = "test 1", "cpu"

    def __init__(self):
        self._batches = []  # no sum: two threads that add to it at once may lose one

    @property
    def shown(self):
        return sum(self._batches)

    def detect_batch(self, images):
        self._batches.append(len(images))
        return [[face(4, 5, 44, 45 + i) for i in range(int(image[0, 0, 0]) // 100)]
                for image in images]  # fmt: skip


def group_photo() -> np.ndarray:
    """The picture of six people that comes with insightface."""
    package = find_spec("insightface")
    path = Path(package.submodule_search_locations[0], "data/images/t1.jpg") if package else Path()
    if not path.is_file():
        pytest.skip("the installed insightface has no data/images/t1.jpg")
    return decode(path.read_bytes(), path.name)


def photos(root: Path, count: int) -> list[str]:
    """Small pictures; every third has no face for Counting, every third two."""
    for i in range(count):
        pixels = np.full((60 + i % 2, 60, 3), 100 * (i % 3), np.uint8)
        (root / f"p{i % 2}").mkdir(parents=True, exist_ok=True)
        (root / f"p{i % 2}/{i:03}.png").write_bytes(encode(pixels, ".png"))
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*.png"))


@pytest.fixture(scope="module")
def mtcnn() -> Detector:
    return build(DetectSettings(detector="mtcnn", device="cpu"))


def scrfd() -> Detector:
    model = real("models/scrfd_2.5g_bnkps.onnx")
    return build(DetectSettings(detector="scrfd", model_file=model))


def inside(one: Face) -> bool:
    x1, y1, x2, y2 = one.box
    x, y = one.landmarks.T
    return bool(((x1 < x) & (x < x2) & (y1 < y) & (y < y2)).all())


@pytest.mark.parametrize("name", ["mtcnn", "scrfd"])
def test_six_faces_of_a_photograph(name, mtcnn):
    detector = mtcnn if name == "mtcnn" else scrfd()
    picture = group_photo()
    faces = detector.detect(picture)
    assert len(faces) == 6 and all(inside(one) for one in faces)
    assert all(0.5 < one.score <= 1 for one in faces)
    areas = [np.prod(one.box[2:] - one.box[:2]) for one in faces]
    assert choose(faces, "largest", picture.shape[:2]) is faces[int(np.argmax(areas))]
    assert detector.detect(np.zeros((200, 300, 3), np.uint8)) == []
    for shape in ((39, 200), (1, 1), (2000, 1)):  # too small for MTCNN to have any scale
        assert detector.detect(np.zeros((*shape, 3), np.uint8)) == []


def test_the_two_detectors_agree(mtcnn):
    picture = group_photo()
    other = [one.landmarks for one in scrfd().detect(picture)]
    for one in mtcnn.detect(picture):
        eye = np.linalg.norm(one.landmarks[1] - one.landmarks[0])
        apart = min(np.linalg.norm(one.landmarks - points, axis=1).mean() for points in other)
        assert apart < 0.2 * eye


@pytest.mark.parametrize("name", ["mtcnn", "scrfd"])
def test_drawn_faces_are_found_where_they_were_drawn(name, mtcnn, tmp_path):
    detector = mtcnn if name == "mtcnn" else scrfd()
    write_photos(tmp_path, people=3, images=2, seed=0, size=160)
    drawn = read_landmarks(tmp_path / "landmarks.txt")
    assert len(drawn) == 6
    for path, points in drawn.items():
        (one,) = detector.detect(decode((tmp_path / "photos" / path).read_bytes(), path))
        apart = np.linalg.norm(one.landmarks - points, axis=1).mean()
        assert apart < 0.2 * np.linalg.norm(points[1] - points[0])  # measured: at most 0.12


def test_a_batch_finds_what_single_pictures_show(mtcnn):
    picture = group_photo()[::2, ::2]
    images = np.stack([picture, np.zeros_like(picture), picture[:, ::-1]])
    batched = mtcnn.detect_batch(images)
    assert [len(faces) for faces in batched] == [len(mtcnn.detect(image)) for image in images]
    assert batched[1] == [] and len(batched[0]) >= 5
    for one, other in zip(batched[2], mtcnn.detect(images[2])):
        assert np.allclose(one.landmarks, other.landmarks, atol=0.01)


@pytest.mark.parametrize("stop", [0, 10, CHUNK - 1, CHUNK, 2 * CHUNK + 3, 3 * CHUNK])
def test_a_detection_that_was_killed_goes_on(tmp_path, stop):
    names = photos(tmp_path / "photos", 3 * CHUNK + 5)
    (tmp_path / "whole").mkdir()
    options = {"face": "largest", "workers": 3}
    every = detect_folder(
        tmp_path / "photos", names, tmp_path / "whole" / DETECTED, Counting(), **options
    )
    whole = (tmp_path / "whole" / DETECTED).read_bytes()
    assert [entry["image"] for entry in every] == names
    lines = whole.splitlines(keepends=True)
    (tmp_path / "cut").mkdir()
    torn = b"".join(lines[:stop]) + lines[stop][: len(lines[stop]) // 2]
    (tmp_path / f"cut/{DETECTED}.partial").write_bytes(torn)
    detector = Counting()
    again = detect_folder(
        tmp_path / "photos", names, tmp_path / "cut" / DETECTED, detector, **options
    )
    assert again == every and (tmp_path / "cut" / DETECTED).read_bytes() == whole
    assert detector.shown == len(names) - stop // CHUNK * CHUNK
    assert [path.name for path in (tmp_path / "cut").iterdir()] == [DETECTED]
    detect_folder(tmp_path / "photos", names, tmp_path / "cut" / DETECTED, detector, **options)
    assert detector.shown == len(names) - stop // CHUNK * CHUNK  # nothing is looked at again


def test_degenerate_landmarks_count_as_no_face(tmp_path):
    class Degenerate(Counting):
        def detect_batch(self, images):
            point = Face(np.array([0.0, 0, 9, 9]), 1.0, np.full((5, 2), 7.0))
            return [[point] for _ in images]

    names = photos(tmp_path / "photos", 2)
    (tmp_path / "photos" / names[0]).write_bytes(b"no picture")
    entries = detect_folder(
        tmp_path / "photos", names, tmp_path / DETECTED, Degenerate(), "largest"
    )
    assert "no image OpenCV can decode" in entries[0]["reason"]
    assert entries[1]["reason"] == "the landmarks of the face are degenerate"


def test_the_middle_of_a_picture():
    y, x = np.mgrid[:90, :200].astype(np.uint8)
    picture = np.dstack([x, y, y])
    crop = align(picture, centre_points((90, 200), (112, 96)), (112, 96)).astype(float)
    part = 90 * 96 / 112  # columns of the part that is shown
    expected = (np.arange(96) + 0.5) * part / 96 + (200 - part) / 2 - 0.5
    assert np.abs(crop[50, :, 0] - expected).max() <= 1
    rows = (np.arange(112) + 0.5) * 90 / 112 - 0.5
    assert np.abs(crop[2:-2, 40, 1] - rows[2:-2]).max() <= 1


@pytest.fixture
def album(tmp_path) -> Path:
    """The group photograph, its mirror image, half of it, a blank picture, and no picture."""
    picture = group_photo()[::2, ::2]
    (tmp_path / "photos/a").mkdir(parents=True)
    (tmp_path / "photos/b c").mkdir()
    for name, pixels in (
        ("a/1.png", picture),
        ("a/2.png", picture[:, ::-1]),
        ("b c/1.png", picture[:, : picture.shape[1] // 2]),
        ("b c/blank.png", np.full((150, 200, 3), 90, np.uint8)),
    ):
        (tmp_path / "photos" / name).write_bytes(encode(pixels, ".png"))
    (tmp_path / "photos/b c/none.png").write_bytes(b"no picture")
    return tmp_path


def contents(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def aligned(album: Path, out: str, missing: str = "skip", **options) -> dict:
    resume = options.pop("resume", False)
    workers = options.pop("workers", 1)
    return align_folder(
        album / "photos", album / out, DetectSettings(device="cpu", **options),
        AlignSettings(size=(64, 64), missing=missing), workers=workers, resume=resume,
    )  # fmt: skip


def test_photographs_to_crops_without_a_landmark_file(album):
    summary = aligned(album, "out")
    assert summary["counts"] == {
        "crops": 3, "centred": 0, "failed": 0, "without_landmarks": 2, "missing_images": 0,
    }  # fmt: skip
    found = summary["detection"]
    assert found["images"] == 5 and found["with_face"] == found["with_several_faces"] == 3
    assert [entry["image"] for entry in found["not_found"]] == ["b c/blank.png", "b c/none.png"]
    assert found["not_found"][0]["reason"] == "no face found"
    assert summary["detector"]["name"] == "mtcnn" and summary["detector"]["face"] == "largest"
    whole = contents(album / "out")
    # the landmarks that were used give the same crops again
    again = ["--landmarks", album / "out/landmarks.txt", "--layout", "pairs", "--size", 64]
    done(command("data_prep", "align", "--images", album / "photos", "--out", album / "b", *again))
    crops = {name: data for name, data in whole.items() if name.endswith(".jpg")}
    assert contents(album / "b").items() >= crops.items() and len(crops) == 3
    # neither the workers nor a stop on the way change a byte
    aligned(album, "two", workers=2)
    assert contents(album / "two") == whole
    for name in ("landmarks.txt", DETECTED, "a/1.jpg"):
        (album / "two" / name).unlink()
    (album / "two/a/.1.jpg.99999999.tmp").write_bytes(b"half")
    note = album / "two/align.json"
    note.write_text(json.dumps(json.loads(note.read_text()) | {"complete": False}))
    with pytest.raises(ValueError, match="detector was"):
        aligned(album, "two", face="central", resume=True)
    aligned(album, "two", resume=True)
    assert contents(album / "two") == whole


def test_images_without_a_face(album):
    with pytest.raises(ValueError, match=r"blank\.png: no face found, and 2 of 5 .* --missing"):
        aligned(album, "out", "fail")
    aligned(album, "out", "skip", resume=True)  # goes on where "fail" stopped
    summary = aligned(album, "centre", "centre")
    assert summary["counts"]["crops"] == 4 and summary["counts"]["centred"] == 1
    assert [entry["image"] for entry in summary["failed"]] == ["b c/none.png"]
    blank = decode((album / "centre/b c/blank.jpg").read_bytes(), "")
    assert (np.abs(blank.astype(int) - 90) <= 2).all()
    assert set(read_landmarks(album / "centre/landmarks.txt", "pairs")) == {
        "a/1.png", "a/2.png", "b c/1.png",
    }  # fmt: skip
    shutil.rmtree(album / "photos/a")
    (album / "photos/b c/1.png").unlink()
    with pytest.raises(ValueError, match="no usable face was found in any of 2 images"):
        aligned(album, "none")


@pytest.mark.parametrize(
    "words, said",
    [
        (["--detector", "mtcn"], "did you mean 'mtcnn'?"),
        (["--detector", "scrfd"], "scrfd needs a network such as"),
        (["--detector", "scrfd", "--detector-model", "gone.onnx"], "gone.onnx: expected the ONNX"),
        (["--detector", "scrfd", "--detector-model", "README.md"], "README.md: no ONNX network"),
        (["--detector", "mtcnn", "--detector-model", "x.onnx"], "mtcnn brings its own weights"),
        (
            ["--landmarks", "x.txt", "--face", "central"],
            "--face and --boxes go with --detector only",
        ),
        (["--detector", "mtcnn", "--face", "labelled"], "found --face labelled and no --boxes"),
        (["--detector", "mtcnn", "--boxes", "b.txt"], "found --face largest and --boxes b.txt"),
        (["--landmarks", "x.txt", "--detector", "mtcnn"], "not allowed with argument"),
        ([], "one of the arguments --landmarks --detector is required"),
    ],
)
def test_wrong_words(tmp_path, words, said):
    photos(tmp_path / "photos", 1)
    source = ["--images", tmp_path / "photos", "--out", tmp_path / "out"]
    assert said in refused(command("data_prep", "align", *source, *words))
    assert not (tmp_path / "out").exists()


def test_wrong_settings():
    with pytest.raises(ValueError, match=r"--face: expected .* did you mean 'central'"):
        DetectSettings(face="centrl")
    with pytest.raises(ValueError, match="--missing: expected"):
        AlignSettings(missing="drop")
