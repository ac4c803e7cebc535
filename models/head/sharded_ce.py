"""Softmax cross-entropy over classes that are split over ranks and visited in chunks.

N: samples of all ranks. n: this rank's. c: this shard's classes, or a chunk of them.
D: embedding dimension.

Forward: gather embeddings; for each chunk of classes similarities -> loss.logits -> running
log-sum-exp; all-reduce. Backward visits the chunks again. Products of the first chunks are kept for
it, up to a fixed size; the others are computed twice, so memory does not grow with c.
"""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from models import comm
from models.head.sharding import pieces
from models.head.sums import Sums
from models.head.targets import Targets, inverse
from models.head.visits import PLAIN, Work, compiled, hard_negatives
from models.losses.base import Loss
from models.losses.reduction import Reduction, mean

KEPT_BYTES = 1 << 26
"""How much of the similarities may be kept from forward to backward."""


@dataclass(frozen=True, kw_only=True)
class How:
    """How a step is computed; none of it but `loss` and `reduction` changes the result.

    Attributes:
        loss: turns similarities into logits.
        chunk: classes visited at once, at least 1.
        reduction: from the samples' cross-entropies to the loss.
        product_dtype: of the matrix products; None for the inputs' own. The softmax is float32
            (float64 for float64 inputs) whatever this says.
        unit_w: the weights have unit length already, and their gradient is wanted without the
            normalisation's Jacobian (projected descent).
        draw_N: random numbers for the loss, the same on all ranks.
        count_hard: whether to count hard negatives.
        compile: whether the elementwise work is compiled code.
        spare: a buffer of the weights' shape for their gradient, if there is one; it is taken out.
            A fresh one costs more than filling it: the system clears its pages first.
        products: for the same reason the memory of the products that the step before kept, by
            their chunk's number; they are taken out, and put back when they are used up.
    """

    loss: Loss
    chunk: int
    reduction: Reduction = mean
    product_dtype: torch.dtype | None = None
    unit_w: bool = False
    draw_N: Tensor | None = None
    count_hard: bool = False
    compile: bool = False
    spare: list[Tensor] = field(default_factory=list)
    products: dict[int, Tensor] = field(default_factory=dict)


def sharded_cross_entropy(
    emb_nD: Tensor, weight_cD: Tensor, index_N: Tensor, owned_N: Tensor, how: How
) -> tuple[Tensor, Tensor, Tensor]:
    """The loss over all samples of all ranks.

    Args:
        emb_nD: this rank's embeddings, floating point; n equal on all ranks.
        weight_cD: this rank's class weights.
        index_N: each sample's row in `weight_cD`; any valid row where not owned.
        owned_N: whether a sample's class is among them; true on exactly one rank.
        how: the loss and the way to it.

    Returns:
        The loss; the target similarities [N]; and how many hard negatives a sample has on average
        (0 where not counted). The same on all ranks; only the first has a gradient. That gradient,
        at `emb_nD`, is of this global loss, summed over all shards; `comm.undo_average` is for a
        backbone whose gradients are averaged over ranks.
    """
    return _ShardedCrossEntropy.apply(emb_nD, weight_cD, index_N, owned_N, how)


