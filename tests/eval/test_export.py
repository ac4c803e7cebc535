"""ONNX: the same function as the network's, for any number of images, or refused."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from data_prep.files import sha256_file, write_json
from data_prep.transforms import Transform
from eval import onnx_file as module
from eval.__main__ import main
from eval.build import open_model
from eval.embedders import OnnxEmbedder, TorchEmbedder, onnx_providers
from eval.embeddings import load
from models.backbones import BACKBONES
from tests.conftest import command, done
from train.export import export as export_run

CPU = torch.device("cpu")
SLOW = {"marks": pytest.mark.slow}
SIZES = {
    "small_resnet": (64, 64),
    "lenet_pp": (28, 28),
    "lenet_heated": (28, 28),
    "lsoftmax_mnist": (28, 28),
    "lsoftmax_cifar": (32, 32),
    "sphereface20": (112, 96),
    "sphereface64": (112, 96),
}
QUICK = ("small_resnet", "lenet_heated")
FAMILIES = (
    *QUICK,
    *("iresnet18", "ir_se_50", "mobilefacenet", "attention56", "sphereface20", "vit_t"),
    *("lenet_pp", "lsoftmax_mnist"),
)


def network(name):
    """A network whose BatchNorms have the statistics of its own values, as after training."""
    height, width = SIZES.get(name, (112, 112))
    torch.manual_seed(0)
    net = BACKBONES[name](height=height, width=width)
    with torch.no_grad():
        for part in net.modules():
            if hasattr(part, "momentum"):
                part.momentum = 1.0
        net.train()(torch.rand(4, 3, height, width) * 2 - 1)
    net.eval().requires_grad_(False)
    return TorchEmbedder(net, Transform(height=height, width=width), CPU)


@pytest.mark.parametrize(
    "name", [pytest.param(n, **({} if n in QUICK else SLOW)) for n in FAMILIES]
)
def test_the_file_is_the_same_function(name, tmp_path):
    embedder = network(name)
    meta = module.export(embedder, tmp_path / "net.onnx", {"model": {"kind": name}})
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx")
    (given,) = session.get_inputs()
    shape = list(given.shape)
    transform = embedder.transform
    assert shape[1:] == [3, transform.height, transform.width] and isinstance(shape[0], str)
    for count in (1, 3, 7):
        x = np.random.default_rng(count).normal(size=(count, *shape[1:])).astype(np.float32)
        (found,) = session.run(None, {given.name: x})
        expected = embedder.backbone(torch.from_numpy(x)).numpy()
        assert found.shape == (count, embedder.dim)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * np.abs(expected).max())
    parity = meta["parity"]
    assert parity["batches"] == [1, 7]
    assert 0 <= parity["largest_relative_difference"] <= 1e-4
    assert 0.99999 <= parity["smallest_cosine"] <= 1 + 1e-12


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A run's export with a transform of its own, and the file the command makes of it."""
    folder = tmp_path_factory.mktemp("run")
    net = network("small_resnet").backbone
    transform = Transform(height=64, width=64, mean=120, scale=100)
    export_run(folder / "run", net, name="small_resnet", transform=transform, about={"step": 7})
    out = folder / "net.onnx"
    result = done(command("eval", "export", "--model", folder / "run", "--out", out))
    assert "smallest cosine 1.0000000" in result.stdout or "0.99999" in result.stdout
    assert not result.stderr
    return folder / "run", out


def test_what_the_note_says(exported):
    run, out = exported
    note = json.loads(out.with_suffix(".json").read_text())
    assert note["model"]["sha256"] == sha256_file(run / "backbone.safetensors")
    assert note["model"]["kind"] == "small_resnet" and note["model"]["step"] == 7
    assert note["onnx"]["sha256"] == sha256_file(out)
    opset = {one.domain or "ai.onnx": one.version for one in onnx.load(out).opset_import}
    assert note["onnx"]["opset"] == opset
    assert note["transform"] == Transform(height=64, width=64, mean=120, scale=100).to_dict()
    assert sorted(p.name for p in out.parent.iterdir()) == ["net.json", "net.onnx", "run"]


def test_extraction_from_it_is_extraction_from_the_run(exported, people, tmp_path):
    found = {}
    for name, model in zip(("run", "onnx"), exported):
        words = ["--model", model, "--images", people.records, "--out", tmp_path / name]
        main(["extract", *map(str, words), "--threads", "1"])
        found[name] = load(tmp_path / name)
    largest = np.abs(found["run"].vectors).max()
    difference = np.abs(found["run"].vectors - found["onnx"].vectors).max()
    assert difference < 1e-4 * largest
    assert found["onnx"].meta["transform"] == found["run"].meta["transform"]
    assert found["onnx"].meta["model"]["kind"] == "small_resnet as onnx"
    assert found["onnx"].meta["model"]["sha256"] == sha256_file(exported[1])


