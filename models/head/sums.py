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

    def add_logit(self, logit_N: Tensor) -> None:
        """Takes in one more logit a sample; -inf where there is none."""
        higher_N = torch.maximum(self.peak_N, logit_N)
        base_N = torch.where(higher_N == -torch.inf, 0, higher_N)  # inf - inf otherwise
        self.total_N = self.total_N * (self.peak_N - base_N).exp() + (logit_N - base_N).exp()
        self.peak_N = higher_N

    def over_ranks(self) -> tuple[Tensor, Tensor, Tensor]:
        """Log-sum-exp, cross-entropy and number of hard negatives over all ranks' classes."""
        highest_N = comm.all_max(self.peak_N)
        scaled_N = self.total_N * (self.peak_N - highest_N).exp()
        total_N, own_N, hard_N = comm.all_sum(torch.stack([scaled_N, self.own_N, self.hard_N]))
        # not lse - own, which would lose the digits of a small loss at large logits
        return highest_N + total_N.log(), (highest_N - own_N) + total_N.log(), hard_N
