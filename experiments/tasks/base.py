"""What every task is, and where its data lies.

Data comes from the folder that LIKENESS_DATA names (default: shared/data beside the project).
"""

import os
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from configs.schema import LossConfig
from data_prep.transforms import Transform
from experiments.fit import Images
from train.state import TrainState

_AT_ONCE = 250


def data_file(name: str) -> Path:
    """A file of the real data, which the project does not hold.

    Raises:
        FileNotFoundError: it is not there.
    """
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    path = Path(os.environ.get("LIKENESS_DATA", beside)) / name
    if not path.exists():
        raise FileNotFoundError(
            f"{path}: no such file; set LIKENESS_DATA to the folder that holds {name}"
        )
    return path


class Task(ABC):
    """A data set with its split and its figures.

    Attributes:
        criterion: the figure that a search makes as small as it can.
    """

    criterion: str

    @abstractmethod
    def training(self, searching: bool) -> Images:
        """The images to train on: without those held out while searching, all of them after."""

    @abstractmethod
    def judge(
        self, state: TrainState, loss: LossConfig, *, searching: bool, keep: int
    ) -> dict[str, Any]:
        """Figures on what was held out of the training set, or else on the test set.

        Args:
            state: trained; in eval mode.
            loss: that it was trained with.
            searching: whether the test set is out of bounds.
            keep: embeddings to give back with the figures.
        """


@torch.inference_mode()
def embed(state: TrainState, pixels: Tensor) -> Tensor:
    """Embeddings [n, D] in float32, as for judging."""
    transform = Transform(height=pixels.shape[1], width=pixels.shape[2])
    parts = pixels.split(_AT_ONCE)
    return torch.cat([state.backbone(transform.normalise(part)) for part in parts])
