"""The training loop: no configuration, no files, no environment. Reads like the algorithm."""

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models import comm
from models.losses.base import Loss
from models.losses.reduction import Reduction
from train.log import Log
from train.optim import set_lr
from train.schedule import due
from train.state import TrainState


class DivergedError(ArithmeticError):
    """The loss or its gradient is no longer a number."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What happens at which step.

    Attributes:
        total: steps of the run.
        batch: images a step over all ranks.
        lr: learning rate of a step.
        head_lr: factor on it for the head.
        loss: loss of a step (margins may warm up, scales move).
        reduction: from the samples' losses to one.
        autocast: dtype of the backbone's products; None for float32.
        clip: largest norm of the backbone's gradient; 0 does not clip.
        log_every, save_every, validate_every: steps between; a fraction may be asked of the latter.
    """

    total: int
    batch: int
    lr: Callable[[int], float]
    head_lr: float
    loss: Callable[[int], Loss]
    reduction: Reduction
    autocast: torch.dtype | None
    clip: float
    log_every: int
    save_every: float
    validate_every: float


def train(
    state: TrainState,
    wrapped: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    plan: Plan,
    *,
    prepare: Callable[[Tensor, int], Tensor],
    log: Log,
    validate: Callable[[nn.Module, int], dict[str, float]] | None,
    save: Callable[[TrainState], object],
) -> None:
    """Trains from `state.step` to `plan.total`; validates and saves at the end in any case.

    Args:
        state: moved in place.
        wrapped: `state.backbone` as gradients are averaged over ranks (`comm.replicate`).
        batches: (uint8 pixels [n, H, W, 3], labels [n]) of this rank, from step `state.step` on.
        plan: what happens at which step.
        prepare: pixels and step to the network's input, on its device.
        log: where values go.
        validate: figures of the backbone (in eval mode) at a step.
        save: writes a checkpoint.

    Raises:
        DivergedError: the loss or its gradient is not finite.
    """
    began, done = time.monotonic(), state.step
    parameters = [p for p in state.backbone.parameters() if p.requires_grad]
    wrapped.train()
    for step, (pixels, labels) in zip(range(state.step, plan.total), batches):
        set_lr(state.optimiser, plan.lr(step))
        x = prepare(pixels, step)
        with torch.autocast(x.device.type, plan.autocast, enabled=plan.autocast is not None):
            emb_nD = wrapped(x)
        loss_now = plan.loss(step)
        if loss_now.remembers:
            loss_now = loss_now.recalling(state.loss_memory)
        last = step + 1 == plan.total
        saves = last or due(step + 1, plan.save_every)
        logs = saves or (step + 1) % plan.log_every == 0
        loss, target_N, hard = state.head(
            comm.undo_average(emb_nD),
            labels.to(x.device),
            loss_now,
            reduction=plan.reduction,
            step=step,
            count_hard=logs,
        )
        loss.backward()
        norm = nn.utils.clip_grad_norm_(parameters, plan.clip or math.inf)
        state.optimiser.step()
        state.head_optimiser.step(plan.lr(step) * plan.head_lr)
        state.optimiser.zero_grad(set_to_none=True)
        state.step = step + 1
        if loss_now.remembers:
            state.loss_memory = loss_now.memory_after(target_N.mean().item())
        log.step()

        if logs:
            _check_finite(state.step, loss, norm)
            seconds, began = time.monotonic() - began, time.monotonic()
            values = {
                "loss": loss.item(),
                "target_similarity": target_N.mean().item(),
                "hard_negative_share": hard.item() / state.head.negatives,
                "lr": plan.lr(step),
                "images_per_second": (state.step - done) * plan.batch / seconds,
                "gradient_norm": norm.item(),
            }
            log.scalars("train", state.step, values)
            done = state.step
        if saves:
            save(state)
            began = time.monotonic()
        if validate and (last or due(state.step, plan.validate_every)):
            comm.average_buffers(state.backbone)
            state.backbone.eval()
            log.scalars("validation", state.step, validate(state.backbone, state.step))
            state.backbone.train()
            began = time.monotonic()


def _check_finite(step: int, loss: Tensor, gradient_norm: Tensor) -> None:
    """Stops before a checkpoint could be written with what is no number; alike on all ranks."""
    for what, value in (("loss", loss), ("gradient's norm", gradient_norm)):
        if not value.isfinite():
            raise DivergedError(
                f"the {what} is {value.item()} at step {step}; the last checkpoint is good: resume "
                "from it with a lower optim.lr, or a longer optim.warmup_epochs or "
                "loss.warmup_epochs"
            )
