"""The running mean of a network over steps (EMA), verified and exported in its place."""

import copy

import torch
from torch import nn


def start_average(backbone: nn.Module) -> nn.Module:
    """A copy to begin with, in eval mode and without gradients."""
    return copy.deepcopy(backbone).requires_grad_(False).eval()


def decay_at(step: int, decay: float) -> float:
    """`decay`, or less in the first steps, so that the initial network is soon forgotten.

    Args:
        step: steps done before this one.
        decay: in the long run.

    Returns:
        min(decay, (1 + step) / (10 + step)), as in TensorFlow's ExponentialMovingAverage.
    """
    return min(decay, (1 + step) / (10 + step))


@torch.no_grad()
def move_average(average: nn.Module, backbone: nn.Module, decay: float) -> None:
    """average = decay average + (1 - decay) backbone: parameters and BatchNorm's statistics.

    These move linearly, so the mean of ranks' averages is the average of ranks' means.
    """
    old, new = average.state_dict(), backbone.state_dict()
    floats = [name for name, tensor in old.items() if tensor.is_floating_point()]
    torch._foreach_lerp_([old[name] for name in floats], [new[name] for name in floats], 1 - decay)
    for name in old.keys() - set(floats):
        old[name].copy_(new[name])
