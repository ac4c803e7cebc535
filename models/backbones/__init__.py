"""Backbones by name: each takes (dim, height, width) and maps [n, 3, H, W] to [n, dim]."""

from collections.abc import Callable

from torch import nn

from models.backbones.iresnet import (
    iresnet18,
    iresnet34,
    iresnet50,
    iresnet100,
    iresnet200,
    small_resnet,
)
from models.backbones.mobilefacenet import MobileFaceNet

BACKBONES: dict[str, Callable[..., nn.Module]] = {
    "iresnet18": iresnet18,
    "iresnet34": iresnet34,
    "iresnet50": iresnet50,
    "iresnet100": iresnet100,
    "iresnet200": iresnet200,
    "mobilefacenet": MobileFaceNet,
    "small_resnet": small_resnet,
}
