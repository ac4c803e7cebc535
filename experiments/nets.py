"""The papers' small networks as these experiments run them: grey input, some of them narrower.

lenet_heated      Heated-Up Softmax's own, whole
lenet_pp          COCO's LeNet++, whole
lsoftmax_quarter  L-Softmax's MNIST network with a quarter of its channels: 16 and 3 of 16 |
                  3 of 32 | 3 of 64, and 128 in place of 512 embedding dimensions
"""

from collections.abc import Callable
from functools import partial

from torch import nn

from models.backbones.digits import lenet_heated, lenet_pp, lsoftmax

NETS: dict[str, Callable[..., nn.Module]] = {
    "lenet_heated": partial(lenet_heated, in_channels=1),
    "lenet_pp": partial(lenet_pp, in_channels=1),
    "lsoftmax_quarter": partial(lsoftmax, 3, channels=16, in_channels=1),
}
