"""The backbone's optimiser: SGD or AdamW. The head has its own (models/head/optimiser.py).

Weights with two axes or more decay; norms, slopes and biases (one axis) do not, which would only
shrink their scale. All running values are zeros from the start, not what a first step that is
skipped would leave unset.
"""

from typing import Any

import torch
from torch import Tensor, nn


def build_sgd(backbone: nn.Module, *, momentum: float, weight_decay: float) -> torch.optim.SGD:
    """SGD with momentum."""
    groups = _groups(backbone, weight_decay)
    sgd = torch.optim.SGD(groups, lr=0.0, momentum=momentum, fused=True)
    for group in sgd.param_groups if momentum else ():
        for weight in group["params"]:
            sgd.state[weight]["momentum_buffer"] = torch.zeros_like(weight)
    return sgd


def build_adamw(backbone: nn.Module, *, beta: float, weight_decay: float) -> torch.optim.AdamW:
    """AdamW (arXiv 1711.05101) with beta_1 = `beta` and beta_2 = 0.999."""
    groups = _groups(backbone, weight_decay)
    adamw = torch.optim.AdamW(groups, lr=0.0, betas=(beta, 0.999), fused=True)
    for group in adamw.param_groups:
        for weight in group["params"]:
            adamw.state[weight] = {
                "step": torch.zeros((), dtype=torch.float32, device=weight.device),
                "exp_avg": torch.zeros_like(weight),
                "exp_avg_sq": torch.zeros_like(weight),
            }
    return adamw


def _groups(backbone: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """The weights that are trained, by whether they decay."""
    trained = [p for p in backbone.parameters() if p.requires_grad]
    return [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]


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
