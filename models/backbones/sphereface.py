"""SphereFace-20 and -64 (arXiv 1704.08063, table 2), as in the authors' released networks.

    stage w = 64, 128, 256, 512:  3x3 conv, stride 2 -> PReLU, then residual units
                                  x + (3x3 conv -> PReLU -> 3x3 conv -> PReLU)
    fc5                           linear to the embedding

    units of a stage: SphereFace-20  1, 2, 4, 1;  SphereFace-64  3, 7, 16, 3

No BatchNorm at all. Weights start as theirs do: uniform +-sqrt(3 / fan in) for the strided
convolutions and the linear layer, normal of standard deviation 0.01 in the units, which so start as
nearly the identity. Their units' biases are zero and have learning rate 0; here there are none.

Parameters at the paper's 112x96 and dim 512: the strided convolutions 9vw + w and w slopes (v = 3,
64, 128, 256), a unit 18w^2 + 2w, fc5 512 (512 * 7 * 6) + 512; together 22,666,944 and 47,891,648.
The released files hold 3,712 and 13,440 zeros more, those biases.
"""

from functools import partial

import torch
from torch import Tensor, nn

from models.backbones.on_cpu import PReLU
from models.backbones.precision import in_float32

CHANNELS = (64, 128, 256, 512)


class Unit(nn.Module):
    """x + two convolutions, each with a PReLU behind it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.prelu1 = PReLU(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.prelu2 = PReLU(channels)
        nn.init.normal_(self.conv1.weight, 0, 0.01)
        nn.init.normal_(self.conv2.weight, 0, 0.01)

    def forward(self, x: Tensor) -> Tensor:
        """[n, channels, H, W] to the same."""
        out: Tensor = x + self.prelu2(self.conv2(self.prelu1(self.conv1(x))))
        return out


class SphereFace(nn.Module):
    """Four stages of `Unit`, halving the size before each; input [n, 3, H, W], output [n, dim].

    Args:
        units: number of units in each stage.
        dim: embedding dimension.
        height, width: of the input, pixels; 112x96 is the paper's crop.
    """

    def __init__(
        self, units: tuple[int, ...], dim: int = 512, height: int = 112, width: int = 96
    ) -> None:
        super().__init__()
        self.dim = dim
        layers: list[nn.Module] = []
        before = 3
        for after, count in zip(CHANNELS, units):
            strided = nn.Conv2d(before, after, 3, stride=2, padding=1)
            nn.init.kaiming_uniform_(strided.weight, nonlinearity="linear")
            nn.init.zeros_(strided.bias)  # type: ignore[arg-type]  # it has one
            layers += [strided, PReLU(after), *(Unit(after) for _ in range(count))]
            before = after
        self.layers = nn.Sequential(*layers)
        rows, columns = (-(-size // 2 ** len(units)) for size in (height, width))
        self.fc5 = nn.Linear(before * rows * columns, dim)
        nn.init.kaiming_uniform_(self.fc5.weight, nonlinearity="linear")
        nn.init.zeros_(self.fc5.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Embeddings, not normalised; the last layer in float32 even under autocast."""
        return in_float32(self.fc5, torch.flatten(self.layers(x), 1))


sphereface20 = partial(SphereFace, (1, 2, 4, 1))
sphereface64 = partial(SphereFace, (3, 7, 16, 3))
