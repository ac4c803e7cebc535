"""Tasks whose test images are of the classes trained on: digits, objects, people."""

from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor

from configs.schema import LossConfig
from experiments.fit import Images, class_weights
from experiments.geometry import geometry
from experiments.tasks.base import Task, data_file, embed
from models.losses.base import Loss
from train.build import build_loss
from train.state import TrainState


class LabelledTask(Task):
    """Images of the classes trained on: error in per cent, and geometry."""

    criterion = "error_percent"

    def __init__(self, train: Images, test: Images, held_out: int) -> None:
        """Holds `held_out` training images out of the searches' training: the last ones of a fixed
        random order, since files may be sorted by class."""
        order = np.random.default_rng(0).permutation(len(train.labels))
        rows = torch.from_numpy(order)
        self.train = Images(train.pixels[rows], train.labels[rows], train.classes)
        self.test, self.held_out = test, held_out

    def training(self, searching: bool) -> Images:
        """See `Task`."""
        if not searching:
            return self.train
        end = len(self.train.labels) - self.held_out
        return Images(self.train.pixels[:end], self.train.labels[:end], self.train.classes)

    def judge(
        self, state: TrainState, loss: LossConfig, *, searching: bool, keep: int
    ) -> dict[str, Any]:
        """Wrong images (their places), error in per cent, geometry; some embeddings."""
        images = self.test
        if searching:
            start = len(self.train.labels) - self.held_out
            pixels, labels = self.train.pixels[start:], self.train.labels[start:]
            images = Images(pixels, labels, self.train.classes)
        emb_nD = embed(state, images.pixels)
        built: Loss = build_loss(loss, images.classes)
        nearest = (emb_nD @ class_weights(state, built.normalise_w).T).argmax(1)
        wrong = torch.nonzero(nearest != images.labels).flatten().tolist()
        figures: dict[str, Any] = {
            "images": len(images.labels),
            "wrong": wrong,
            "error_percent": 100 * len(wrong) / len(images.labels),
            **asdict(geometry(emb_nD.numpy(), images.labels.numpy())),
        }
        if searching:
            del figures["wrong"], figures["histogram"]
        elif keep:
            every = max(len(emb_nD) // keep, 1)
            figures["embeddings"] = _rounded(emb_nD[::every][:keep])
            figures["labels"] = images.labels[::every][:keep].tolist()
            figures["class_weights"] = _rounded(state.head.weight_cD.detach())
        return figures


def _rounded(rows: Tensor) -> list[list[float]]:
    return [[float(f"{value:.4g}") for value in row] for row in rows.tolist()]


def mnist() -> Task:
    """MNIST; 10,000 of its 60,000 training images are held out while searching.

    Raises:
        FileNotFoundError: mnist.npz is not there.
    """
    with np.load(data_file("mnist.npz"), allow_pickle=False) as arrays:
        train, test = (
            Images(
                torch.from_numpy(arrays[f"x_{part}"]).unsqueeze(3),
                torch.from_numpy(arrays[f"y_{part}"].astype(np.int64)),
                10,
            )
            for part in ("train", "test")
        )
    return LabelledTask(train, test, held_out=10_000)


def orl() -> Task:
    """ORL: of each of 40 people five photographs to train on (1 to 5), five to test (6 to 10); 40
    of the 200 are held out while searching. 112x92 pixels, three equal channels.

    Raises:
        FileNotFoundError: orl_faces.tar is not there.
        ValueError: it holds something else.
    """
    import tarfile

    from data_prep.images import decode

    found: dict[bool, list[tuple[np.ndarray, int]]] = {True: [], False: []}
    path = data_file("orl_faces.tar")
    with tarfile.open(path) as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file is None or not member.name.endswith(".pgm"):
                continue
            person, number = member.name.removesuffix(".pgm").split("/")[-2:]
            pixels = decode(file.read(), f"{path}, {member.name}")
            found[int(number) <= 5].append((pixels, int(person.removeprefix("s")) - 1))
    train, test = (_stacked(found[part], 40) for part in (True, False))
    return LabelledTask(train, test, held_out=40)


def _stacked(rows: list[tuple[np.ndarray, int]], classes: int) -> Images:
    pixels = torch.from_numpy(np.stack([pixels for pixels, _ in rows]))
    return Images(pixels, torch.tensor([label for _, label in rows]), classes)


def cifar10() -> Task:
    """CIFAR-10; 10,000 of its 50,000 training images are held out while searching.

    Raises:
        FileNotFoundError: it is not there and could not be downloaded; with the reason.
    """
    from torchvision.datasets import CIFAR10

    folder = data_file(".") / "cifar10"
    try:
        parts = [CIFAR10(str(folder), train=train, download=True) for train in (True, False)]
    except (OSError, RuntimeError) as error:  # no network, a read-only folder, a damaged file
        raise FileNotFoundError(
            f"{folder}: CIFAR-10 is not there and torchvision could not download it ({error})"
        ) from None
    train, test = (
        Images(torch.from_numpy(part.data), torch.tensor(part.targets), 10) for part in parts
    )
    return LabelledTask(train, test, held_out=10_000)
