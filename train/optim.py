"""The backbone's optimiser: SGD with momentum. The head has its own (models/head/optimiser.py)."""

import torch
from torch import Tensor, nn


def build_sgd(backbone: nn.Module, *, momentum: float, weight_decay: float) -> torch.optim.SGD:
    """SGD with decay for weights and without for norms, slopes and biases (one axis).

    Decaying the latter only shrinks their scale.
    """
    trained = [p for p in backbone.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    sgd = torch.optim.SGD(groups, lr=0.0, momentum=momentum, fused=True)
    if momentum:  # zeros, not what a first step that is skipped would leave unset
        for parameter in trained:
            sgd.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
    return sgd


def set_lr(optimiser: torch.optim.Optimizer, lr: float) -> None:
    """Sets every group's learning rate."""
    for group in optimiser.param_groups:
        group["lr"] = lr


def step_unless(optimiser: torch.optim.Optimizer, bad: Tensor) -> None:
    """One update, or none at all if `bad` is 1; the device decides, the host does not wait.

    By what torch's fused optimisers have for gradient scalers.
    """
    optimiser.found_inf = bad  # type: ignore[attr-defined]
    optimiser.step()
