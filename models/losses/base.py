"""The one shape of every loss: a softmax whose logits were tampered with.

N: samples of all ranks. c: the classes of one shard, or of one chunk of it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

Pullback = Callable[[Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class Loss:
    """A pure function from one shard of similarities to logits. Holds settings, never weights.

    The head takes the softmax cross-entropy of the logits over all shards and reduces it over N.
    Each logit depends on its own similarity and on `target_N` alone, since a shard may be as small
    as one class. Subclasses override `logits`, and what else they need of the functions below. All
    of them are pure: they call no collective and change no argument.

    Attributes:
        normalise_x, normalise_w: whether embeddings and class weights are L2-normalised before
            their product: both, and similarities are cosines; none, and they are inner products.
        draws: whether `shift` wants a random number a sample.
        remembers: whether it wants a number kept from step to step (`recalling`).
    """

    normalise_x: ClassVar[bool] = True
    normalise_w: ClassVar[bool] = True
    draws: ClassVar[bool] = False
    remembers: ClassVar[bool] = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.normalise_x and cls.virtual_logit is not Loss.virtual_logit:
            raise TypeError(
                f"{cls.__name__}: a virtual logit needs embeddings that are not normalised: with "
                "unit norms it is a constant, which crowds all negatives out of the softmax"
            )

    def logits(self, sim_Nc: Tensor, target_N: Tensor, index_N: Tensor, owned_N: Tensor) -> Tensor:
        """Logits of one shard.

        Args:
            sim_Nc: similarity of each sample to each of the shard's classes, floating point.
            target_N: each sample's similarity to its own class; known on all ranks, no gradient.
            index_N: column of each sample's class in this shard; any valid column if not owned.
            owned_N: whether a sample's class is in this shard, bool.

        Returns:
            A new tensor [N, c], or `sim_Nc` itself. No argument is changed.
        """
        raise NotImplementedError

    def own_logits(self, own_N: Tensor) -> Tensor:
        """Logits of the samples' own classes from their similarities, differentiable; any shape.

        As `logits` has them here. Losses built of own and other classes say it themselves.
        """
        index_N = torch.zeros_like(own_N, dtype=torch.int64)
        owned_N = torch.ones_like(own_N, dtype=torch.bool)
        return self.logits(own_N.unsqueeze(1), own_N.detach(), index_N, owned_N).squeeze(1)

    def other_logits(self, sim_Nc: Tensor, target_N: Tensor) -> tuple[Tensor, Pullback]:
        """Logits of classes that are not a sample's own, and the way back.

        That is from d loss / d logits to d loss / d similarities, and may use up what it gets. By
        autograd here. Losses that know their slope say so, which saves half of the time.

        Args:
            sim_Nc: similarities to any classes; what comes out for a sample's own is not used.
            target_N: as for `logits`.

        Returns:
            A new tensor [N, c], or `sim_Nc` itself, and the way back.
        """
        index_N = torch.zeros_like(target_N, dtype=torch.int64)
        owned_N = torch.zeros_like(target_N, dtype=torch.bool)
        found = torch.func.vjp(lambda s_Nc: self.logits(s_Nc, target_N, index_N, owned_N), sim_Nc)
        logits_Nc, back = found[0], found[1]
        # a copy: autograd may still need what it has
        return logits_Nc.clone(), lambda grad_Nc: back(grad_Nc)[0]

    def shift(
        self, target_N: Tensor, x_norm_N: Tensor, w_norm_N: Tensor, draw_N: Tensor | None
    ) -> Tensor | None:
        """How far each sample's target similarity is moved down before `logits` sees it.

        For margins that depend on norms or on chance. Differentiated in its first three arguments
        (detach what should not be); element i may depend on sample i alone, save through detached
        values.

        Args:
            target_N: similarities to the own class; entries of other shards' samples mean nothing.
            x_norm_N: norms of the embeddings, before any normalisation.
            w_norm_N: norms of the own classes' weights, before any normalisation.
            draw_N: standard normal numbers, the same on all ranks; None unless `draws`.
        """
        return None

    def virtual_logit(self, x_norm_N: Tensor, w_norm_N: Tensor) -> Tensor | None:
        """One more logit a sample, from the norms of x and of its class's weight; None for none.

        The head adds it once over all ranks, on the owner of the sample's class. Differentiated in
        both arguments.
        """
        return None

    def penalty(self, x_norm_N: Tensor) -> Tensor | None:
        """A term added to each sample's loss, from the norm of x; None for none."""
        return None

    def hard(self, sim_Nc: Tensor, target_N: Tensor) -> Tensor | None:
        """Which similarities count as hard negatives, bool [N, c]; None where there are none such.

        The target's own entry may be either; whoever counts leaves it out.
        """
        return None

    def eased(self, fraction: float) -> Self:
        """This loss with its margins at `fraction` (0 to 1) of their value, for a warm-up."""
        return self

    def at(self, progress: float) -> Self:
        """This loss as it is when `progress` (0 to 1, step over steps) of the run is done."""
        return self

    def recalling(self, memory: float) -> Self:
        """This loss with the running mean of the steps before, where it `remembers` one."""
        return self

    def memory_after(self, mean_target: float) -> float:
        """That running mean after a step with this mean target similarity; kept by the run."""
        return 0.0


def set_target(values_Nc: Tensor, own_N: Tensor, index_N: Tensor, owned_N: Tensor) -> Tensor:
    """`values_Nc` with each owned sample's target entry set to `own_N`.

    In place, unless autograd is watching, which still needs the old entries; while compiling by a
    mask, which fuses with what is before and after it, as a scatter would not.
    """
    if torch.compiler.is_compiling():
        column_N1 = torch.where(owned_N, index_N, -1).int().unsqueeze(1)
        columns_c = torch.arange(values_Nc.shape[1], dtype=torch.int32, device=values_Nc.device)
        return torch.where(columns_c == column_N1, own_N.unsqueeze(1), values_Nc)
    column = index_N.unsqueeze(1)
    entry_N1 = torch.where(owned_N.unsqueeze(1), own_N.unsqueeze(1), values_Nc.gather(1, column))
    if values_Nc.requires_grad:
        return values_Nc.scatter(1, column, entry_N1)
    return values_Nc.scatter_(1, column, entry_N1)


def scaled(scale: float) -> Pullback:
    """The way back through a multiplication by `scale`."""
    return lambda grad_Nc: grad_Nc.mul_(scale)
