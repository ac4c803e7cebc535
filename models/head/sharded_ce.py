"""Softmax cross-entropy over classes that are split over ranks and visited in chunks.

N: samples of all ranks. n: this rank's. c: this shard's classes, or a chunk of them.
D: embedding dimension.

Forward: gather embeddings; for each chunk of classes similarities -> loss.logits -> running
log-sum-exp; all-reduce. Backward visits the chunks again, so nothing of size N x c outlives a chunk
unless the whole shard is one chunk.
"""

from typing import Any

import torch
from torch import Tensor

from models import comm
from models.head.sharding import pieces
from models.losses.base import Loss


def sharded_cross_entropy(
    emb_nD: Tensor,
    weight_cD: Tensor,
    index_N: Tensor,
    owned_N: Tensor,
    *,
    loss: Loss,
    chunk: int,
    product_dtype: torch.dtype | None = None,
) -> tuple[Tensor, Tensor]:
    """Mean cross-entropy over all samples of all ranks.

    Args:
        emb_nD: this rank's embeddings, floating point; n equal on all ranks.
        weight_cD: this rank's class weights.
        index_N: each sample's row in `weight_cD`; any valid row where not owned.
        owned_N: whether a sample's class is among them; true on exactly one rank.
        loss: turns similarities into logits.
        chunk: classes visited at once, at least 1.
        product_dtype: of the matrix products; None for the inputs' own. The softmax is float32
            (float64 for float64 inputs) whatever this says.

    Returns:
        The mean loss, and the target similarities [N] (no gradient), both the same on all ranks.
        The gradient that reaches `emb_nD` is that of this global mean, summed over all shards;
        `comm.undo_average` is for a backbone whose gradients are averaged over ranks.
    """
    return _ShardedCrossEntropy.apply(
        emb_nD, weight_cD, index_N, owned_N, loss, chunk, product_dtype
    )


class _ShardedCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        emb_nD: Tensor,
        weight_cD: Tensor,
        index_N: Tensor,
        owned_N: Tensor,
        loss: Loss,
        chunk: int,
        product_dtype: torch.dtype | None,
    ) -> tuple[Tensor, Tensor]:
        wide = torch.promote_types(
            torch.promote_types(emb_nD.dtype, weight_cD.dtype), torch.float32
        )
        with torch.autocast(emb_nD.device.type, enabled=False):
            shard = _Shard(
                comm.gather_rows(emb_nD.to(wide)), weight_cD, index_N, owned_N, loss, product_dtype
            )
            parts = pieces(0, weight_cD.shape[0], chunk)
            kept = None
            peak_N = shard.x_norm_N.new_full((index_N.shape[0],), -torch.inf)
            total_N = torch.zeros_like(peak_N)
            own_N = torch.zeros_like(peak_N)
            for low, high in parts:
                sim_Nc = shard.similarities(low, high)
                index, owned = shard.target_in(low, high)
                logits_Nc = loss.logits(sim_Nc, shard.target_N, index, owned)
                peak_N, total_N = _accumulate(peak_N, total_N, logits_Nc)
                own_N += torch.where(owned, logits_Nc.gather(1, index.unsqueeze(1)).squeeze(1), 0)
                kept = sim_Nc if len(parts) == 1 else None
            virtual_N = shard.virtual()
            if virtual_N is not None:
                peak_N, total_N = _accumulate(peak_N, total_N, virtual_N.unsqueeze(1))

            lse_N, own_N = _over_ranks(peak_N, total_N, own_N)
        ctx.shard, ctx.parts, ctx.kept = shard, parts, kept
        ctx.input_dtype = emb_nD.dtype
        ctx.save_for_backward(lse_N)
        ctx.mark_non_differentiable(shard.target_N)
        return (lse_N - own_N).mean(), shard.target_N

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (lse_N,) = ctx.saved_tensors
        shard: _Shard = ctx.shard
        each = grads[0] / lse_N.shape[0]
        grad_x_ND = torch.zeros_like(shard.x_ND)
        grad_w_cD = torch.zeros_like(shard.weight_cD)
        with torch.autocast(lse_N.device.type, enabled=False):
            for low, high in ctx.parts:
                sim_Nc = shard.similarities(low, high) if ctx.kept is None else ctx.kept
                grad_Nc = shard.grad_of_similarities(sim_Nc, low, high, lse_N, each)
                shard.add_product_grads(grad_Nc, low, high, grad_x_ND, grad_w_cD)
            ctx.kept = None
            shard.unnormalise(grad_x_ND)
            shard.add_virtual_grads(lse_N, each, grad_x_ND, grad_w_cD)
            grad_emb_nD = comm.sum_scatter_rows(grad_x_ND).to(ctx.input_dtype)
        return grad_emb_nD, grad_w_cD, None, None, None, None, None


