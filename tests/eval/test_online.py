"""Verification while training: the figures of the offline commands, on any number of ranks."""

import numpy as np
import pytest
import torch
from torch import nn

from data_prep.dataset import open_images
from data_prep.sources.verification_bin import write_bin
from data_prep.transforms import Transform
from eval.embedders import TorchEmbedder
from eval.embeddings import load, save
from eval.online import Listed, OnlineVerification
from eval.protocols.verification import verify
from tests.dist import run_processes

TRANSFORM = Transform(height=64, width=64)


class Seen(TorchEmbedder):
    """Counts what it embeds, mirrored images apart."""

    count = 0

    def start(self, pixels):
        self.count += len(pixels) / 2
        return super().start(pixels)


def embedder():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 5, 4), nn.ReLU(), nn.Flatten(), nn.LazyLinear(16))
    network(torch.zeros(1, 3, 64, 64))
    network.dim = 16
    return Seen(network, TRANSFORM, torch.device("cpu"), batch=8)


@pytest.fixture(scope="module")
def sets(people, tmp_path_factory):
    """A pair list of some of the images, a list over the same ones, and a .bin."""
    folder = tmp_path_factory.mktemp("online")
    images = open_images(people.crops)
    short = folder / "short.txt"
    lines = people.pairs.read_text().splitlines()
    half = (len(lines) - 1) // 2  # of four folds two
    short.write_text("\n".join(["2\t10", *lines[1 : half + 1]]) + "\n")
    encoded = [images.encoded(i) for i in range(40)]
    write_bin(folder / "cut.bin", encoded, [i % 3 != 0 for i in range(20)])
    crops = str(people.crops)
    return [
        [crops, str(people.pairs), "lfw"],
        [crops, str(short), "lfw"],
        [str(folder / "cut.bin"), str(folder / "cut.bin"), "lfw"],
    ]


def figures(sets):
    listed = [Listed(images=images, pairs=pairs, protocol=name) for images, pairs, name in sets]
    model = embedder()
    found = OnlineVerification(listed)(model)
    return [found, model.count]


def offline(tmp_path, images, pairs, protocol):
    """The same figures by way of files: embeddings of all images, judged by `eval run`."""
    source, model = open_images(images), embedder()
    pixels = np.stack([source[i] for i in range(len(source))])
    vectors = model.forward(pixels) + model.forward(np.ascontiguousarray(pixels[:, :, ::-1]))
    save(tmp_path / "X", source.names, vectors, {"fusion": "flip-sum"})
    return verify(protocol, pairs, load(tmp_path / "X"), fars=["1e-2"])


def test_figures_are_those_of_the_offline_commands_on_any_number_of_ranks(sets, tmp_path):
    (alone, count), *_ = run_processes(1, figures, sets)
    for name, one in zip(("pairs", "short", "cut"), sets):
        expected = offline(tmp_path, *one)["accuracy"]
        assert alone[f"{name}/accuracy"] == pytest.approx(expected["mean"], abs=1e-12)
        assert alone[f"{name}/std_error"] == pytest.approx(expected["std_error"], abs=1e-12)
    each = [alone[f"{name}/accuracy"] for name in ("pairs", "short", "cut")]
    assert alone["accuracy"] == pytest.approx(np.mean(each))
    for ranks in (2, 3):
        found = run_processes(ranks, figures, sets)
        assert all(one == alone for one, _ in found)  # to the last bit
        assert sum(seen for _, seen in found) == count  # and no image twice
        assert max(seen for _, seen in found) < count


def test_only_images_that_a_list_names_are_embedded_and_those_of_two_lists_once(sets):
    def named(*which):
        found, count = figures([sets[i] for i in which])
        return found, count

    whole, several = named(0)
    part, few = named(1)
    both, together = named(0, 1)
    lines = [line.split() for line in open(sets[1][1]).read().splitlines()[1:]]  # noqa: PTH123, SIM115
    expected = {(words[0], words[1]) for words in lines}
    expected |= {
        (words[-2], words[-1]) if len(words) == 4 else (words[0], words[2]) for words in lines
    }
    assert few == len(expected) < several == together
    assert both["pairs/accuracy"] == whole["accuracy"]
    assert both["short/accuracy"] == part["accuracy"]


def test_two_sets_of_one_name_are_refused(sets):
    with pytest.raises(ValueError, match=r"expected lists of different file names, .*pairs.txt"):
        figures([sets[0], sets[0]])