class _ShardedCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, emb_nD: Tensor, weight_cD: Tensor, index_N: Tensor, owned_N: Tensor, how: How
    ) -> tuple[Tensor, Tensor, Tensor]:
        wide = torch.promote_types(
            torch.promote_types(emb_nD.dtype, weight_cD.dtype), torch.float32
        )
        with torch.autocast(emb_nD.device.type, enabled=False):
            shard = _Shard(comm.gather_rows(emb_nD.to(wide)), weight_cD, index_N, owned_N, how)
            ctx.kept, room = [], KEPT_BYTES
            sums = Sums(shard.x_norm_N)
            for place, part in enumerate(shard.parts):
                product_Nc = shard.product(part, how.products.pop(place, None))
                shard.visit(product_Nc, part, sums)
                room -= product_Nc.nbytes
                ctx.kept.append(product_Nc if room >= 0 else None)
            sums.add_logit(shard.targets.logit_N)
            sums.own_N = torch.where(owned_N, shard.targets.logit_N, 0)
            if shard.targets.virtual_N is not None:
                sums.add_logit(shard.targets.virtual_N)
            lse_N, ce_N, hard_N = sums.over_ranks()
            with torch.enable_grad():
                leaf_N = ce_N.detach().requires_grad_()
                value = how.reduction(leaf_N)
            (each_N,) = torch.autograd.grad(value, leaf_N)
            value = value.detach()
            if shard.targets.penalty_N is not None:
                value = value + shard.targets.penalty_N.mean()
        ctx.shard, ctx.input_dtype = shard, emb_nD.dtype
        ctx.save_for_backward(lse_N, each_N)
        target_N, hard = shard.targets.target_N, hard_N.mean()
        ctx.mark_non_differentiable(target_N, hard)
        return value, target_N, hard

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        lse_N, each_N = ctx.saved_tensors
        each_N = each_N * grads[0]
        shard: _Shard = ctx.shard
        grad_x_ND = torch.zeros_like(shard.x_ND)
        spare = shard.how.spare
        grad_w_cD = spare.pop() if spare else torch.empty_like(shard.weight_cD)
        with torch.autocast(lse_N.device.type, enabled=False):
            own_grad_N = shard.targets.own_grad(lse_N, each_N)
            for place, part in enumerate(shard.parts):
                product_Nc, ctx.kept[place] = ctx.kept[place], None
                if product_Nc is None:
                    product_Nc = shard.product(part)
                else:
                    shard.how.products[place] = product_Nc  # its memory, once used here
                found = shard.revisit(product_Nc, part, lse_N, each_N, own_grad_N)
                shard.add_grads(*found, part, grad_x_ND, grad_w_cD)
            shard.unnormalise(grad_x_ND)
            shard.add_norm_grads(lse_N, each_N, grads[0], grad_x_ND, grad_w_cD)
            grad_emb_nD = comm.sum_scatter_rows(grad_x_ND).to(ctx.input_dtype)
        return grad_emb_nD, grad_w_cD, None, None, None


@dataclass(frozen=True)
class _Part:
    """A chunk of classes: rows low .. high - 1, each sample's column in it (some valid one where it
    has none), and whether its target is there."""

    low: int
    high: int
    index_N: Tensor
    owned_N: Tensor