class _Shard:
    """What one rank knows in one step: all embeddings, its classes, where the targets are."""

    def __init__(
        self,
        emb_ND: Tensor,
        weight_cD: Tensor,
        index_N: Tensor,
        owned_N: Tensor,
        loss: Loss,
        product_dtype: torch.dtype | None,
    ) -> None:
        self.loss, self.weight_cD = loss, weight_cD.detach()
        self.index_N, self.owned_N = index_N, owned_N
        self.x_norm_N = emb_ND.norm(dim=1)
        self.x_inverse_N = _inverse(self.x_norm_N)
        self.x_ND = emb_ND * self.x_inverse_N.unsqueeze(1) if loss.normalised else emb_ND
        self.product_dtype = product_dtype or emb_ND.dtype
        self.x_product_ND = self.x_ND.to(self.product_dtype)
        own_w_ND = self.rows_of_targets()
        dots_N = (self.x_ND * own_w_ND).sum(dim=1)
        self.target_N = comm.all_sum(torch.where(owned_N, dots_N, 0))

    def rows_of_targets(self) -> Tensor:
        """Each owned sample's class weight, normalised as the loss asks; [N, D]."""
        if self.weight_cD.shape[0] == 0:
            return torch.zeros_like(self.x_ND)
        rows = self.weight_cD[self.index_N].to(self.x_ND.dtype)
        return rows * _inverse(rows.norm(dim=1, keepdim=True)) if self.loss.normalised else rows

    def weights(self, low: int, high: int) -> tuple[Tensor, Tensor | None]:
        """A chunk's weights, normalised as the loss asks, and then 1 / norm [c]."""
        rows = self.weight_cD[low:high].to(self.x_ND.dtype)
        if not self.loss.normalised:
            return rows, None
        inverse_c = _inverse(rows.norm(dim=1))
        return rows * inverse_c.unsqueeze(1), inverse_c

    def target_in(self, low: int, high: int) -> tuple[Tensor, Tensor]:
        """Column of each sample's target in a chunk (some valid one), and whether it is there."""
        inside = self.owned_N & (self.index_N >= low) & (self.index_N < high)
        return (self.index_N - low).clamp(0, high - low - 1), inside

    def similarities(self, low: int, high: int) -> Tensor:
        """Similarities of all samples to a chunk's classes, [N, c].

        The target's entry is the number that all ranks know, whatever the product's precision.
        """
        rows, _ = self.weights(low, high)
        sim_Nc = (self.x_product_ND @ rows.to(self.product_dtype).T).to(self.x_ND.dtype)
        index, owned = self.target_in(low, high)
        column = index.unsqueeze(1)
        exact = torch.where(owned, self.target_N, sim_Nc.gather(1, column).squeeze(1))
        return sim_Nc.scatter_(1, column, exact.unsqueeze(1))

    def grad_of_similarities(
        self, sim_Nc: Tensor, low: int, high: int, lse_N: Tensor, each: Tensor
    ) -> Tensor:
        """d loss / d sim of a chunk: (softmax - one-hot) / N through loss.logits."""
        index, owned = self.target_in(low, high)
        with torch.enable_grad():
            leaf_Nc = sim_Nc.detach().requires_grad_()
            logits_Nc = self.loss.logits(leaf_Nc, self.target_N, index, owned)
        grad_Nc = (logits_Nc.detach() - lse_N.unsqueeze(1)).exp_()
        grad_Nc.scatter_add_(1, index.unsqueeze(1), -owned.to(grad_Nc.dtype).unsqueeze(1))
        grad_Nc *= each
        return torch.autograd.grad(logits_Nc, leaf_Nc, grad_Nc)[0]

    def add_product_grads(
        self, grad_Nc: Tensor, low: int, high: int, grad_x_ND: Tensor, grad_w_cD: Tensor
    ) -> None:
        """Adds a chunk's share to d loss / d x (still normalised) and writes d loss / d W."""
        rows, inverse_c = self.weights(low, high)
        grad = grad_Nc.to(self.product_dtype)
        grad_x_ND += (grad @ rows.to(self.product_dtype)).to(grad_x_ND.dtype)
        grad_rows = (grad.T @ self.x_product_ND).to(rows.dtype)
        if inverse_c is not None:
            grad_rows -= (grad_rows * rows).sum(dim=1, keepdim=True) * rows
            grad_rows *= inverse_c.unsqueeze(1)
        grad_w_cD[low:high] = grad_rows

    def unnormalise(self, grad_x_ND: Tensor) -> None:
        """Takes d loss / d x, in place, from the normalised embeddings to the given ones."""
        if self.loss.normalised:
            grad_x_ND -= (grad_x_ND * self.x_ND).sum(dim=1, keepdim=True) * self.x_ND
            grad_x_ND *= self.x_inverse_N.unsqueeze(1)

    def virtual(self) -> Tensor | None:
        """The virtual logit of each owned sample, -inf elsewhere; None if the loss has none."""
        logit_N = self.loss.virtual_logit(self.x_norm_N, self.rows_of_targets().norm(dim=1))
        return None if logit_N is None else torch.where(self.owned_N, logit_N, -torch.inf)

    def add_virtual_grads(
        self, lse_N: Tensor, each: Tensor, grad_x_ND: Tensor, grad_w_cD: Tensor
    ) -> None:
        """Adds what the virtual logit sends to x and to the targets' weights, on their owner."""
        rows_ND = self.rows_of_targets()
        with torch.enable_grad():
            x_norm_N = self.x_norm_N.detach().requires_grad_()
            w_norm_N = rows_ND.norm(dim=1).requires_grad_()
            logit_N = self.loss.virtual_logit(x_norm_N, w_norm_N)
        if logit_N is None:
            return
        grad_N = torch.where(self.owned_N, (logit_N.detach() - lse_N).exp() * each, 0)
        to_x_N, to_w_N = torch.autograd.grad(logit_N, (x_norm_N, w_norm_N), grad_N)
        grad_x_ND += (to_x_N * self.x_inverse_N).unsqueeze(1) * self.x_ND
        if grad_w_cD.shape[0]:
            to_rows = (to_w_N * _inverse(w_norm_N.detach())).unsqueeze(1) * rows_ND
            grad_w_cD.index_add_(0, self.index_N, to_rows.to(grad_w_cD.dtype))


