"""Two photographs: the same crops and the same score as the long way, and what is said of them."""

import argparse
import json
import tarfile

import numpy as np
import pytest
import torch

from data_prep.faces.detect import Detector, Face
from data_prep.faces.landmarks import read_landmarks
from data_prep.files import sha256_file, write_json
from data_prep.images import decode, encode
from data_prep.transforms import Transform
from eval import compare
from eval.compare_page import page
from eval.embeddings import load
from models.backbones import BACKBONES
from tests.conftest import command, done, real, refused
from train.export import export


class Found(Detector):
    """Finds the faces that it was given, in every picture."""

    version, device = "test 1", "cpu"

    def __init__(self, *faces):
        self.faces = list(faces)

    def detect_batch(self, images):
        return [self.faces for _ in images]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A small network with settled BatchNorm statistics, exported."""
    folder = tmp_path_factory.mktemp("model") / "small"
    torch.manual_seed(0)
    net = BACKBONES["small_resnet"](dim=16, height=64, width=64)
    for name, buffer in net.named_buffers():
        if name.endswith("running_var"):
            buffer.uniform_(20, 30)
    transform = Transform(height=64, width=64)
    export(folder, net.eval(), name="small_resnet", transform=transform, about={"step": 7})
    return folder


def arguments(first, second, model, *words):
    parser = argparse.ArgumentParser()
    compare.add_arguments(parser)
    return parser.parse_args([str(w) for w in (first, second, "--model", model, *words)])


def scale(model, path, /, **changes):
    """A calibration with one threshold."""
    sides = {"count": 4, "score": [0.0, 0.1, 0.2, 0.3], "below": [0, 1, 2, 3]}
    row = {"far": 0.1, "threshold": 0.25, "tar": 0.5, "far_ci95": [0.05, 0.2]}
    found = {
        "schema": 1,
        "kind": "calibration",
        "model": {"path": str(model), "sha256": sha256_file(model / "backbone.safetensors")},
        "transform": Transform(height=64, width=64).to_dict(),
        "fusion": "flip-sum",
        "title": "<b>LFW</b>",
        "pairs": {},
        "counts": {"genuine": 4, "impostor": 4},
        "thresholds": [row],
        "scores": {"genuine": sides, "impostor": sides},
    }
    write_json(path, found | changes)
    return path


def test_the_crop_is_that_of_align_to_the_byte(people):
    photos = people.pairs.parent / "photos"
    points = read_landmarks(people.pairs.parent / "landmarks.txt", "auto")
    name = sorted(points)[3]
    face = Face(np.array([20.0, 20, 90, 100]), 0.9, points[name])
    made = compare.cut(name, (photos / name).read_bytes(), Found(face), "largest", (64, 64))
    crop = (people.crops / name).with_suffix(".jpg").read_bytes()
    assert np.abs(decode(made.crop, "").astype(int) - decode(crop, "")).max() <= 1
    assert made.crop == crop


def test_crops_score_as_their_embeddings_do(people, model, tmp_path):
    words = ["--model", model, "--images", people.crops]
    done(command("eval", "extract", *words, "--out", tmp_path / "x"))
    known = load(tmp_path / "x")
    rows = known.unit(np.array([0, 40]))
    first, second = (people.crops / known.names[row] for row in (0, 40))
    words = [first, second, "--model", model, "--detector", "none", "--out", tmp_path / "c.json"]
    printed = done(command("eval", "compare", *words)).stdout
    found = json.loads((tmp_path / "c.json").read_text())
    assert found["similarity"] == pytest.approx(float(rows[0] @ rows[1]), abs=1e-5)
    assert found["verdict"] is None and "no calibration, so no verdict" in printed
    assert found["images"][0]["sha256"] == sha256_file(first)


def test_a_verdict_and_a_page_that_loads_nothing(people, model, tmp_path):
    crop = next(people.crops.rglob("*.jpg"))
    hostile = tmp_path / "<img src=x onerror=alert(1)>.jpg"
    hostile.write_bytes(crop.read_bytes())
    stored = scale(model, model.with_name(f"{model.name}.calibration.json"))  # found by itself
    try:
        args = arguments(crop, hostile, model, "--detector", "none")
        cuts, found = compare.compared(args)
    finally:
        stored.unlink()
    assert found["similarity"] == pytest.approx(1)
    assert found["verdict"]["accepted_at"] == 0.1 and "accepted at FAR 0.1" in compare.text(found)
    html = page(found | {"command": "x"}, [cut.crop for cut in cuts])
    assert html.count("data:image/jpeg;base64,") == 2
    assert "<img src=x" not in html and "<b>LFW" not in html and '="http' not in html


def test_which_of_several_faces_is_taken_is_recorded_and_said(people):
    photos = people.pairs.parent / "photos"
    points = read_landmarks(people.pairs.parent / "landmarks.txt", "auto")
    name = sorted(points)[0]
    small = Face(np.array([0.0, 0, 10, 10]), 0.99, points[name] / 4)
    large = Face(np.array([20.0, 20, 90, 100]), 0.9, points[name])
    made = compare.cut(name, (photos / name).read_bytes(), Found(small, large), "largest", (64, 64))
    assert made.about["faces"] == 2 and made.about["box"] == [20, 20, 90, 100]
    assert "2 faces, the largest at x 20-90, y 20-100" in compare._face_line(made.about)


def test_no_face_is_one_line(people):
    photo = next(people.crops.rglob("*.jpg"))
    with pytest.raises(
        ValueError, match=r"p\.jpg: no face found in 64x64 pixels; give a"
    ) as caught:
        compare.cut("p.jpg", photo.read_bytes(), Found(), "largest", (64, 64))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "changes, words, message",
    [
        ({"model": {"path": "runs/b", "sha256": "5" * 64}}, [], "is of another model (runs/b"),
        ({"transform": {"height": 64, "scale": 1.0}}, [], "measured with scale 1.0"),
        ({}, ["--fusion", "none"], "measured with --fusion flip-sum, this is none"),
    ],
)
def test_a_scale_that_is_not_the_models_is_refused(
    people, model, tmp_path, changes, words, message
):
    crop = next(people.crops.rglob("*.jpg"))
    path = scale(model, tmp_path / "c.json", **changes)
    args = arguments(crop, crop, model, "--detector", "none", "--calibration", path, *words)
    with pytest.raises(ValueError) as caught:
        compare.compared(args)
    assert message in str(caught.value) and str(path) in str(caught.value)


def test_a_model_that_gives_no_numbers_is_refused(people, tmp_path):
    torch.manual_seed(0)
    net = BACKBONES["small_resnet"](dim=16, height=64, width=64).eval()
    next(net.parameters()).data.fill_(float("nan"))
    transform = Transform(height=64, width=64)
    export(tmp_path / "nan", net, name="small_resnet", transform=transform, about={})
    crop = next(people.crops.rglob("*.jpg"))
    with pytest.raises(ValueError, match=r"the model: the embedding of '.*jpg' is not finite"):
        compare.compared(arguments(crop, crop, tmp_path / "nan", "--detector", "none"))


def test_a_fusion_that_is_none_and_an_output_that_is_read_are_refused(people, model, tmp_path):
    crop = next(people.crops.rglob("*.jpg"))
    with pytest.raises(SystemExit):
        arguments(crop, crop, model, "--fusion", "ANYTHING")
    path = scale(model, tmp_path / "c.json")
    before = path.read_bytes()
    words = ["--detector", "none", "--calibration", path, "--out", path]
    with pytest.raises(ValueError, match=r"c\.json: is read as input; choose another name"):
        compare.run(arguments(crop, crop, model, *words))
    assert path.read_bytes() == before
    words = ["--detector", "none", "--out", model / "meta.json"]
    with pytest.raises(ValueError, match=r"meta\.json: is read as input; choose another name"):
        compare.run(arguments(crop, crop, model, *words))


def test_wrong_input_is_one_line(people, model, tmp_path):
    crop = next(people.crops.rglob("*.jpg"))
    assert "none.jpg" in refused(command("eval", "compare", crop, "none.jpg", "--model", model))
    large = tmp_path / "large.png"
    large.write_bytes(encode(np.zeros((70, 80, 3), np.uint8), ".png"))
    args = arguments(crop, large, model, "--detector", "none")
    with pytest.raises(ValueError, match=r"is 70x80 .* the model takes crops of 64x64"):
        compare.compared(args)


@pytest.mark.slow
def test_photographs_of_lfw(tmp_path):
    """As through align, extract and run; the detector's choice is the same."""
    network = real("models/embedder_mobilefacenet128.onnx")
    names = ["Adam_Sandler/Adam_Sandler_0001.jpg", "Adam_Sandler/Adam_Sandler_0002.jpg",
             "Aaron_Sorkin/Aaron_Sorkin_0001.jpg"]  # fmt: skip
    with tarfile.open(real("lfw_photos.tar")) as archive:
        archive.extractall(tmp_path, members=[archive.getmember(f"lfw/{name}") for name in names])
    images, crops = tmp_path / "lfw", tmp_path / "crops"
    done(command("data_prep", "align", "--images", images, "--detector", "mtcnn", "--out", crops))
    model = ["--model", network, "--scale", 128]
    done(command("eval", "extract", *model, "--images", crops, "--out", tmp_path / "x"))
    known = load(tmp_path / "x")
    rows = known.unit(known.rows(names, "test"))
    for other, same in ((1, True), (2, False)):
        pair = [images / names[0], images / names[other]]
        done(command("eval", "compare", *pair, *model, "--out", tmp_path / "c.json"))
        score = json.loads((tmp_path / "c.json").read_text())["similarity"]
        assert score == pytest.approx(float(rows[0] @ rows[other]), abs=1e-5)
        assert (score > 0.35) == same
    blank = tmp_path / "blank.png"
    blank.write_bytes(encode(np.full((200, 200, 3), 127, np.uint8), ".png"))
    line = refused(command("eval", "compare", images / names[0], blank, *model))
    assert "blank.png: no face found" in line
