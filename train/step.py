"""One step: forward, backward, update. Nothing in it waits for the device.

n: this rank's images. N: those of all ranks.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from models import comm
from models.head.sharding import mixed
from models.losses.base import Loss
from train.accumulate import StepHead, micro_batch, norms_of, split
from train.average import decay_at, move_average
from train.non_finite import Buffers, Unless, Watch
from train.optim import set_lr, step_unless
from train.plan import Plan
from train.state import TrainState

Prepare = Callable[[Tensor, int, int], Tensor]
"""Pixels, step and the first image's place in the rank's batch to the network's input."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a step found, on the device.

    Attributes:
        loss: mean over all samples.
        target: mean similarity to the own class.
        hard: mean number of hard negatives a sample, where counted.
        norm: of the backbone's gradient, before clipping.
        own_bad: whether an embedding of this rank is not finite.
    """

    loss: Tensor
    target: Tensor
    hard: Tensor
    norm: Tensor
    own_bad: Tensor


class Step:
    """Moves a state by one step at a time."""

    def __init__(
        self, state: TrainState, wrapped: nn.Module, plan: Plan, watch: Watch, prepare: Prepare
    ) -> None:
        """Keeps what all steps need.

        Args:
            state: moved in place.
            wrapped: `state.backbone` as gradients are averaged over ranks (`comm.replicate`).
            plan: what happens at which step.
            watch: told of each step.
            prepare: pixels to input.
        """
        self.state, self.wrapped, self.plan = state, wrapped, plan
        self.watch, self.prepare = watch, prepare
        self.device = state.head.weight_cD.device
        self.parameters = [p for p in state.backbone.parameters() if p.requires_grad]
        self.norms = norms_of(state.backbone)
        self.rehearsed = comm.world_size() == 1
        self.skips = plan.non_finite == "skip"
        head = state.head_optimiser
        self.head_optimiser = Unless(head, watch.bad) if self.skips else head

    def __call__(self, pixels: Tensor, labels: Tensor, *, count_hard: bool) -> Outcome:
        """The step after `state.step`, which it moves on by one.

        Args:
            pixels: uint8 [n, H, W, 3] of this rank.
            labels: int64 [n], in the host's memory.
            count_hard: whether to count hard negatives, which costs a pass.
        """
        state, plan, step = self.state, self.plan, self.state.step
        if not self.rehearsed:
            self._rehearse(pixels)
        before = Buffers(state.backbone) if self.skips else None
        # So that a network that draws (dropout) draws the same when it is resumed.
        torch.manual_seed(mixed(plan.seed, step, comm.rank()))
        loss_now = plan.loss(step)
        memory: Any = state.loss_memory
        if loss_now.remembers:
            memory = torch.as_tensor(memory, dtype=torch.float32, device=self.device)
            loss_now = loss_now.recalling(memory)
        outcome = self._gradients(pixels, labels, loss_now, count_hard)
        self.watch.see(step + 1, outcome.loss, outcome.norm, outcome.own_bad)

        set_lr(state.optimiser, plan.lr(step))
        step_unless(state.optimiser, self.watch.bad)
        self.head_optimiser.step(plan.lr(step) * plan.head_lr)
        state.optimiser.zero_grad(set_to_none=True)
        if before is not None:
            before.restore_if(self.watch.bad)
        if state.average is not None:
            move_average(state.average, state.backbone, decay_at(step, plan.average))
        if loss_now.remembers:
            after: Any = loss_now.memory_after(outcome.target)  # type: ignore[arg-type]
            state.loss_memory = torch.where(outcome.target.isfinite(), after, memory)
        state.step = step + 1
        return outcome

    def _rehearse(self, pixels: Tensor) -> None:
        """A first pass, forward and backward, of which nothing stays.

        After its first one DistributedDataParallel lays gradients out anew, and over three ranks or
        more a sum's last digits depend on the layout. A run that is resumed has a first pass where
        the uninterrupted one has not: to be equal bit for bit, neither takes a step with it.
        """
        buffers = list(self.state.backbone.buffers())
        before = [buffer.clone() for buffer in buffers]
        (some,) = split(self.plan.accumulate, pixels)[0]
        # Preparing may mirror pixels in place, and the step will do it again.
        self._embed(some.clone(), 0).mul(0).sum().backward()
        self.state.optimiser.zero_grad(set_to_none=True)
        for buffer, old in zip(buffers, before):
            buffer.copy_(old)
        self.rehearsed = True

    def _embed(self, pixels: Tensor, first: int) -> Tensor:
        """Embeddings of some of the rank's images, those from place `first` on."""
        plan = self.plan
        x = self.prepare(pixels, self.state.step, first)
        with torch.autocast(x.device.type, plan.autocast, enabled=bool(plan.autocast)):
            emb_nD: Tensor = self.wrapped(x)
        return emb_nD

    def _gradients(
        self, pixels: Tensor, labels: Tensor, loss_now: Loss, count_hard: bool
    ) -> Outcome:
        """Leaves the gradient of the mean loss over all samples of all micro-batches."""
        state, plan, step = self.state, self.plan, self.state.step
        parts, head = plan.accumulate, state.head
        if isinstance(head, StepHead):
            head.begin_step(labels, step)
        labels = labels.to(head.weight_cD.device, non_blocking=True)
        found = []
        for part, (some_pixels, some_labels) in enumerate(split(parts, pixels, labels)):
            with micro_batch(self.wrapped, self.norms, part, parts):
                emb_nD = self._embed(some_pixels, part * len(some_labels))
                loss, target_N, hard = head(
                    comm.undo_average(emb_nD),
                    some_labels,
                    loss_now,
                    reduction=plan.reduction,
                    step=step * parts + part,  # what a loss draws differs by micro-batch
                    count_hard=count_hard,
                    compiled=plan.compiles_head(step),
                )
                (loss / parts).backward()
            if isinstance(head, StepHead):
                head.add_gradient()
            own_bad = ~emb_nD.detach().isfinite().all()
            found.append(torch.stack([loss.detach(), target_N.mean(), hard, own_bad.float()]))
        norm = nn.utils.clip_grad_norm_(self.parameters, plan.clip or math.inf)
        loss, target, hard, own_bad = torch.stack(found).mean(dim=0)
        return Outcome(loss=loss, target=target, hard=hard, norm=norm, own_bad=own_bad > 0)