def copy_of(exported, folder, **changes):
    """The file and its note, with changes to the latter."""
    out = exported[1]
    (folder / "net.onnx").write_bytes(out.read_bytes())
    note = json.loads(out.with_suffix(".json").read_text())
    for key, change in changes.items():
        note[key] |= change
    write_json(folder / "net.json", note)
    return folder / "net.onnx"


def test_a_file_that_is_not_the_notes_is_refused(exported, tmp_path):
    path = copy_of(exported, tmp_path)
    open_model(path, device=CPU)
    with pytest.raises(ValueError, match="states its own transform; leave --mean"):
        open_model(path, mean=127.5, device=CPU)
    with pytest.raises(ValueError, match="has its own precision"):
        open_model(path, precision="bfloat16", device=CPU)
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ValueError, match=r"net\.onnx: expected SHA-256"):
        open_model(path, device=CPU)
    for change, said in (
        ({"version": 0}, r"net\.json: made with transform version 0"),
        ({"height": 112}, r"net\.json: says 112x64 .*the network takes 64x64"),
        ({"gamma": 1}, r"net\.json: not a transform this version knows"),
    ):
        with pytest.raises(ValueError, match=said):
            open_model(copy_of(exported, tmp_path, transform=change), device=CPU)


def test_poor_parity_is_refused_and_leaves_what_was_there(tmp_path, monkeypatch):
    embedder, out = network("lenet_heated"), tmp_path / "net.onnx"
    module.export(embedder, out, {})
    before = out.read_bytes(), out.with_suffix(".json").read_bytes()
    monkeypatch.setattr(module, "TOLERANCE", 0.0)
    with pytest.raises(ValueError, match=r"net\.onnx: not written: onnxruntime and torch differ"):
        module.export(embedder, out, {})
    monkeypatch.undo()
    with torch.no_grad():
        embedder.backbone.features[0].weight.mul_(1e30)  # values overflow
        embedder.backbone.features[2].weight.mul_(1e30)
    with pytest.raises(ValueError, match="differ by nan"):
        module.export(embedder, out, {})
    assert before == (out.read_bytes(), out.with_suffix(".json").read_bytes())
    assert len(list(tmp_path.iterdir())) == 2


class Stubborn(nn.Module):
    """What it does depends on the numbers, which no graph can follow."""

    dim = 2

    def forward(self, x):
        return x.flatten(1)[:, :2] if x.sum().item() > 0 else x.flatten(1)[:, 2:4]


def test_what_cannot_be_written_is_said(tmp_path):
    embedder = TorchEmbedder(Stubborn().eval(), Transform(height=8, width=8), CPU)
    with pytest.raises(ValueError, match="Stubborn: torch cannot write it as ONNX"):
        module.export(embedder, tmp_path / "net.onnx", {})
    assert not list(tmp_path.iterdir())


def test_refusals(exported, tmp_path):
    run, out = map(str, exported)
    with pytest.raises(ValueError, match=r"--out: expected FILE\.onnx"):
        main(["export", "--model", run, "--out", str(tmp_path / "net")])
    with pytest.raises(ValueError, match="is ONNX already"):
        main(["export", "--model", out, "--out", str(tmp_path / "net.onnx")])
    write_json(tmp_path / "lfw.json", {"schema": 1})
    with pytest.raises(ValueError, match=r"lfw\.json: is there and not of an ONNX file"):
        main(["export", "--model", run, "--out", str(tmp_path / "lfw.onnx")])
    assert [p.name for p in tmp_path.iterdir()] == ["lfw.json"]


def test_a_file_for_eight_images_takes_seventy(tmp_path):
    embedder = network("lenet_heated")
    file = tmp_path / "net.onnx"
    torch.onnx.export(
        embedder.backbone, (torch.zeros(8, 3, 28, 28),), file, dynamo=True,
        external_data=False, verbose=False,
    )  # fmt: skip
    pixels = np.random.default_rng(0).integers(0, 256, (70, 28, 28, 3), dtype=np.uint8)
    found = OnnxEmbedder(file, 127.5, 127.5).forward(pixels)
    np.testing.assert_allclose(found, embedder.forward(pixels), rtol=1e-4, atol=1e-4)


def test_onnx_computes_where_it_is_told():
    there = ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]
    gpu = ("CUDAExecutionProvider", {"device_id": 3, "use_tf32": 0})
    assert onnx_providers(torch.device("cuda", 3), there) == [gpu, "CPUExecutionProvider"]
    assert onnx_providers(torch.device("cpu"), there) == ["CPUExecutionProvider"]
    assert onnx_providers(torch.device("cuda", 3), there[2:]) == ["CPUExecutionProvider"]
