"""What is embedded: images that fit the model, in order, in the precision that was asked for."""

import numpy as np
import pytest
import torch

from data_prep.dataset import open_images
from data_prep.images import decode
from data_prep.sources.verification_bin import write_bin
from data_prep.transforms import Transform
from eval.embed import embed, embed_spans, require_fit
from eval.embedders import TorchEmbedder
from models.backbones import BACKBONES

CPU = torch.device("cpu")


def embedder(side=64, precision="float32"):
    torch.manual_seed(0)
    net = BACKBONES["small_resnet"](dim=16, height=side, width=side).eval()
    return TorchEmbedder(net, Transform(height=side, width=side), CPU, precision=precision)


@pytest.fixture
def sources(people, tmp_path):
    crops = [path.read_bytes() for path in sorted(people.crops.rglob("*.jpg"))[:4]]
    write_bin(tmp_path / "lfw.bin", crops, [True, False])
    return [open_images(path) for path in (people.crops, people.records, tmp_path / "lfw.bin")]


def test_images_of_another_size_are_refused_wherever_they_are(sources):
    for source, where in zip(sources, ("crops/", "train.rec, key", "lfw.bin, image 0")):
        require_fit(embedder(), source)
        with pytest.raises(ValueError, match=f"{where}.*is 64x64 .*the model expects 112x112"):
            embed(embedder(112), source, range(2), "none", lambda place, emb_nD: None)


def test_records_of_another_transform_version_are_refused(sources):
    records = sources[1]
    records.sets[0].manifest["transform_version"] = 0
    with pytest.raises(ValueError, match=r"train: packed under transform version 0, the model"):
        require_fit(embedder(), records)
    records.sets[0].manifest = None  # another program's, which does not say
    require_fit(embedder(), records)


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_spans_come_one_by_one_in_their_order(sources, workers):
    source, found = sources[0], []
    spans = [range(40, 43), range(0, 5), range(5, 6)]
    model = embedder()
    embed_spans(model, source, spans, "none", lambda *row: found.append(row), workers=workers)
    assert [place for place, _ in found] == [40, 0, 5]
    for span, (_, emb_nD) in zip(spans, found):
        pixels = np.stack([decode(source.encoded(i), "") for i in span])
        np.testing.assert_array_equal(emb_nD, model.forward(pixels))


def test_bfloat16_is_near_float32_and_not_it(sources):
    pixels = np.stack([sources[0][i] for i in range(6)])
    full, low = embedder().forward(pixels), embedder(precision="bfloat16").forward(pixels)
    assert low.dtype == np.float32 and not np.array_equal(full, low)
    cosine = (full * low).sum(1) / np.linalg.norm(full, axis=1) / np.linalg.norm(low, axis=1)
    assert cosine.min() > 0.999


def test_a_network_in_training_stays_so():
    model = embedder()
    model.backbone.train()
    model.forward(np.zeros((2, 64, 64, 3), np.uint8))
    assert model.backbone.training and model.backbone.dim == 16
