"""Attention-56 and Attention-92: residual attention networks (arXiv 1704.06904) for faces.

The trunk is that of the authors' released ImageNet networks, layer for layer:

    stem        7x7 conv, stride 2, 64 -> BN -> ReLU
    stages 1-3  one residual unit (to 256, 512, 1024 channels; the latter two halve the size), then
                attention modules: Attention-56 1, 1, 1; Attention-92 1, 2, 3
    end         three residual units (2048 channels, the first halves the size) -> BN -> ReLU
    unit        BN -> ReLU -> 1x1 conv, w/4 -> BN -> ReLU -> 3x3 conv -> BN -> ReLU -> 1x1 conv, w;
                the shortcut is x, or a 1x1 conv of the unit's first ReLU where the shape changes
    module      unit; trunk T = two units; mask M = sigmoid(two 1x1 convs) of an hourglass that
                halves the size 3, 2, 1 times in stages 1, 2, 3; unit((1 + M) * T)

SV-Softmax (arXiv 1812.11317, section 5.2) says "Attention-56", 512-d by average pooling, not more.
Our reconstruction: the 3x3 max-pooling of the stem is left out, so that 112x112 crops meet the
stages at the sizes the network was designed for (56, 28, 14, 7); after average pooling a linear
layer without bias and BatchNorm make `dim` values of the 2048. Their crops are 120x120, for which
the stages are 60, 30, 15, 8. Their deep variant (3, 6, 2 modules, SE blocks) is not here.

Parameters of the trunk, as in the authors' files: 29,761,728 and 50,417,344 (the paper's 31.9 and
51.3 million are with 2,049,000 for 1000 classes; the latter differs from its own file). At dim 512
2048 * 512 + 1,024 come on top: 30,811,328 and 51,466,944.
"""

from functools import partial

import torch.nn.functional as F
from torch import Tensor, nn

from models.backbones.norm import BatchNorm1d, BatchNorm2d
from models.backbones.precision import in_float32

CHANNELS = (256, 512, 1024)


def activated(channels: int) -> list[nn.Module]:
    """BN -> ReLU, which come before every convolution."""
    return [BatchNorm2d(channels), nn.ReLU(inplace=True)]


class Unit(nn.Module):
    """Pre-activation bottleneck, `before` to `after` channels."""

    def __init__(self, before: int, after: int, stride: int = 1) -> None:
        super().__init__()
        inner = after // 4
        self.first = nn.Sequential(*activated(before))
        self.branch = nn.Sequential(
            nn.Conv2d(before, inner, 1, bias=False),
            *activated(inner),
            nn.Conv2d(inner, inner, 3, stride, padding=1, bias=False),
            *activated(inner),
            nn.Conv2d(inner, after, 1, bias=False),
        )
        self.shortcut = (
            None
            if before == after and stride == 1
            else nn.Conv2d(before, after, 1, stride, bias=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        """[n, before, H, W] to [n, after, H / stride, W / stride]."""
        ready = self.first(x)
        out: Tensor = self.branch(ready) + (x if self.shortcut is None else self.shortcut(ready))
        return out


class Hourglass(nn.Module):
    """Halves the size `depth` times and comes back to half of it: what a mask is drawn from."""

    def __init__(self, channels: int, depth: int) -> None:
        super().__init__()
        self.down = Unit(channels, channels)
        self.inner = Hourglass(channels, depth - 1) if depth > 1 else None
        self.skip = Unit(channels, channels) if depth > 1 else None
        self.up = Unit(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """[n, channels, H, W] to [n, channels, H / 2, W / 2], rounded up."""
        x = self.down(F.max_pool2d(x, 3, 2, ceil_mode=True))
        if self.inner is not None and self.skip is not None:
            x = self.skip(x) + enlarged(self.inner(x), x)
        out: Tensor = self.up(x)
        return out


def enlarged(x: Tensor, like: Tensor) -> Tensor:
    """`x` [n, C, h, w] at the size of `like`: bilinear, corners on corners."""
    return F.interpolate(x, like.shape[2:], mode="bilinear", align_corners=True)


class AttentionModule(nn.Module):
    """(1 + mask) * trunk between two units (arXiv 1704.06904, equation 3)."""

    def __init__(self, channels: int, depth: int) -> None:
        super().__init__()
        self.before = Unit(channels, channels)
        self.trunk = nn.Sequential(Unit(channels, channels), Unit(channels, channels))
        self.hourglass = Hourglass(channels, depth)
        self.mask = nn.Sequential(
            *activated(channels),
            nn.Conv2d(channels, channels, 1, bias=False),
            *activated(channels),
            nn.Conv2d(channels, channels, 1, bias=False),
            nn.Sigmoid(),
        )
        self.after = Unit(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """[n, channels, H, W] to the same."""
        x = self.before(x)
        trunk = self.trunk(x)
        mask = self.mask(enlarged(self.hourglass(x), trunk))
        out: Tensor = self.after((1 + mask) * trunk)
        return out


class AttentionNet(nn.Module):
    """Three stages of `AttentionModule`; input [n, 3, H, W] of any size, output [n, dim].

    Args:
        modules: number of attention modules in each stage.
        dim: embedding dimension.
        height, width: of the input, pixels; no parameter depends on them.
    """

    def __init__(
        self, modules: tuple[int, ...], dim: int = 512, height: int = 112, width: int = 112
    ) -> None:
        super().__init__()
        self.dim = dim
        before = 64
        layers: list[nn.Module] = [
            nn.Conv2d(3, before, 7, stride=2, padding=3, bias=False),
            *activated(before),
        ]
        for stage, (after, count) in enumerate(zip(CHANNELS, modules)):
            layers += [Unit(before, after, 1 if stage == 0 else 2)]
            layers += [AttentionModule(after, len(CHANNELS) - stage) for _ in range(count)]
            before = after
        layers += [Unit(before, 2048, 2), Unit(2048, 2048), Unit(2048, 2048), *activated(2048)]
        self.layers = nn.Sequential(*layers)
        self.features = nn.Sequential(nn.Linear(2048, dim, bias=False), BatchNorm1d(dim))
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """Embeddings, not normalised; pooling and what follows in float32 even under autocast."""
        return in_float32(self.features, self.layers(x).float().mean(dim=(2, 3)))


attention56 = partial(AttentionNet, (1, 1, 1))
attention92 = partial(AttentionNet, (1, 2, 3))
