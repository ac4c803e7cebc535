"""The optimiser: SGD with momentum over backbone and head."""

import torch
from torch import nn


def build_sgd(
    backbone: nn.Module,
    head: nn.Module,
    *,
    momentum: float,
    weight_decay: float,
    head_weight_decay: float,
    head_lr: float,
) -> torch.optim.SGD:
    """SGD whose groups are: weights with decay, the rest of the backbone without, the head.

    Each group has `lr_factor`; `set_lr` multiplies it with the schedule's rate. Norms, slopes and
    biases (one axis) get no decay: decaying them only shrinks their scale.
    """
    trained = [p for p in backbone.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
        {"params": list(head.parameters()), "weight_decay": head_weight_decay},
    ]
    for group, factor in zip(groups, (1.0, 1.0, head_lr)):
        group["lr_factor"] = factor
    return torch.optim.SGD(groups, lr=0.0, momentum=momentum)


def set_lr(optimiser: torch.optim.Optimizer, lr: float) -> None:
    """Sets every group to `lr` times its factor."""
    for group in optimiser.param_groups:
        group["lr"] = lr * group["lr_factor"]
