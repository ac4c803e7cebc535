"""Which classes take part in a step: Partial FC (arXiv 2010.05222, 2203.15565).

C: classes of all ranks.
"""

import torch
from torch import Tensor

from models.head.sharding import mixed

_BLOCK = 1 << 15
"""Classes that are drawn from at once. Blocks lie where they lie whatever the number of ranks, so
that the draw is the same for all; a rank makes those that it has a part of."""


def draw_rows(
    label_N: Tensor, num_classes: int, rate: float, seed: int, *, start: int, end: int
) -> Tensor:
    """Rows of a step, [r]: those of its classes that lie in start .. end - 1, sorted, less `start`.

    Of each block all positives take part, and negatives up to its share of rate x C; more positives
    than that are all kept, and then no negatives are drawn. A function of the arguments alone.

    Args:
        label_N: classes of the global batch, int64, repeats allowed.
        num_classes: C.
        rate: share of all classes wanted, above 0 and at most 1.
        seed: of the draw; differs by step.
        start, end: the classes of a shard.

    Returns:
        In the host's memory, where they are drawn: labels that lie there wait for no device.
    """
    positive = label_N.unique().cpu()
    taken = torch.zeros(num_classes, dtype=torch.bool)
    taken[positive] = True
    for block in range(start // _BLOCK, -(-end // _BLOCK)):
        low, high = block * _BLOCK, min((block + 1) * _BLOCK, num_classes)
        wanted = int(rate * high) - int(rate * low)
        inside = taken[low:high]
        negatives = max(wanted - int(inside.sum()), 0)
        generator = torch.Generator().manual_seed(mixed(seed, block))
        order = torch.randperm(high - low, generator=generator)[:wanted]
        inside[order[~inside[order]][:negatives]] = True
    return taken[start:end].nonzero().flatten()
