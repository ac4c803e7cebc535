"""MobileFaceNet (arXiv 1804.07573), with arcface_torch's `get_mbf` parameter names."""

from torch import Tensor, nn

from models.backbones.norm import BatchNorm1d, BatchNorm2d
from models.backbones.on_cpu import Conv2d, PReLU
from models.backbones.precision import in_float32


class Layers(nn.Module):
    """A sequence under the name `layers`, which is how released checkpoints spell it."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """One after the other."""
        return self.layers(x)


class Shortcut(Layers):
    """The same with the input added to its output."""

    def forward(self, x: Tensor) -> Tensor:
        """X + layers(x)."""
        return x + self.layers(x)


def conv(
    before: int, after: int, kernel: int, stride: int = 1, groups: int = 1, prelu: bool = True
) -> Layers:
    """Convolution -> BatchNorm [-> PReLU]; padded to keep the size at stride 1."""
    layers: list[nn.Module] = [
        Conv2d(before, after, kernel, stride, kernel // 2, groups=groups, bias=False),
        BatchNorm2d(after),
    ]
    return Layers(*layers, PReLU(after)) if prelu else Layers(*layers)


def depthwise(before: int, after: int, inner: int, stride: int) -> list[nn.Module]:
    """1x1 to `inner` channels, 3x3 on each of them alone, 1x1 back without activation."""
    return [
        conv(before, inner, 1),
        conv(inner, inner, 3, stride, groups=inner),
        conv(inner, after, 1, prelu=False),
    ]


def residual(channels: int, count: int, inner: int) -> Layers:
    """`count` depthwise blocks, each with a shortcut."""
    return Layers(*(Shortcut(*depthwise(channels, channels, inner, 1)) for _ in range(count)))


class MobileFaceNet(nn.Module):
    """`get_mbf`: blocks (1, 4, 6, 2) at width scale 2; input [n, 3, H, W], output [n, dim].

    Args:
        dim: embedding dimension.
        height, width: of the input, pixels.
    """

    def __init__(self, dim: int = 512, height: int = 112, width: int = 112) -> None:
        super().__init__()
        self.dim = dim
        self.layers = nn.ModuleList(
            [
                conv(3, 128, 3, stride=2),
                conv(128, 128, 3, groups=64),
                Layers(*depthwise(128, 128, 128, 2)),
                residual(128, 4, 128),
                Layers(*depthwise(128, 256, 256, 2)),
                residual(256, 6, 256),
                Layers(*depthwise(256, 256, 512, 2)),
                residual(256, 2, 256),
            ]
        )
        self.conv_sep = conv(256, 512, 1)
        whole = (-(-height // 16), -(-width // 16))
        gdc = Layers(nn.Conv2d(512, 512, whole, groups=512, bias=False), BatchNorm2d(512))
        self.features = Layers(gdc, nn.Flatten(), nn.Linear(512, dim, bias=False), BatchNorm1d(dim))
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """Embeddings, not normalised; the last layers in float32 even under autocast."""
        for layer in self.layers:
            x = layer(x)
        return in_float32(self.features, self.conv_sep(x))
