"""The small networks of the papers' experiments on digits and CIFAR, by name.

    lenet_pp        LeNet++ of COCO (arXiv 1710.00870, their net_cocoloss.prototxt), 28x28:
                    5x5 conv 32, 32 | pool 2 | 64, 64 | pool 2 | 128, 128 | pool 3, stride 2,
                    a PReLU after each -> linear to 3, without PReLU
    lenet_heated    LeNet of Heated-Up Softmax (arXiv 1809.04157, their lenet.py), 28x28:
                    5x5 conv 32 | pool 2 | 64 | pool 2, ReLU -> linear 500 -> ReLU -> linear to 2
    lsoftmax_mnist  of L-Softmax (arXiv 1612.02295, released as mnist_train_test.prototxt), 28x28:
                    3x3 conv 64, 64, 64, 64 | pool 2 | 3 of 128 | pool 2 | 3 of 256 | pool 2,
                    BN -> ReLU after each -> linear to 512 -> BN -> ReLU
    lsoftmax_cifar  the same for CIFAR-10 (released as cifar_train_test.prototxt), 32x32:
                    64 and 4 of 64 | 4 of 128 | 4 of 256

`dim` defaults to the papers'. Virtual Softmax's networks could not be had; those of L-Softmax,
which it compares with, are the natural stand-ins. Convolutions keep the size; pooling rounds up, as
Caffe does. Biases in front of BatchNorm do nothing and are left out; theirs have them. Weights
start as theirs do: uniform +-sqrt(3 / fan in) in LeNet++, else He's normal.
Images are three-channel here, as everywhere; three equal channels act like one. `in_channels` 1
gives the papers' own networks.

Parameters at the defaults (and with one channel): a k x k convolution k^2 v w, + w bias in the
LeNets, + w slopes in LeNet++, + 2w of BN in L-Softmax's. LeNet++ ends in 128 * 3 * 3 * 3 + 3:
800,355 (798,755). Heated: 64 * 7 * 7 * 500 + 500 and 500 * 2 + 2: 1,623,198 (1,621,598).
L-Softmax: 256 * 4 * 4 * 512 + 2 * 512: 4,056,512 (4,055,360) and 4,831,552.
"""

from functools import partial

import torch
from torch import Tensor, nn

from models.backbones.norm import BatchNorm1d, BatchNorm2d
from models.backbones.on_cpu import PReLU
from models.backbones.precision import in_float32


def plain(before: int, after: int, kernel: int, activation: nn.Module) -> list[nn.Module]:
    """Convolution with bias -> activation."""
    return [nn.Conv2d(before, after, kernel, padding=kernel // 2), activation]


def normalised(before: int, after: int) -> list[nn.Module]:
    """3x3 convolution -> BN -> ReLU."""
    return [nn.Conv2d(before, after, 3, padding=1, bias=False), BatchNorm2d(after), nn.ReLU()]


class DigitNet(nn.Module):
    """`layers`, flattened, then `features`; input [n, in_channels, H, W], output [n, dim]."""

    def __init__(self, dim: int, layers: list[nn.Module], features: list[nn.Module]) -> None:
        super().__init__()
        self.dim = dim
        self.layers = nn.Sequential(*layers)
        self.features = nn.Sequential(*features)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Embeddings, not normalised; the last layers in float32 even under autocast."""
        return in_float32(self.features, torch.flatten(self.layers(x), 1))


def pixels(height: int, width: int, poolings: int) -> int:
    """Pixels that are left after halving `poolings` times, rounded up each time."""
    return -(-height // 2**poolings) * -(-width // 2**poolings)


def lenet_pp(dim: int = 3, height: int = 28, width: int = 28, in_channels: int = 3) -> DigitNet:
    """LeNet++; see the module's text.

    Args:
        dim: embedding dimension; COCO has 3, Center Loss 2.
        height, width: of the input, pixels.
        in_channels: 3, or 1 for grey images.
    """
    layers: list[nn.Module] = []
    before, rows, columns = in_channels, height, width
    for after, kernel in ((32, 2), (64, 2), (128, 3)):
        layers += plain(before, after, 5, PReLU(after))
        layers += plain(after, after, 5, PReLU(after))
        layers += [nn.MaxPool2d(kernel, 2, ceil_mode=True)]
        rows, columns = (-(-(size - kernel) // 2) + 1 for size in (rows, columns))
        before = after
    net = DigitNet(dim, layers, [nn.Linear(before * rows * columns, dim)])
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_uniform_(module.weight, nonlinearity="linear")
    return net


def lenet_heated(dim: int = 2, height: int = 28, width: int = 28, in_channels: int = 3) -> DigitNet:
    """LeNet of Heated-Up Softmax; see the module's text.

    Args:
        dim: embedding dimension; the paper draws 2.
        height, width: of the input, pixels.
        in_channels: 3, or 1 for grey images.
    """
    layers = [
        *plain(in_channels, 32, 5, nn.ReLU()),
        nn.MaxPool2d(2, ceil_mode=True),
        *plain(32, 64, 5, nn.ReLU()),
        nn.MaxPool2d(2, ceil_mode=True),
    ]
    inner = nn.Linear(64 * pixels(height, width, 2), 500)
    return DigitNet(dim, layers, [inner, nn.ReLU(), nn.Linear(500, dim)])


def lsoftmax(
    convolutions: int,
    dim: int = 512,
    height: int = 28,
    width: int = 28,
    in_channels: int = 3,
    channels: int = 64,
) -> DigitNet:
    """L-Softmax's networks; see the module's text.

    Args:
        convolutions: in each of the three stages.
        dim: embedding dimension.
        height, width: of the input, pixels.
        in_channels: 3, or 1 for grey images.
        channels: of the first stage; the others have twice and four times as many.
    """
    layers, before = normalised(in_channels, channels), channels
    for after in (channels, 2 * channels, 4 * channels):
        for _ in range(convolutions):
            layers += normalised(before, after)
            before = after
        layers += [nn.MaxPool2d(2, ceil_mode=True)]
    last = nn.Linear(before * pixels(height, width, 3), dim, bias=False)
    return DigitNet(dim, layers, [last, BatchNorm1d(dim), nn.ReLU()])


lsoftmax_mnist = partial(lsoftmax, 3)
lsoftmax_cifar = partial(lsoftmax, 4, height=32, width=32)
