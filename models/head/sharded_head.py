"""The classification head: each rank holds the weights of a contiguous range of classes."""

import torch
from torch import Tensor, nn

from models import comm
from models.head.sharded_ce import How, sharded_cross_entropy
from models.head.sharding import chunk_size, class_range
from models.losses.base import Loss
from models.losses.reduction import Reduction, mean

_INIT_BLOCK = 1024


class ShardedHead(nn.Module):
    """Class weights [c, D] of this rank and the loss over the classes of all ranks.

    Attributes:
        weight_cD: this rank's class weights; initial values depend on (seed, class) alone, so any
            number of ranks starts from the same head.
        start, end: the classes owned: start .. end - 1.
    """

    def __init__(
        self,
        num_classes: int,
        dim: int,
        *,
        seed: int = 0,
        std: float = 0.01,
        chunk: int | None = None,
        product_dtype: torch.dtype | None = None,
        device: torch.device | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """Makes this rank's part of the head.

        Args:
            num_classes: C, at least 1.
            dim: D of the embeddings.
            seed: of the initial weights and of what losses draw.
            std: their standard deviation.
            chunk: classes visited at once; None chooses from the sizes.
            product_dtype: of the matrix products, e.g. torch.bfloat16; None for the weights' own.
            device: of the weights.
            dtype: of the weights.
        """
        super().__init__()
        if num_classes < 1:
            raise ValueError(f"expected at least one class, got {num_classes}")
        self.num_classes, self.seed = num_classes, seed
        self.chunk, self.product_dtype = chunk, product_dtype
        self.start, self.end = class_range(num_classes, comm.rank(), comm.world_size())
        weight = _initial_weights(self.start, self.end, dim, seed, std)
        self.weight_cD = nn.Parameter(weight.to(device=device, dtype=dtype))

    def forward(
        self,
        emb_nD: Tensor,
        label_n: Tensor,
        loss: Loss,
        *,
        reduction: Reduction = mean,
        step: int = 0,
        count_hard: bool = False,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The loss over all ranks' samples, their target similarities [N], mean hard negatives.

        Args:
            emb_nD: this rank's embeddings, not normalised; n equal on all ranks.
            label_n: their classes, int64, 0 .. C - 1 over all ranks.
            loss: from models.losses.
            reduction: from models.losses.reduction.
            step: seeds what the loss draws.
            count_hard: whether to count hard negatives, which costs a pass.
        """
        label_N = comm.gather_rows(label_n)
        owned_N = (label_N >= self.start) & (label_N < self.end)
        index_N = torch.where(owned_N, label_N - self.start, 0)
        how = How(
            loss=loss,
            chunk=self.chunk or chunk_size(label_N.shape[0], self.end - self.start),
            reduction=reduction,
            product_dtype=self.product_dtype,
            draw_N=self._draws(label_N, step) if loss.draws else None,
            count_hard=count_hard,
        )
        return sharded_cross_entropy(emb_nD, self.weight_cD, index_N, owned_N, how)

    def _draws(self, label_N: Tensor, step: int) -> Tensor:
        """Standard normal numbers [N] of a step, the same on all ranks."""
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + step)
        draw_N = torch.randn(label_N.shape[0], generator=generator, dtype=torch.float64)
        return draw_N.to(device=label_N.device, dtype=self.weight_cD.dtype)


def _initial_weights(start: int, end: int, dim: int, seed: int, std: float) -> Tensor:
    """Rows start .. end - 1 of a normal [C, D] that is drawn in blocks of classes."""
    rows = torch.empty(end - start, dim)
    for block in range(start // _INIT_BLOCK, -(-end // _INIT_BLOCK)):
        generator = torch.Generator().manual_seed(seed * 1_000_003 + block)
        drawn = torch.empty(_INIT_BLOCK, dim).normal_(0, std, generator=generator)
        low, high = max(start, block * _INIT_BLOCK), min(end, (block + 1) * _INIT_BLOCK)
        rows[low - start : high - start] = drawn[low - block * _INIT_BLOCK :][: high - low]
    return rows
