"""What a softmax needs of each sample's logits, taken in piece by piece and summed over ranks.

N: samples of all ranks. c: a chunk of classes.
"""

import torch
from torch import Tensor

from models import comm


class Sums:
    """A running log-sum-exp as (peak, sum of exp(logit - peak)), target logits, hard negatives."""

    def __init__(self, like_N: Tensor) -> None:
        """Nothing taken in; `like_N` gives size, type and device."""
        self.peak_N = torch.full_like(like_N, -torch.inf)
        self.total_N, self.own_N, self.hard_N = (torch.zeros_like(like_N) for _ in range(3))

    def add_chunk(
        self,
        logits_Nc: Tensor,
        hard_Nc: Tensor | None,
        index_N: Tensor,
        owned_N: Tensor,
        *,
        free: bool,
    ) -> None:
        """Takes in a chunk's logits, the targets among them, and its hard negatives if counted."""
        self.own_N += torch.where(owned_N, at(logits_Nc, index_N), 0)
        if hard_Nc is not None:
            target_N = torch.where(owned_N, at(hard_Nc, index_N), 0)
            self.hard_N += hard_Nc.sum(dim=1) - target_N.int()
        self.add_logits(logits_Nc, free=free)

    def add_logits(self, logits_Nc: Tensor, free: bool) -> None:
        """Takes in logits [N, any], whose memory is used up if `free`."""
        higher_N = torch.maximum(self.peak_N, logits_Nc.amax(dim=1))
        # A row of -inf alone (a sample that has no virtual logit here) would give inf - inf.
        base_N = torch.where(higher_N == -torch.inf, 0, higher_N)
        self.total_N *= (self.peak_N - base_N).exp()
        above_Nc = logits_Nc.sub_(base_N[:, None]) if free else logits_Nc - base_N[:, None]
        self.total_N += above_Nc.exp_().sum(dim=1)
        self.peak_N = higher_N

    def over_ranks(self) -> tuple[Tensor, Tensor, Tensor]:
        """Log-sum-exp, cross-entropy and number of hard negatives over all ranks' classes."""
        highest_N = comm.all_max(self.peak_N)
        scaled_N = self.total_N * (self.peak_N - highest_N).exp()
        total_N, own_N, hard_N = comm.all_sum(torch.stack([scaled_N, self.own_N, self.hard_N]))
        # not lse - own, which would lose the digits of a small loss at large logits
        return highest_N + total_N.log(), (highest_N - own_N) + total_N.log(), hard_N


def at(values_Nc: Tensor, index_N: Tensor) -> Tensor:
    """One entry of each row, [N]."""
    return values_Nc.gather(1, index_N.unsqueeze(1)).squeeze(1)