class _Shard:
    """What one rank knows in one step: all embeddings, its classes, where the targets are."""

    def __init__(
        self, emb_ND: Tensor, weight_cD: Tensor, index_N: Tensor, owned_N: Tensor, how: How
    ) -> None:
        self.loss, self.how, self.weight_cD = how.loss, how, weight_cD.detach()
        self.index_N, self.owned_N = index_N, owned_N
        self.parts = [
            _Part(
                low,
                high,
                (index_N - low).clamp_(0, high - low - 1),
                owned_N & (index_N >= low) & (index_N < high),
            )
            for low, high in pieces(0, weight_cD.shape[0], how.chunk)
        ]
        scales_w = self.loss.normalise_w and not how.unit_w
        self.w_inverse_c = emb_ND.new_zeros(len(weight_cD)) if scales_w else None
        self._held: tuple[_Part, Tensor] | None = None
        self._normed = False  # until the last chunk's first visit
        self.x_norm_N = emb_ND.norm(dim=1)
        self.x_inverse_N1 = inverse(self.x_norm_N).unsqueeze(1)
        self.x_ND = emb_ND * self.x_inverse_N1 if self.loss.normalise_x else emb_ND
        self.product_dtype = how.product_dtype or emb_ND.dtype
        self.x_product_ND = self.x_ND.to(self.product_dtype)
        own_w_ND = self.weight_cD[index_N] if len(self.weight_cD) else torch.zeros_like(emb_ND)
        self.targets = Targets(
            self.loss, self.x_ND, self.x_norm_N, own_w_ND.to(emb_ND.dtype), owned_N, how.draw_N
        )

    def rows(self, part: _Part) -> Tensor:
        """A chunk's weights as the products take them; the last chunk asked for is held.

        The first visit also takes their norms, while they are in the cache.
        """
        if self._held is None or self._held[0] is not part:
            rows_cD = self.weight_cD[part.low : part.high]
            if self.w_inverse_c is None or self._normed:
                product_rows_cD = rows_cD.to(self.product_dtype)
            else:
                self.w_inverse_c[part.low : part.high], product_rows_cD = self._work(
                    part
                ).rows_for_products(rows_cD, self.x_ND.dtype, self.product_dtype)
                self._normed = part is self.parts[-1]
            self._held = (part, product_rows_cD)
        return self._held[1]

    def product(self, part: _Part, memory: Tensor | None = None) -> Tensor:
        """Embeddings times a chunk's weights, [N, c], in the products' precision.

        Args:
            part: the chunk.
            memory: where to put it, if it fits.
        """
        x_ND, rows_cD = self.x_product_ND, self.rows(part)
        if memory is None or memory.shape != (len(x_ND), len(rows_cD)):
            return x_ND @ rows_cD.T
        return torch.mm(x_ND, rows_cD.T, out=memory.to(x_ND.dtype))

    def visit(self, product_Nc: Tensor, part: _Part, sums: Sums) -> None:
        """Takes in a chunk's other classes, and its hard negatives if they are counted."""
        known = (self._inverse(part), self.targets.target_N, part.index_N, part.owned_N)
        sums.peak_N, sums.total_N = self._work(part).visit(
            self.loss, product_Nc, *known, sums.peak_N, sums.total_N
        )
        if self.how.count_hard:
            hard_N = hard_negatives(self.loss, product_Nc, *known)
            sums.hard_N += 0 if hard_N is None else hard_N

    def revisit(
        self, product_Nc: Tensor, part: _Part, lse_N: Tensor, each_N: Tensor, own_grad_N: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """d loss / d product of a chunk, and what the norms take out of d W (`visits.revisit`)."""
        known = (self._inverse(part), self.targets.target_N, part.index_N, part.owned_N)
        return self._work(part).revisit(
            self.loss, product_Nc, *known, lse_N, each_N, self.targets.own_N, own_grad_N
        )

    def add_grads(
        self,
        grad_Nc: Tensor,
        along_c: Tensor | None,
        part: _Part,
        grad_x_ND: Tensor,
        grad_w_cD: Tensor,
    ) -> None:
        """Adds a chunk's share to d loss / d x (still normalised) and writes d loss / d W."""
        rows_cD, out_cD = (t[part.low : part.high] for t in (self.weight_cD, grad_w_cD))
        grad_x_ND += grad_Nc @ self.rows(part)
        fits = self.product_dtype == out_cD.dtype
        grad_cD = torch.mm(grad_Nc.T, self.x_product_ND, out=out_cD if fits else None)
        self._work(part).add_jacobian(out_cD, grad_cD, along_c, rows_cD)

    def _inverse(self, part: _Part) -> Tensor | None:
        """1 / norm of a chunk's weights, where they are divided by."""
        return None if self.w_inverse_c is None else self.w_inverse_c[part.low : part.high]

    def _work(self, part: _Part) -> Work:
        """Compiled for chunks of the one usual size only: each other size would be one more."""
        usual = part.high - part.low == self.how.chunk
        return compiled() if self.how.compile and usual else PLAIN

    def unnormalise(self, grad_x_ND: Tensor) -> None:
        """Takes d loss / d x, in place, from the normalised embeddings to the given ones."""
        if self.loss.normalise_x:
            grad_x_ND -= (grad_x_ND * self.x_ND).sum(dim=1, keepdim=True) * self.x_ND
            grad_x_ND *= self.x_inverse_N1

    def add_norm_grads(
        self,
        lse_N: Tensor,
        each_N: Tensor,
        grad: Tensor,
        grad_x_ND: Tensor,
        grad_w_cD: Tensor,
    ) -> None:
        """Adds what virtual logit, penalty and shift send to x and W by way of their norms."""
        virtual_N = self.targets.virtual_N
        raw_ND = self.x_ND
        if self.loss.normalise_x:
            raw_ND = raw_ND * self.x_norm_N.unsqueeze(1)
        self.targets.add_norm_grads(
            None if virtual_N is None else (virtual_N - lse_N).exp() * each_N,
            grad / lse_N.shape[0],
            raw_ND,
            grad_x_ND,
            grad_w_cD,
            self.index_N,
        )