def _accumulate(peak_N: Tensor, total_N: Tensor, logits_Nc: Tensor) -> tuple[Tensor, Tensor]:
    """Running log-sum-exp as (peak, sum of exp(logit - peak)), with more logits taken in."""
    higher_N = torch.maximum(peak_N, logits_Nc.amax(dim=1))
    # A row of -inf alone (a sample that has no virtual logit here) would give inf - inf.
    base_N = torch.where(higher_N == -torch.inf, 0, higher_N)
    total_N = total_N * (peak_N - base_N).exp() + (logits_Nc - base_N.unsqueeze(1)).exp().sum(dim=1)
    return higher_N, total_N


def _over_ranks(peak_N: Tensor, total_N: Tensor, own_N: Tensor) -> tuple[Tensor, Tensor]:
    """Log-sum-exp over all ranks' classes, and the target's logit, from each rank's part."""
    highest_N = comm.all_max(peak_N)
    sums = torch.stack([total_N * (peak_N - highest_N).exp(), own_N])
    total_N, own_N = comm.all_sum(sums)
    return highest_N + total_N.log(), own_N


def _inverse(norm: Tensor) -> Tensor:
    """1 / norm, and 0 for a norm of 0: a zero vector stays zero and gets no gradient."""
    return torch.where(norm > 0, 1 / norm.clamp_min(torch.finfo(norm.dtype).tiny), 0)
