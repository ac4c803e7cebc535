"""Backbones by name: each takes (dim, height, width) and maps [n, 3, H, W] to [n, dim]."""

from collections.abc import Callable
from functools import partial

from torch import nn

from models.backbones.attention import attention56, attention92
from models.backbones.digits import lenet_heated, lenet_pp, lsoftmax_cifar, lsoftmax_mnist
from models.backbones.from_timm import PREFIX, TimmBackbone
from models.backbones.ir import ir_50, ir_100, ir_152, ir_se_50, ir_se_100, ir_se_152
from models.backbones.iresnet import (
    iresnet18,
    iresnet34,
    iresnet50,
    iresnet100,
    iresnet200,
    small_resnet,
)
from models.backbones.mobilefacenet import MobileFaceNet
from models.backbones.sphereface import sphereface20, sphereface64
from models.backbones.vit import vit_b, vit_s, vit_t


class Backbones(dict[str, Callable[..., nn.Module]]):
    """The rows below and, without being listed, `timm:NAME` for every network of timm."""

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or (isinstance(name, str) and name.startswith(PREFIX))

    def __missing__(self, name: str) -> Callable[..., nn.Module]:
        if not name.startswith(PREFIX):
            raise KeyError(name)
        return partial(TimmBackbone, name.removeprefix(PREFIX))


BACKBONES = Backbones(
    {
        "iresnet18": iresnet18,
        "iresnet34": iresnet34,
        "iresnet50": iresnet50,
        "iresnet100": iresnet100,
        "iresnet200": iresnet200,
        "ir_50": ir_50,
        "ir_100": ir_100,
        "ir_152": ir_152,
        "ir_se_50": ir_se_50,
        "ir_se_100": ir_se_100,
        "ir_se_152": ir_se_152,
        "attention56": attention56,
        "attention92": attention92,
        "mobilefacenet": MobileFaceNet,
        "sphereface20": sphereface20,
        "sphereface64": sphereface64,
        "vit_t": vit_t,
        "vit_s": vit_s,
        "vit_b": vit_b,
        "small_resnet": small_resnet,
        "lenet_pp": lenet_pp,
        "lenet_heated": lenet_heated,
        "lsoftmax_mnist": lsoftmax_mnist,
        "lsoftmax_cifar": lsoftmax_cifar,
    }
)
