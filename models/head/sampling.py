"""Which of a shard's classes take part in a step: Partial FC (arXiv 2010.05222, 2203.15565).

c: this shard's classes.
"""

import torch
from torch import Tensor


def draw_rows(positive_rows: Tensor, classes: int, rate: float, seed: int) -> Tensor:
    """Rows of a step, sorted, none twice: all positives, and negatives up to rate x c in all.

    The draw is a function of its arguments alone, and its cost follows the rows drawn, not c. More
    positives than the budget are all kept, and then no negatives are drawn.

    Args:
        positive_rows: rows of classes present in the global batch, int64, repeats allowed.
        classes: c.
        rate: share of the shard's classes wanted, above 0 and at most 1.
        seed: of the draw; differs by step and by shard.
    """
    positive = positive_rows.unique()
    wanted = max(int(rate * classes) - positive.shape[0], 0)
    generator = torch.Generator().manual_seed(seed)
    known = positive.cpu()
    if 2 * (wanted + known.shape[0]) > classes:  # dense: a shuffle of all is cheaper than retries
        order = torch.randperm(classes, generator=generator)
        negative = order[~torch.isin(order, known)][:wanted]
    else:
        negative = torch.empty(0, dtype=torch.int64)
        while negative.shape[0] < wanted:
            more = torch.randint(classes, (2 * wanted + 16,), generator=generator)
            negative = torch.cat([negative, more]).unique()
            negative = negative[~torch.isin(negative, known)]
        # unique sorts; a random part of it is as uniform as the draw was
        kept = torch.randperm(negative.shape[0], generator=generator)[:wanted]
        negative = negative[kept]
    return torch.cat([known, negative]).sort().values.to(positive_rows.device)
