"""InsightFace model packs: the detection network is told by its outputs, not by its name."""

import hashlib
import shutil
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from data_prep.faces.detect import Detector, DetectSettings, build
from data_prep.faces.detect.packs import networks
from data_prep.faces.synthetic import conditions, identity, render
from tests.conftest import real


def network(path: Path, outputs: int) -> Path:
    """A network that copies its input so many times."""
    shape = ["n", 3, "h", "w"]
    names = [f"out{i}" for i in range(outputs)]
    graph = helper.make_graph(
        [helper.make_node("Identity", ["in"], [name]) for name in names],
        "copies",
        [helper.make_tensor_value_info("in", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in names],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    return path


@pytest.fixture
def pack(tmp_path) -> Path:
    """A folder like buffalo_l's: landmarks and recognition beside one detection network."""
    folder = tmp_path / "buffalo_x"
    folder.mkdir()
    for name, outputs in (("2d106det", 1), ("genderage", 1), ("w600k_r50", 1), ("scan", 9)):
        network(folder / f"{name}.onnx", outputs)
    return folder


def zipped(folder: Path, inside: str = "") -> Path:
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for one in sorted(folder.iterdir()):
            file.write(one, inside + one.name)
    return path


def detector(model: Path) -> Detector:
    return build(DetectSettings(detector="scrfd", model_file=model))


@pytest.mark.parametrize("form", ["file", "folder", "zip", "zip with a folder"])
def test_the_network_with_nine_outputs_is_taken(pack, form):
    scan = pack / "scan.onnx"
    inside = "buffalo_x/" if form == "zip with a folder" else ""
    source = {"file": scan, "folder": pack}.get(form) or zipped(pack, inside)
    assert detector(source).model_sha256 == hashlib.sha256(scan.read_bytes()).hexdigest()
    assert len(list(networks(source))) == (1 if form == "file" else 4)


def test_refusals(pack, tmp_path):
    with pytest.raises(ValueError, match=r"w600k_r50\.onnx has 1 \(recognition networks have 1\)"):
        detector(pack / "w600k_r50.onnx")
    shutil.copy(pack / "scan.onnx", pack / "det_500m.onnx")
    with pytest.raises(
        ValueError, match=r"expected one SCRFD .*det_500m\.onnx, .*scan\.onnx; give"
    ):
        detector(pack)
    (pack / "scan.onnx").unlink()
    (pack / "det_500m.onnx").unlink()
    for source in (pack, zipped(pack)):
        with pytest.raises(ValueError, match=r"2d106det\.onnx has 1, .*w600k_r50\.onnx has 1") as e:
            detector(source)
        assert "\n" not in str(e.value)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty/x.txt").write_text("")
    for source in (tmp_path / "empty", zipped(tmp_path / "empty")):
        with pytest.raises(
            ValueError, match=r"expected a model pack with \.onnx files, found none"
        ):
            detector(source)
    damaged = bytearray(zipped(pack).read_bytes())
    damaged[60] ^= 255  # in the first network's bytes
    (tmp_path / "bad.zip").write_bytes(damaged)
    with pytest.raises(ValueError, match=r"bad\.zip, 2d106det\.onnx: cannot be read .* again"):
        detector(tmp_path / "bad.zip")
    with pytest.raises(FileNotFoundError, match="expected the ONNX file or model pack"):
        detector(tmp_path / "gone")


def test_a_pack_with_a_real_detector(pack):
    """The recognition and the detection network at hand, in one pack, find what the file finds."""
    scrfd = real("models/scrfd_2.5g_bnkps.onnx")
    (pack / "scan.onnx").unlink()
    shutil.copy(scrfd, pack / "a_network.onnx")
    shutil.copy(real("models/embedder_mobilefacenet128.onnx"), pack / "det_recognition.onnx")
    picture, _ = render(identity(0, 0), conditions(0, 0, 1), 200)
    (expected,) = detector(scrfd).detect(picture)
    for source in (pack, zipped(pack)):
        (found,) = detector(source).detect(picture)
        assert np.array_equal(found.landmarks, expected.landmarks)
