"""The papers' small networks as these experiments run them: grey input, some of them narrower.

lenet_heated      Heated-Up Softmax's own, whole
lenet_pp          COCO's LeNet++, whole
lsoftmax_quarter  L-Softmax's MNIST network with a quarter of its channels: 16 and 3 of 16 |
                  3 of 32 | 3 of 64, and 128 in place of 512 embedding dimensions
"""

from collections.abc import Callable
from functools import partial

from torch import nn

from models.backbones.digits import DigitNet, lenet_heated, lenet_pp, normalised, pixels
from models.backbones.norm import BatchNorm1d


def lsoftmax_quarter(dim: int, height: int, width: int) -> DigitNet:
    """L-Softmax's MNIST network at quarter width, for one channel."""
    layers, before = normalised(1, 16), 16
    for after in (16, 32, 64):
        for _ in range(3):
            layers += normalised(before, after)
            before = after
        layers += [nn.MaxPool2d(2, ceil_mode=True)]
    last = nn.Linear(before * pixels(height, width, 3), dim, bias=False)
    return DigitNet(dim, layers, [last, BatchNorm1d(dim), nn.ReLU()])


NETS: dict[str, Callable[..., nn.Module]] = {
    "lenet_heated": partial(lenet_heated, in_channels=1),
    "lenet_pp": partial(lenet_pp, in_channels=1),
    "lsoftmax_quarter": lsoftmax_quarter,
}
