"""Any network of timm (PyTorch Image Models) by name: `timm:convnext_atto`, `timm:resnet18`.

The network's own classifier makes `dim` values, a BatchNorm follows, as in the field's other
backbones. Weights start at random: nothing is downloaded. timm is not among the requirements, it
is used where it is installed.
"""

import difflib

import torch
from torch import Tensor, nn

from models.backbones.norm import BatchNorm1d, BatchNorm2d
from models.backbones.precision import in_float32

PREFIX = "timm:"


class BatchNormAct2d(BatchNorm2d):
    """timm's BatchNorm with the activation in it, over groups of samples."""

    drop: nn.Module
    act: nn.Module

    def forward(self, x: Tensor) -> Tensor:
        """[n, C, H, W] to the same."""
        out: Tensor = self.act(self.drop(super().forward(x)))
        return out


class TimmBackbone(nn.Module):
    """A timm network and BatchNorm; input [n, 3, H, W], output [n, dim].

    Args:
        name: as timm spells it, without the prefix.
        dim: embedding dimension.
        height, width: of the input, pixels.

    Raises:
        ValueError: timm is not installed, has no such network, or the network cannot take images
            of this size or BatchNorm over groups.
    """

    def __init__(self, name: str, dim: int = 512, height: int = 112, width: int = 112) -> None:
        super().__init__()
        self.dim = dim
        self.net = _create(name, dim, height, width)
        _group_batch_norms(self.net, name)
        self.features = BatchNorm1d(dim)
        self._check(name, height, width)

    def forward(self, x: Tensor) -> Tensor:
        """Embeddings, not normalised; the last BatchNorm in float32 even under autocast."""
        return in_float32(self.features, self.net(x))

    def _check(self, name: str, height: int, width: int) -> None:
        """One image through the network: what it cannot take shows now, in one line."""
        expected = f"backbone {PREFIX}{name}: expected [1, {self.dim}] from one image of "
        expected += f"{height}x{width}, got "
        try:
            with torch.no_grad():
                shape = list(self.eval()(torch.zeros(1, 3, height, width)).shape)
        except (AssertionError, RuntimeError, TypeError, ValueError) as error:
            why = str(error).splitlines()
            raise ValueError(f"{expected}{why[0] if why else type(error).__name__}") from None
        if shape != [1, self.dim]:
            raise ValueError(f"{expected}{shape}; choose another network or size")
        self.train()


def _create(name: str, dim: int, height: int, width: int) -> nn.Module:
    """The network with random weights and a classifier of `dim`."""
    try:
        import timm
    except ImportError:
        raise ValueError(
            f"backbone {PREFIX}{name}: needs timm, which is not installed; install it (pip install "
            "timm) or choose another backbone"
        ) from None
    if not timm.is_model(name):
        near = difflib.get_close_matches(name, timm.list_models(), n=3)
        hint = f"did you mean {', '.join(near)}? " if near else ""
        raise ValueError(
            f"backbone {PREFIX}{name}: timm {timm.__version__} has no such network; {hint}"
            "timm.list_models() gives all"
        )
    config = timm.get_pretrained_cfg(name, allow_unregistered=True)
    fixed = config is not None and config.fixed_input_size
    size = {"img_size": (height, width)} if fixed else {}
    try:
        net: nn.Module = timm.create_model(name, pretrained=False, num_classes=dim, **size)
    except (AssertionError, RuntimeError, TypeError, ValueError) as error:
        raise ValueError(
            f"backbone {PREFIX}{name}: cannot be made for {height}x{width} images ({error})"
        ) from None
    return net


def _group_batch_norms(net: nn.Module, name: str) -> None:
    """Turns every BatchNorm into ours, whose statistics may be those of groups of samples.

    They differ in `forward` alone, so the class is changed in place: names, values and settings
    stay as they are.
    """
    for part in net.modules():
        if not isinstance(part, nn.modules.batchnorm._BatchNorm):
            continue
        kind = type(part).__name__
        if type(part) is nn.BatchNorm2d:
            part.__class__ = BatchNorm2d
        elif kind == "BatchNormAct2d":
            part.__class__ = BatchNormAct2d
        else:
            raise ValueError(
                f"backbone {PREFIX}{name}: expected BatchNorm over images only, it has {kind}, "
                "whose statistics cannot be kept to groups of samples; choose another network"
            )
