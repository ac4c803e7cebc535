"""The one shape of every loss: a softmax whose logits were tampered with.

N: samples of all ranks. c: the classes of one shard, or of one chunk of it.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Loss:
    """A pure function from one shard of similarities to logits. Holds settings, never weights.

    The head takes the softmax cross-entropy of the logits over all shards and averages it over N.
    Subclasses override `logits`, and `eased` where they have a margin to warm up.
    """

    normalised = True
    """Whether similarities are cosines (rows of x and W L2-normalised) or plain inner products."""

    def logits(self, sim_Nc: Tensor, target_N: Tensor, index_N: Tensor, owned_N: Tensor) -> Tensor:
        """Logits of one shard.

        Args:
            sim_Nc: similarity of each sample to each of the shard's classes, floating point.
            target_N: each sample's similarity to its own class; known on all ranks, no gradient.
            index_N: column of each sample's class in this shard; any valid column if not owned.
            owned_N: whether a sample's class is in this shard, bool.

        Returns:
            A new tensor [N, c]. No argument is changed.
        """
        raise NotImplementedError

    def virtual_logit(self, x_norm_N: Tensor, w_norm_N: Tensor) -> Tensor | None:
        """One more logit a sample, from the norms of x and of its class's weight; None for none.

        The head adds it once over all ranks, on the owner of the sample's class.
        """
        return None

    def eased(self, fraction: float) -> "Loss":
        """This loss with its margins at `fraction` (0 to 1) of their value, for a warm-up."""
        return self


def at_target(index_N: Tensor, owned_N: Tensor, columns: int) -> Tensor:
    """Bool [N, c], true where a column is the sample's own class."""
    column_c = torch.arange(columns, device=index_N.device)
    return (column_c == index_N.unsqueeze(1)) & owned_N.unsqueeze(1)
