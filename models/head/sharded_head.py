"""The classification head: each rank holds the weights of a contiguous range of classes."""

import torch
from torch import Tensor, nn

from models import comm
from models.head.sampling import draw_rows
from models.head.sharded_ce import How, sharded_cross_entropy
from models.head.sharding import chunk_size, class_range, mixed
from models.losses.base import Loss
from models.losses.reduction import Reduction, mean

_INIT_BLOCK = 1024


class ShardedHead(nn.Module):
    """Class weights [c, D] of this rank and the loss over the classes of all ranks.

    Attributes:
        weight_cD: this rank's class weights; initial values depend on (seed, class) alone, so any
            number of ranks starts from the same head.
        start, end: the classes owned: start .. end - 1.
        spare: the last gradient's memory, for the next one.
        products: the memory of products kept from forward to backward, for the next step.
        fixed_rows_r: rows that take part in every call until this is set anew; None draws at each.
        rows_r: rows of the call under way, [r]; None where all take part.
        drawn_rD: copies of these rows, whose `grad` a HeadOptimiser uses; None as well.
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
        sample_rate: float = 1.0,
        projected: bool = False,
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
            sample_rate: share of all classes that take part in a step (Partial FC).
            projected: keep weights at unit length, and give their gradient without the
                normalisation's Jacobian, as COCO's authors train their centroids.
            device: of the weights.
            dtype: of the weights.
        """
        super().__init__()
        if num_classes < 1:
            raise ValueError(f"expected at least one class, got {num_classes}")
        self.num_classes, self.seed = num_classes, seed
        if not 0 < sample_rate <= 1:
            raise ValueError(f"expected sample_rate above 0 and at most 1, got {sample_rate}")
        self.chunk, self.product_dtype = chunk, product_dtype
        self.sample_rate, self.projected = sample_rate, projected
        self.spare: list[Tensor] = []
        self.products: dict[int, Tensor] = {}
        self.fixed_rows_r: Tensor | None = None
        self.rows_r: Tensor | None = None
        self.drawn_rD: Tensor | None = None
        self.start, self.end = class_range(num_classes, comm.rank(), comm.world_size())
        weight = _initial_weights(self.start, self.end, dim, seed, std)
        weight = weight.to(device=device, dtype=dtype)
        if projected:
            weight /= weight.norm(dim=1, keepdim=True)
        self.weight_cD = nn.Parameter(weight)

    def forward(
        self,
        emb_nD: Tensor,
        label_n: Tensor,
        loss: Loss,
        *,
        reduction: Reduction = mean,
        step: int = 0,
        count_hard: bool = False,
        compiled: bool = False,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The loss over all ranks' samples, their target similarities [N], mean hard negatives.

        Args:
            emb_nD: this rank's embeddings, not normalised; n equal on all ranks.
            label_n: their classes, int64, 0 .. C - 1 over all ranks.
            loss: from models.losses.
            reduction: from models.losses.reduction.
            step: seeds what the loss draws.
            count_hard: whether to count hard negatives, which costs a pass.
            compiled: whether to use compiled code for the elementwise work (`visits.compiled`): a
                fifth of a step less, and seconds for every `loss` that is new.
        """
        label_N = comm.gather_rows(label_n)
        owned_N = (label_N >= self.start) & (label_N < self.end)
        index_N = torch.where(owned_N, label_N - self.start, 0)
        weight_cD: Tensor = self.weight_cD
        if self.sample_rate < 1 and self.training:
            fixed_r = self.fixed_rows_r
            self.rows_r = self.draw(label_N, step) if fixed_r is None else fixed_r
            self.drawn_rD = self.weight_cD.detach()[self.rows_r].requires_grad_()
            weight_cD = self.drawn_rD
            index_N = torch.searchsorted(self.rows_r, index_N) * owned_N
        chunk = self.chunk or chunk_size(label_N.shape[0], weight_cD.is_cuda, compiled)
        if weight_cD is self.weight_cD:  # drawn rows differ in number: no size of theirs is usual
            chunk = min(chunk, max(len(weight_cD), 1))
        how = How(
            loss=loss,
            chunk=chunk,
            reduction=reduction,
            product_dtype=self.product_dtype,
            unit_w=self.projected,
            draw_N=self._draws(label_N, step) if loss.draws else None,
            count_hard=count_hard,
            compile=compiled,
            spare=self.spare if weight_cD is self.weight_cD else [],
            products=self.products,
        )
        return sharded_cross_entropy(emb_nD, weight_cD, index_N, owned_N, how)

    @property
    def negatives(self) -> float:
        """Other classes that a sample is compared with in a training step, over all ranks."""
        return max(self.sample_rate * self.num_classes - 1, 1.0)

    def draw(self, label_N: Tensor, step: int) -> Tensor:
        """A step's rows [r]; their classes are the same on any number of ranks.

        Args:
            label_N: labels of all ranks; in the host's memory, so that it need not wait.
            step: seeds the draw.
        """
        rows_r = draw_rows(
            label_N,
            self.num_classes,
            self.sample_rate,
            mixed(self.seed, step),
            start=self.start,
            end=self.end,
        )
        return _to(self.weight_cD.device, rows_r)

    def _draws(self, label_N: Tensor, step: int) -> Tensor:
        """Standard normal numbers [N] of a step, the same on all ranks."""
        generator = torch.Generator().manual_seed(mixed(self.seed, step))
        draw_N = torch.randn(label_N.shape[0], generator=generator, dtype=torch.float64)
        return _to(label_N.device, draw_N.to(self.weight_cD.dtype))


def _to(device: torch.device, values: Tensor) -> Tensor:
    """Values of the host's on `device`, without waiting for it."""
    return values if device.type == "cpu" else values.pin_memory().to(device, non_blocking=True)


def _initial_weights(start: int, end: int, dim: int, seed: int, std: float) -> Tensor:
    """Rows start .. end - 1 of a normal [C, D] that is drawn in blocks of classes."""
    rows = torch.empty(end - start, dim)
    for block in range(start // _INIT_BLOCK, -(-end // _INIT_BLOCK)):
        generator = torch.Generator().manual_seed(mixed(seed, block))
        drawn = torch.empty(_INIT_BLOCK, dim).normal_(0, std, generator=generator)
        low, high = max(start, block * _INIT_BLOCK), min(end, (block + 1) * _INIT_BLOCK)
        rows[low - start : high - start] = drawn[low - block * _INIT_BLOCK :][: high - low]
    return rows
