"""What is done with a chunk of classes, as pure functions of tensors: plainly, or compiled.

N: samples of all ranks. c: the chunk's classes. D: embedding dimension.

All of it is elementwise work around the matrix products: a dozen passes over N x c numbers, and
three over c x D. Compiled, each function is one or two passes (docs/performance.md).
"""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache

import torch
from torch import Tensor

from models.head.targets import inverse
from models.losses.base import Loss, set_target


def rows_for_products(
    rows_cD: Tensor, wide: torch.dtype, product: torch.dtype
) -> tuple[Tensor, Tensor]:
    """1 / norm of each class's weights, [c] in type `wide`, and the weights in type `product`."""
    return inverse(rows_cD.to(wide).norm(dim=1)), rows_cD.to(product)


def visit(
    loss: Loss,
    product_Nc: Tensor,
    inverse_c: Tensor | None,
    target_N: Tensor,
    index_N: Tensor,
    owned_N: Tensor,
    peak_N: Tensor,
    total_N: Tensor,
) -> tuple[Tensor, Tensor]:
    """Takes a chunk's other classes into a running log-sum-exp.

    Args:
        loss: turns similarities into logits.
        product_Nc: embeddings times weights, in the products' type.
        inverse_c: 1 / norm of the weights, if the loss normalises them.
        target_N: similarity of each sample to its own class.
        index_N: column of that class; any valid one where not owned.
        owned_N: whether it is in this chunk. Its logit is left out.
        peak_N: highest logit so far.
        total_N: sum of exp(logit - peak) so far.

    Returns:
        Both, with the chunk's logits.
    """
    logits_Nc, _ = loss.other_logits(similarities(product_Nc, inverse_c, target_N), target_N)
    nothing_N = torch.full_like(target_N, -torch.inf)
    logits_Nc = set_target(logits_Nc, nothing_N, index_N, owned_N)
    higher_N = torch.maximum(peak_N, logits_Nc.amax(dim=1))
    # A row of -inf alone (a chunk of one class, the sample's own) would give inf - inf.
    base_N = torch.where(higher_N == -torch.inf, 0, higher_N)
    total_N = total_N * (peak_N - base_N).exp()
    return higher_N, total_N + logits_Nc.sub_(base_N.unsqueeze(1)).exp_().sum(dim=1)


def revisit(
    loss: Loss,
    product_Nc: Tensor,
    inverse_c: Tensor | None,
    target_N: Tensor,
    index_N: Tensor,
    owned_N: Tensor,
    lse_N: Tensor,
    each_N: Tensor,
    own_N: Tensor,
    own_grad_N: Tensor,
) -> tuple[Tensor, Tensor | None]:
    """d loss / d product of a chunk, in the product's type, and what the norms take out of d W.

    With w = W / |W| and g = d loss / d w = sum_N grad x, the normalisation's Jacobian gives
    (g - (g . w) w) / |W|, where g . w = sum_N grad sim: N numbers a class, not D.

    Args:
        loss: turns similarities into logits.
        product_Nc: as in `visit`, and so the next four.
        inverse_c: see there.
        target_N: see there.
        index_N: see there.
        owned_N: see there.
        lse_N: log-sum-exp over all classes.
        each_N: d loss / d cross-entropy of each sample.
        own_N: similarity to the own class before any shift.
        own_grad_N: d loss / d that.

    Returns:
        The gradient [N, c]; and (g . w) / |W|^2, [c], if the loss normalises weights.
    """
    sim_Nc = similarities(product_Nc, inverse_c, target_N)
    logits_Nc, back = loss.other_logits(sim_Nc, target_N)
    lse_N1 = lse_N.unsqueeze(1)
    grad_Nc = logits_Nc - lse_N1 if logits_Nc is sim_Nc else logits_Nc.sub_(lse_N1)
    grad_Nc = back(grad_Nc.exp_().mul_(each_N.unsqueeze(1)))
    grad_Nc = set_target(grad_Nc, own_grad_N, index_N, owned_N)
    if inverse_c is None:
        return grad_Nc.to(product_Nc.dtype), None
    sim_Nc = set_target(sim_Nc, own_N, index_N, owned_N)
    along_c = sim_Nc.mul_(grad_Nc).sum(dim=0) * inverse_c.square()
    return grad_Nc.mul_(inverse_c).to(product_Nc.dtype), along_c


def similarities(product_Nc: Tensor, inverse_c: Tensor | None, like: Tensor) -> Tensor:
    """A chunk's similarities from its product, [N, c], as a new tensor of `like`'s type.

    Norms are divided by here: N numbers a class, not D. The own class's entry has the precision of
    the product; what all ranks know of it is exact, and is put in its place later.
    """
    if inverse_c is None:
        return product_Nc.to(like.dtype, copy=True)
    return product_Nc * inverse_c  # leaves bfloat16


def add_jacobian(out_cD: Tensor, grad_cD: Tensor, along_c: Tensor | None, rows_cD: Tensor) -> None:
    """Writes d loss / d W of a chunk to its place.

    Args:
        out_cD: that place; `grad_cD` may lie there already.
        grad_cD: `revisit`'s gradient times the embeddings.
        along_c: what the norms take out, in units of W; None if they are not divided by.
        rows_cD: the weights.
    """
    if out_cD is not grad_cD:
        out_cD.copy_(grad_cD)
    if along_c is not None:
        out_cD.addcmul_(along_c.unsqueeze(1), rows_cD, value=-1)


def hard_negatives(
    loss: Loss,
    product_Nc: Tensor,
    inverse_c: Tensor | None,
    target_N: Tensor,
    index_N: Tensor,
    owned_N: Tensor,
) -> Tensor | None:
    """How many a sample has in a chunk, [N]; None if the loss has none. Arguments as in `visit`."""
    hard_Nc = loss.hard(similarities(product_Nc, inverse_c, target_N), target_N)
    if hard_Nc is None:
        return None
    return set_target(hard_Nc, torch.zeros_like(owned_N), index_N, owned_N).sum(dim=1)


@dataclass(frozen=True)
class Work:
    """The functions of this file that a step calls for each chunk."""

    rows_for_products: Callable[..., tuple[Tensor, Tensor]]
    visit: Callable[..., tuple[Tensor, Tensor]]
    revisit: Callable[..., tuple[Tensor, Tensor | None]]
    add_jacobian: Callable[..., None]


PLAIN = Work(rows_for_products, visit, revisit, add_jacobian)


@cache
def compiled() -> Work:
    """The same, each compiled at its first call with a loss, which takes seconds."""
    # Each setting of a loss is a compilation of its own; a run may have a schedule of some.
    torch._dynamo.config.recompile_limit = max(torch._dynamo.config.recompile_limit, 64)
    work = [getattr(PLAIN, field.name) for field in fields(Work)]
    return Work(*(torch.compile(one, dynamic=False, fullgraph=True) for one in work))


def can_compile() -> bool:
    """Whether there is the C++ compiler that torch.compile needs."""
    return shutil.which(os.environ.get("CXX", "g++")) is not None
