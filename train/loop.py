"""The training loop: no configuration, no files, no environment. Reads like the algorithm."""

import time
from collections.abc import Callable, Iterable

from torch import Tensor, nn

from models import comm
from train.log import Log
from train.non_finite import BadStep, DivergedError, Watch
from train.plan import Plan
from train.saver import Saver
from train.schedule import due
from train.state import TrainState
from train.step import Outcome, Prepare, Step

Validate = Callable[[nn.Module, int], dict[str, float]]


class StoppedError(Exception):
    """Training was asked to stop before its end, and has saved where it was."""


def train(
    state: TrainState,
    wrapped: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    plan: Plan,
    *,
    prepare: Prepare,
    log: Log,
    validate: Validate | None,
    saver: Saver | None,
    report: Callable[[BadStep], None],
    asked_to_stop: Callable[[], bool],
) -> None:
    """Trains from `state.step` to `plan.total`; validates and saves at the end in any case.

    Args:
        state: moved in place.
        wrapped: `state.backbone` as gradients are averaged over ranks (`comm.replicate`).
        batches: (uint8 pixels [n, H, W, 3], labels [n]) of this rank, from step `state.step` on.
        plan: what happens at which step.
        prepare: pixels, step and place to the network's input, on its device.
        log: where values go.
        validate: figures of the backbone (in eval mode) at a step.
        saver: writes checkpoints, with the figures of a step's verification if it had one.
        report: told of each step that was not finite.
        asked_to_stop: looked at after every step; the same on all ranks.

    Raises:
        DivergedError: the loss or its gradient is not finite, and the plan does not skip.
        StoppedError: `asked_to_stop`; the last checkpoint is of the last step done.
    """
    watch = Watch(plan.log_every, state.head.weight_cD.device)
    take_step = Step(state, wrapped, plan, watch, prepare)
    clock = _Clock(plan.batch)
    wrapped.train()
    for step, (pixels, labels) in zip(range(state.step + 1, plan.total + 1), batches):
        last = step == plan.total
        saves = last or due(step, plan.save_every / 2)
        validates = validate and (last or due(step, plan.validate_every))
        logs = saves or validates or step % plan.log_every == 0
        outcome = take_step(pixels, labels, count_hard=logs)
        log.step()
        clock.steps += 1
        stops = asked_to_stop()
        if logs or stops:
            bad = watch.found()
            _judge(bad, watch, plan, report)
            if logs and not (bad and bad[-1].step == step):
                log.scalars("train", step, _values(outcome, state, plan, clock))
        figures = None
        if validate and validates:
            figures = _validated(state, validate)
            log.scalars("validation", step, figures)
            saves |= _is_best(state, figures, plan.best)
        if saver and (saves or stops):
            saver.save(state, figures)
        if saver:
            saver.keep_up(step)
        if stops and not last:
            raise StoppedError(f"asked to stop; step {step} of {plan.total} is saved")
        if logs:
            clock.restart()


class _Clock:
    """Images a second since the last restart."""

    def __init__(self, batch: int) -> None:
        self.batch = batch
        self.restart()

    def restart(self) -> None:
        self.began, self.steps = time.monotonic(), 0

    def rate(self) -> float:
        return self.steps * self.batch / (time.monotonic() - self.began)


def _values(outcome: Outcome, state: TrainState, plan: Plan, clock: _Clock) -> dict[str, float]:
    """What is logged of a step. The device is waited for before the clock is read."""
    loss, target, hard, norm = (
        value.item() for value in (outcome.loss, outcome.target, outcome.hard, outcome.norm)
    )
    return {
        "loss": loss,
        "target_similarity": target,
        "hard_negative_share": hard / state.head.negatives,
        "lr": plan.lr(state.step - 1),
        "images_per_second": clock.rate(),
        "gradient_norm": norm,
    }


def _judge(bad: list[BadStep], watch: Watch, plan: Plan, report: Callable[[BadStep], None]) -> None:
    """Reports steps that were not finite; stops where the plan says so, before any checkpoint."""
    if bad and plan.non_finite == "stop":
        bad = bad[:1]  # those after it only follow from it
    for one in bad:
        report(one)
    if bad and (plan.non_finite == "stop" or watch.hopeless):
        raise DivergedError(
            f"{bad[0]}; the last checkpoint is good: resume from it with a lower optim.lr, or a "
            "longer optim.warmup_epochs or loss.warmup_epochs"
        )


def _validated(state: TrainState, validate: Validate) -> dict[str, float]:
    """Figures of the network that would be exported now."""
    comm.average_buffers(state.result)
    state.result.eval()
    figures = validate(state.result, state.step)
    state.backbone.train()
    return figures


def _is_best(state: TrainState, figures: dict[str, float], name: str) -> bool:
    """Whether these figures are the best so far, which the state then remembers.

    Raises:
        ValueError: validation has no figure of that name.
    """
    if name not in figures:
        raise ValueError(f"validation.best: expected one of {', '.join(figures)}, got {name!r}")
    if state.best is not None and figures[name] <= state.best:
        return False
    state.best, state.best_step = figures[name], state.step
    return True
