"""Where mixed precision ends: the layers that make the embedding stay in float32."""

import torch
from torch import Tensor, nn


def in_float32(module: nn.Module, x: Tensor) -> Tensor:
    """`module(x)` in float32, even under autocast, as arcface_torch does for the last layers."""
    with torch.autocast(x.device.type, enabled=False):
        out: Tensor = module(x.float())
    return out
