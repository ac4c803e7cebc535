"""Extraction: the same embeddings from a run, its export, a checkpoint, ONNX, and several ranks."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from data_prep.files import read_json, sha256_file, write_json, write_text
from data_prep.images import decode
from data_prep.sources.verification_bin import write_bin
from data_prep.transforms import Transform
from eval.__main__ import main
from eval.embeddings import load
from models.backbones import BACKBONES
from tests.conftest import command, done, refused
from train.export import export


def network(name="small_resnet", **size):
    """A network with settled BatchNorm statistics."""
    torch.manual_seed(0)
    net = BACKBONES[name](**size)
    for buffer in (b for n, b in net.named_buffers() if n.endswith("running_var")):
        buffer.uniform_(20, 30)
    return net.eval()


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model") / "export"
    net = network(dim=16, height=64, width=64)
    transform = Transform(height=64, width=64)
    export(folder, net, name="small_resnet", transform=transform, about={"step": 7})
    return folder


@pytest.fixture(scope="module")
def plain(exported, people, tmp_path_factory):
    """Embeddings of all crops, flip-sum."""
    out = tmp_path_factory.mktemp("plain") / "x"
    done(command("eval", "extract", "--model", exported, "--images", people.crops, "--out", out))
    return load(out)


def test_an_embedding_is_the_network_of_the_image_plus_of_its_mirror(plain, exported, people):
    net = BACKBONES["small_resnet"](dim=16, height=64, width=64).eval()
    net.load_state_dict(load_file(exported / "backbone.safetensors"))
    for row in (0, 40, 71):
        pixels = decode((people.crops / plain.names[row]).read_bytes(), "")
        x = torch.from_numpy(pixels).permute(2, 0, 1)[None].float()
        x = (x - 127.5) / 127.5
        with torch.no_grad():
            expected = (net(x) + net(x.flip(3)))[0].numpy()
        np.testing.assert_allclose(plain.vectors[row], expected, rtol=1e-3, atol=1e-4)


def test_what_the_record_of_it_says(plain, exported, people):
    meta = plain.meta
    assert meta["model"]["sha256"] == sha256_file(exported / "backbone.safetensors")
    assert meta["model"]["kind"] == "small_resnet" and meta["model"]["step"] == 7
    assert meta["fusion"] == "flip-sum" and meta["dim"] == 16
    assert meta["transform"] == Transform(height=64, width=64).to_dict()
    assert meta["images"] == {"source": str(people.crops), "count": 72}
    assert meta["precision"] == "float32" and meta["batch"] == 64 and meta["threads"] >= 1


@pytest.mark.parametrize("ranks", [2, 5])  # 72 images over 5 ranks is uneven
def test_several_ranks_write_the_same_file(plain, exported, people, tmp_path, ranks):
    words = ["--model", exported, "--images", people.crops, "--out", tmp_path / "x"]
    done(command("eval", "extract", *words, ranks=ranks))
    several = load(tmp_path / "x")
    assert several.names == plain.names
    np.testing.assert_allclose(several.vectors, plain.vectors, rtol=1e-4, atol=1e-5)


def test_fusions(plain, exported, people, tmp_path):
    halves = {}
    for fusion in ("none", "flip-concat"):
        out = tmp_path / fusion
        words = ["--model", exported, "--images", people.crops, "--out", out, "--fusion", fusion]
        said = done(command("eval", "extract", *words)).stdout
        halves[fusion] = load(out).vectors
        assert f"{fusion}.npy: 72 x {halves[fusion].shape[1]}\n" in said
    first, second = np.split(halves["flip-concat"], 2, axis=1)
    np.testing.assert_allclose(first, halves["none"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(first + second, plain.vectors, rtol=1e-4, atol=1e-5)


def test_records_give_the_crops_own_embeddings(plain, exported, people, tmp_path):
    words = ["--model", exported, "--images", people.records, "--out", tmp_path / "x"]
    done(command("eval", "extract", *words))
    records = load(tmp_path / "x")
    rows = records.rows(plain.names, "crops")
    np.testing.assert_allclose(records.vectors[rows], plain.vectors, rtol=1e-4, atol=1e-5)


def test_an_onnx_file_gives_the_same(plain, exported, people, tmp_path):
    net = BACKBONES["small_resnet"](dim=16, height=64, width=64).eval()
    net.load_state_dict(load_file(exported / "backbone.safetensors"))
    file = tmp_path / "net.onnx"
    torch.onnx.export(net, torch.zeros(1, 3, 64, 64), str(file), dynamo=False)  # batch of one
    words = ["--model", file, "--images", people.crops, "--out", tmp_path / "x"]
    done(command("eval", "extract", *words))
    np.testing.assert_allclose(load(tmp_path / "x").vectors, plain.vectors, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("wrap", [dict, lambda s: {"state_dict_backbone": s, "epoch": 1}])
def test_released_checkpoints_load(tmp_path, wrap):
    from eval.build import open_model

    net = network("mobilefacenet")
    torch.save(wrap(net.state_dict()), tmp_path / "model.pt")
    device = torch.device("cpu")
    embedder, _ = open_model(tmp_path / "model.pt", backbone="mobilefacenet", device=device)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 112, 112, 3), dtype=np.uint8)
    with torch.no_grad():
        expected = net(Transform().normalise(torch.from_numpy(pixels))).numpy()
    np.testing.assert_allclose(embedder.forward(pixels), expected, rtol=1e-3, atol=1e-4)


class Evil:
    def __reduce__(self):
        return (print, ("executed",))


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path, people):
    torch.save({"weight": Evil()}, tmp_path / "model.pt")
    words = ["--model", tmp_path / "model.pt", "--backbone", "iresnet18"]
    result = command("eval", "extract", *words, "--images", people.crops, "--out", tmp_path / "x")
    assert "not a checkpoint of plain tensors" in refused(result)
    assert "executed" not in result.stdout


def test_refusals_are_one_line_and_leave_nothing(exported, people, tmp_path):
    out = tmp_path / "out" / "x"

    def say(model=exported, images=people.crops, *more):
        words = ["--model", model, "--images", images, "--out", out, *more]
        line = refused(command("eval", "extract", *words))
        assert not out.parent.exists() or not list(out.parent.iterdir())
        return line

    assert "found nothing there" in say(model=tmp_path / "none")
    assert "found nothing there" in say(images=tmp_path / "none")
    bad = tmp_path / "bad.pth"
    torch.save({"conv1.weight": torch.zeros(3)}, bad)
    assert "give --backbone" in say(bad)
    assert "tensor conv1.weight is (3,)" in say(bad, people.crops, "--backbone", "iresnet18")
    (tmp_path / "bad.onnx").write_bytes(b"no model")
    assert "onnxruntime cannot load it" in say(tmp_path / "bad.onnx")

    changed = tmp_path / "changed"
    changed.mkdir()
    weights = (exported / "backbone.safetensors").read_bytes()
    (changed / "backbone.safetensors").write_bytes(weights[:-1] + bytes([weights[-1] ^ 1]))
    meta = json.loads((exported / "meta.json").read_text())
    write_json(changed / "meta.json", meta)
    assert "expected SHA-256" in say(changed)
    (changed / "backbone.safetensors").write_bytes(weights)
    write_json(changed / "meta.json", {**meta, "transform": {**meta["transform"], "version": 0}})
    assert "transform version 0" in say(changed)
    large = {**meta["transform"], "height": 112, "width": 112}
    net = network(dim=16)
    export(changed, net, name="small_resnet", transform=Transform(**large), about={})
    assert "is 64x64 (height x width), the model expects 112x112" in say(changed)


def test_a_bin_is_noted_by_its_hash(exported, people, tmp_path):
    crops = [path.read_bytes() for path in sorted(people.crops.rglob("*.jpg"))[:4]]
    write_bin(tmp_path / "a.bin", crops, [True, False])
    words = ["--model", exported, "--images", tmp_path / "a.bin", "--out", tmp_path / "x.npy"]
    main(["extract", *map(str, words), "--threads", "1"])
    assert load(tmp_path / "x").meta["images"]["sha256"] == sha256_file(tmp_path / "a.bin")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.bin", "x.json", "x.npy", "x.txt"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--out", "."], r"--out \.: expected X of X\.npy"),
        (["--out", "n/"], r"--out n/: expected X of X\.npy"),
        (["--out", "n"], r"n\.json: is there and not of embeddings"),
        (["--out", "exported"], r"exported\.json: is there and not of embeddings"),
        (["--out", "list"], r"list\.txt: is there and not of embeddings"),
        (["--backbone", "foo"], "states its own network; leave --backbone out"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(
    exported, people, tmp_path, monkeypatch, more, message
):
    monkeypatch.chdir(tmp_path)
    write_json("n.json", {"schema": 1, "onnx": {}, "dim": 16, "transform": {}})
    write_json("exported.json", read_json(exported / "meta.json"))
    write_text("list.txt", "a pair list\n")
    words = ["--model", str(exported), "--images", str(people.crops), "--out", "x", *more]
    with pytest.raises(ValueError, match=message):
        main(["extract", *words])
    assert {path.name for path in tmp_path.iterdir()} == {"n.json", "exported.json", "list.txt"}
