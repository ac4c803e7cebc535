"""What a loss does to each sample's own class: all that is of size N, not N x c.

N: samples of all ranks. D: embedding dimension. Only the owner of a sample's class knows its
weight, so values are computed there, are zero elsewhere, and are summed over ranks.
"""

import torch
from torch import Tensor

from models import comm
from models.losses.base import Loss


class Targets:
    """Similarities to the own class with their per-sample gradients.

    Attributes:
        target_N: as `loss.logits` wants it, shift included; the same on all ranks.
        own_N: the similarity itself, of owned samples; anything for others.
        logit_N: the own class's logit; -inf for samples that are not owned.
        virtual_N: the virtual logit of owned samples, -inf for others; None if there is none.
        penalty_N: added to each sample's loss, the same on all ranks; None if there is none.
    """

    def __init__(
        self,
        loss: Loss,
        x_ND: Tensor,
        x_norm_N: Tensor,
        own_w_ND: Tensor,
        owned_N: Tensor,
        draw_N: Tensor | None,
    ) -> None:
        """Computes them.

        Args:
            loss: asks for what there is.
            x_ND: embeddings as the loss multiplies them.
            x_norm_N: their norms before any normalisation.
            own_w_ND: each owned sample's class weight, not normalised; anything for others.
            owned_N: whether its class is on this rank.
            draw_N: random numbers for the loss, or None.
        """
        self.owned_N, self.own_w_ND = owned_N, own_w_ND
        self.x_norm_N, self.w_norm_N = x_norm_N, own_w_ND.norm(dim=1)
        self.own_N = own_N = (x_ND * own_w_ND).sum(dim=1)
        if loss.normalise_w:
            self.own_N = own_N = own_N * inverse(self.w_norm_N)
        self._slopes: tuple[Tensor, ...] | None = None
        with torch.enable_grad():
            leaves = [t.detach().requires_grad_() for t in (own_N, x_norm_N, self.w_norm_N)]
            shift_N = loss.shift(leaves[0], leaves[1], leaves[2], draw_N)
            if shift_N is not None:
                moved_N = leaves[0] - shift_N
                self._slopes = _slopes(moved_N, leaves)
                own_N = moved_N.detach()
            virtual_N = loss.virtual_logit(leaves[1], leaves[2])
            penalty_N = loss.penalty(leaves[1])
            target_N = own_N.detach().requires_grad_()
            logit_N = loss.own_logits(target_N)
            (self._logit_slope_N,) = _slopes(logit_N, [target_N])
        self.logit_N = torch.where(owned_N, logit_N.detach(), -torch.inf)
        self.target_N = comm.all_sum(torch.where(owned_N, own_N, 0))
        self.virtual_N = self.penalty_N = None
        if virtual_N is not None:
            self.virtual_N = torch.where(owned_N, virtual_N.detach(), -torch.inf)
            self._virtual_slopes = _slopes(virtual_N, leaves[1:])
        if penalty_N is not None:
            self.penalty_N = penalty_N.detach()
            self._penalty_slopes = _slopes(penalty_N, leaves[1:2])
        self._to_x_norm_N = torch.zeros_like(x_norm_N)
        self._to_w_norm_N = torch.zeros_like(x_norm_N)

    def own_grad(self, lse_N: Tensor, each_N: Tensor) -> Tensor:
        """d loss / d own similarity, 0 where not owned; keeps what goes to the norms by the shift.

        Args:
            lse_N: log-sum-exp over all classes.
            each_N: d loss / d cross-entropy of each sample.
        """
        grad_N = ((self.logit_N - lse_N).exp() - 1) * each_N * self._logit_slope_N
        grad_N = torch.where(self.owned_N, grad_N, 0)
        if self._slopes is None:
            return grad_N
        to_own_N, to_x_N, to_w_N = self._slopes
        self._to_x_norm_N += grad_N * to_x_N
        self._to_w_norm_N += grad_N * to_w_N
        return grad_N * to_own_N

    def add_norm_grads(
        self,
        virtual_grad_N: Tensor | None,
        penalty_grad_N: Tensor | float,
        x_raw_ND: Tensor,
        grad_x_ND: Tensor,
        grad_w_cD: Tensor,
        index_N: Tensor,
    ) -> None:
        """Adds what went to the norms to the gradients of embeddings and own classes' weights.

        Args:
            virtual_grad_N: d loss / d virtual logit of owned samples, zero for others.
            penalty_grad_N: d loss / d penalty, on the owner.
            x_raw_ND: embeddings before normalisation.
            grad_x_ND: d loss / d x_raw so far; added to.
            grad_w_cD: d loss / d W so far; added to.
            index_N: each sample's row in W.
        """
        to_x_N, to_w_N = self._to_x_norm_N, self._to_w_norm_N
        if virtual_grad_N is not None:
            to_x_N += virtual_grad_N * self._virtual_slopes[0]
            to_w_N += virtual_grad_N * self._virtual_slopes[1]
        if self.penalty_N is not None:
            to_x_N += torch.where(self.owned_N, penalty_grad_N * self._penalty_slopes[0], 0)
        if self._slopes is None and virtual_grad_N is None and self.penalty_N is None:
            return  # told from the loss: to look at the numbers would wait for the device
        grad_x_ND += (to_x_N * inverse(self.x_norm_N)).unsqueeze(1) * x_raw_ND
        if grad_w_cD.shape[0]:
            rows = (to_w_N * inverse(self.w_norm_N)).unsqueeze(1) * self.own_w_ND
            grad_w_cD.index_add_(0, index_N, rows.to(grad_w_cD.dtype))


@torch.enable_grad()
def _slopes(values_N: Tensor, leaves: list[Tensor]) -> tuple[Tensor, ...]:
    """d values[i] / d leaf[i] for each leaf; zero where a leaf has no part."""
    found = torch.autograd.grad(values_N.sum(), leaves, allow_unused=True)
    return tuple(torch.zeros_like(v) if g is None else g for g, v in zip(found, leaves))


def inverse(norm: Tensor) -> Tensor:
    """1 / norm, and 0 for a norm of 0: a zero vector stays zero and gets no gradient."""
    return torch.where(norm > 0, 1 / norm.clamp_min(torch.finfo(norm.dtype).tiny), 0)
