"""Real people: those of LFW in a scraped training set, by name and by face; repeats; noise."""

import tarfile

import pytest

from data_prep.drops import read_drops
from tests.conftest import command, done, real

pytestmark = pytest.mark.slow

CLEAN = ("data_prep", "clean")


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    """The set of 105 people and LFW, both through the pretrained network."""
    out = tmp_path_factory.mktemp("faces")
    model = ["--model", real("models/embedder_mobilefacenet128.onnx"), "--scale", 128]
    for name in ("pins_faces112.tar", "lfw_photos.tar"):
        with tarfile.open(real(name)) as archive:
            archive.extractall(out)
    source = ["--images", out / "lfw", "--landmarks", real("lists/lfw_landmarks.txt")]
    done(command("data_prep", "align", *source, "--out", out / "lfw112", "--format", "png"))
    for images, x in (("pins", "x"), ("lfw112", "y")):
        done(command("eval", "extract", *model, "--images", out / images, "--out", out / x))
    return out


@pytest.fixture(scope="module")
def truth():
    lines = real("lists/pins_lfw_overlap.txt").read_text().split("\n")
    return {line.strip().replace(" ", "_") for line in lines if line.strip()}


def test_by_name_all_fifteen_and_nobody_else(faces, truth):
    out = faces / "names.txt"
    names = ["--names", real("lists/lfw_people.txt")]
    done(command(*CLEAN, "overlap", "--images", faces / "pins", *names, "--out", out))
    assert set(read_drops(out).people) == truth and len(truth) == 15


def test_by_face_all_who_are_in_the_photographs_and_few_others(faces, truth):
    """Two of the fifteen are in LFW, but not in the photographs that its pairs name."""
    out = faces / "faces.txt"
    embedded = ["--embeddings", faces / "x", "--against", faces / "y"]
    done(command(*CLEAN, "overlap", "--images", faces / "pins", *embedded, "--out", out))
    found = set(read_drops(out).people)
    present = {person for person in truth if (faces / "lfw112" / person).is_dir()}
    assert len(present) == 13
    assert present <= found, "recall 13 of 13 (13 of the 15 on the list)"
    assert len(found - truth) <= 5, "precision at least 13 of 18"


def test_repeats_look_alike_to_the_network_too(faces):
    out, checked = faces / "repeats.txt", faces / "checked.txt"
    source = ["--images", faces / "pins"]
    done(command(*CLEAN, "duplicates", *source, "--out", out))
    embedded = ["--embeddings", faces / "x"]
    done(command(*CLEAN, "duplicates", *source, *embedded, "--out", checked))
    found, agreed = set(read_drops(out).images), set(read_drops(checked).images)
    assert 200 <= len(found) <= 260
    assert len(found & agreed) / len(found) > 0.95


def test_noise_names_an_image_of_somebody_else_in_the_set(faces):
    """Two that were looked at: each is plainly of the other person."""
    out = faces / "noise.txt"
    embedded = ["--embeddings", faces / "x"]
    done(command(*CLEAN, "noise", "--images", faces / "pins", *embedded, "--out", out))
    found = read_drops(out).images
    assert "Robert_Downey_Jr" in found["Tom_Holland/0012.jpg"]
    assert "Alex_Lawther" in found["Jessica_Barden/0035.jpg"]
    assert 80 <= len(found) <= 180
