"""The splits of the data sets, and figures of networks that are perfect, or know nothing."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from configs.schema import LossConfig
from eval.protocols.pairs import PairList
from experiments.fit import Images
from experiments.tasks.faces import HELD_OUT_PEOPLE, FaceTask, Photographs, pins
from experiments.tasks.labelled import mnist, orl
from tests.conftest import real

SOFTMAX = LossConfig(name="softmax")


class Grey(nn.Module):
    """Embeds an image as the direction that its mean grey gives it, an angle of 0 to 180."""

    def forward(self, x):
        angle = (x.mean((1, 2, 3)) + 1) * np.pi / 2
        return torch.stack([angle.cos(), angle.sin()], 1)


def state():
    return SimpleNamespace(backbone=Grey())


def people(count, images=4):
    labels = torch.arange(count).repeat_interleave(images)
    shade = (labels * (250 // count)).byte()
    return Images(shade[:, None, None, None].expand(-1, 8, 8, 3).contiguous(), labels, count)


def test_people_held_out_are_not_trained_on():
    task = FaceTask(people(25))
    kept = task.training(searching=True)
    assert kept.classes == 25 - HELD_OUT_PEOPLE == int(kept.labels.max()) + 1
    assert task.training(searching=False) is task.people


def test_a_network_that_tells_people_apart_has_no_error():
    task = FaceTask(people(25))
    figures = task.judge(state(), SOFTMAX, searching=True, keep=0)
    assert figures["eer_percent"] == 0
    # Two shades for ten people: 320 of 720 impostors score as genuine pairs do; FAR = 4/9 TAR.
    coarse = Images(task.people.pixels // 200, task.people.labels, 25)
    figures = FaceTask(coarse).judge(state(), SOFTMAX, searching=True, keep=0)
    assert figures["eer_percent"] == pytest.approx(100 * 4 / 13)


def test_lists_are_judged_by_folds():
    """Names lead to rows; one genuine pair of two people is the only mistake."""
    shades = people(20, images=2)
    names = [f"p{label}/{place}" for place, label in enumerate(shades.labels.tolist())]
    others = [(i, j) for i in range(20) for j in range(i)]
    a = names[::2] + [names[2 * i] for i, _ in others]
    b = names[1::2] + [names[2 * j] for _, j in others]
    b[0] = names[-1]  # said to be the same person, and is not
    n = len(a)
    fold = np.arange(n) % 3
    task = FaceTask(shades)
    task.__dict__["lfw"] = Photographs(names, shades.pixels)
    task.__dict__["lists"] = {"lfw": PairList(a, b, np.arange(n) < 20, fold, list(range(n)))}
    figures = task.judge(state(), SOFTMAX, searching=False, keep=0)
    assert figures["lfw_wrong"] == [0] and figures["lfw_pairs"] == n == 210
    assert figures["lfw_tar"] == 19 / 20
    assert figures["lfw_accuracy"] == pytest.approx(1 - 1 / n)


def test_mnist():
    real("mnist.npz")
    task = mnist()
    assert len(task.train.labels) == 60_000 and len(task.test.labels) == 10_000
    kept = task.training(searching=True)
    assert len(kept.labels) == 50_000
    held_out = torch.bincount(task.train.labels[50_000:], minlength=10)
    assert held_out.min() > 800  # the file is sorted by digit, the split is not


def test_orl():
    real("orl_faces.tar")
    task = orl()
    assert task.train.pixels.shape == task.test.pixels.shape == (200, 112, 92, 3)
    for part in (task.train, task.test):
        assert torch.bincount(part.labels).tolist() == [5] * 40
    assert torch.bincount(task.training(True).labels, minlength=40).sum() == 160


@pytest.mark.slow
def test_pins_without_the_people_of_lfw():
    overlap = real("lists/pins_lfw_overlap.txt").read_text().split("\n")
    task = pins()
    assert task.people.pixels.shape == (7200, 112, 112, 3)
    assert torch.bincount(task.people.labels).tolist() == [80] * 90
    assert len([line for line in overlap if line]) == 15
    assert len(task.lfw.names) == 7701
    for pairs in task.lists.values():
        assert set(pairs.a) | set(pairs.b) <= set(task.lfw.names)
        assert len(pairs.a) == 6000
