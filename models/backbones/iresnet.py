"""IResNet: the residual network of ArcFace, with arcface_torch's parameter names.

Pre-activation blocks BN -> 3x3 conv -> BN -> PReLU -> 3x3 conv (stride here) -> BN + shortcut
(arXiv 1801.07698, section 3.2.2; arXiv 1610.02915), then BN -> flatten -> linear -> BN.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from models.backbones.norm import BatchNorm1d, BatchNorm2d
from models.backbones.on_cpu import PReLU
from models.backbones.precision import in_float32


class Block(nn.Module):
    """One residual block, `in_channels` to `channels`; the shortcut is projected where asked."""

    def __init__(
        self,
        in_channels: int,
        channels: int,
        stride: int,
        project: bool,
        activation: Callable[[int], nn.Module],
    ) -> None:
        super().__init__()
        self.bn1 = BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, channels, 3, padding=1, bias=False)
        self.bn2 = BatchNorm2d(channels)
        self.prelu = activation(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride, padding=1, bias=False)
        self.bn3 = BatchNorm2d(channels)
        self.downsample = (
            nn.Sequential(
                nn.Conv2d(in_channels, channels, 1, stride, bias=False), BatchNorm2d(channels)
            )
            if project
            else None
        )

    def forward(self, x: Tensor) -> Tensor:
        """[n, in_channels, H, W] to [n, channels, H / stride, W / stride]."""
        y = self.prelu(self.bn2(self.conv1(self.bn1(x))))
        y = self.bn3(self.conv2(y))
        return y + (x if self.downsample is None else self.downsample(x))


class IResNet(nn.Module):
    """Four stages of `Block`, halving the size in each; input [n, 3, H, W], output [n, dim].

    Args:
        blocks: number of blocks in each stage.
        dim: embedding dimension.
        height, width: of the input, pixels.
        channels: of each stage.
        stem_stride: 1 keeps the input's size before the stages; 2 halves it.
        activation: from a number of channels to a module.
    """

    def __init__(
        self,
        blocks: tuple[int, ...],
        dim: int = 512,
        height: int = 112,
        width: int = 112,
        channels: tuple[int, ...] = (64, 128, 256, 512),
        stem_stride: int = 1,
        activation: Callable[[int], nn.Module] = PReLU,
    ) -> None:
        super().__init__()
        self.dim = dim
        self.conv1 = nn.Conv2d(3, channels[0], 3, stem_stride, padding=1, bias=False)
        self.bn1 = BatchNorm2d(channels[0])
        self.prelu = activation(channels[0])
        before = channels[0]
        self.stages = [f"layer{number}" for number in range(1, len(blocks) + 1)]
        for name, count, after in zip(self.stages, blocks, channels):
            stage = [Block(before, after, 2, True, activation)]
            stage += [Block(after, after, 1, False, activation) for _ in range(count - 1)]
            self.add_module(name, nn.Sequential(*stage))
            before = after
        self.bn2 = BatchNorm2d(before)
        halvings = len(blocks) + (stem_stride == 2)
        rows, columns = (-(-size // 2**halvings) for size in (height, width))
        self.fc = nn.Linear(before * rows * columns, dim)
        self.features = BatchNorm1d(dim)
        nn.init.constant_(self.features.weight, 1.0)
        self.features.weight.requires_grad_(False)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, 0, 0.1)

    def forward(self, x: Tensor) -> Tensor:
        """Embeddings, not normalised; float32 even under autocast, like arcface_torch's."""
        x = self.prelu(self.bn1(self.conv1(x)))
        for name in self.stages:
            x = self.get_submodule(name)(x)
        x = in_float32(self.fc, torch.flatten(self.bn2(x), 1))
        return in_float32(self.features, x)


def leaky_relu(channels: int) -> nn.Module:
    """A PReLU whose slope stays at its initial 0.25: cheaper on CPUs."""
    return nn.LeakyReLU(0.25, inplace=True)


iresnet18 = partial(IResNet, (2, 2, 2, 2))
iresnet34 = partial(IResNet, (3, 4, 6, 3))
iresnet50 = partial(IResNet, (3, 4, 14, 3))
iresnet100 = partial(IResNet, (3, 13, 30, 3))
iresnet200 = partial(IResNet, (6, 26, 60, 6))

# For CPUs and small data: a halving stem, three narrow stages, a cheap activation.
small_resnet = partial(
    IResNet, (1, 2, 1), channels=(48, 96, 192), stem_stride=2, activation=leaky_relu
)
