"""One training, through the project's own step: the images lie in memory, nothing is written."""

import time
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from configs.schema import LossConfig
from data_prep.augment import Augment
from data_prep.transforms import Transform
from experiments.design import CLIP, Experiment
from experiments.nets import NETS
from models.backbones import BACKBONES
from models.backbones.norm import group_batch_norm
from models.head.optimiser import HeadAdamW, HeadSGD
from models.lookup import lookup
from train.accumulate import StepHead
from train.build import build_reduction, loss_schedule, uses_bfloat16
from train.non_finite import DivergedError, Watch
from train.optim import build_adamw, build_sgd
from train.plan import Plan
from train.sampler import global_batch
from train.schedule import rise, step_decay
from train.state import TrainState
from train.step import Step

LOOK_EVERY = 50
"""Steps between two looks at whether the loss is still a number."""


@dataclass(frozen=True)
class Images:
    """Labelled images in memory.

    Attributes:
        pixels: uint8 [n, H, W, channels].
        labels: int64 [n], 0 .. classes - 1.
        classes: how many.
    """

    pixels: Tensor
    labels: Tensor
    classes: int


@dataclass(frozen=True)
class Fitted:
    """What came of a training.

    Attributes:
        state: at the last step.
        last_loss: the mean loss of the last `LOOK_EVERY` steps.
        cost: cpu_seconds and wall_seconds of all steps, steps, parameters of the backbone.
    """

    state: TrainState
    last_loss: float
    cost: dict[str, float]


def build_state(experiment: Experiment, images: Images, seed: int) -> TrainState:
    """Network, head and optimisers. All initial values follow from the seed, whatever the loss."""
    height, width = images.pixels.shape[1:3]
    torch.manual_seed(seed)
    make = NETS.get(experiment.net) or lookup(BACKBONES, experiment.net, "backbone")
    backbone: nn.Module = make(dim=experiment.dim, height=height, width=width)
    group_batch_norm(backbone, experiment.batch_norm_group or None)
    backbone = backbone.to(memory_format=torch.channels_last)
    head = StepHead(images.classes, experiment.dim, seed=seed)
    decay = experiment.weight_decay
    if experiment.optimiser == "adamw":
        adamw = build_adamw(backbone, beta=0.9, weight_decay=decay)
        return TrainState(backbone, head, adamw, HeadAdamW(head, weight_decay=decay))
    sgd = build_sgd(backbone, momentum=0.9, weight_decay=decay)
    return TrainState(backbone, head, sgd, HeadSGD(head, momentum=0.9, weight_decay=decay))


def build_plan(
    experiment: Experiment, loss: LossConfig, lr: float, *, images: Images, seed: int, epochs: float
) -> Plan:
    """What happens at which step."""
    epoch = len(images.labels) / experiment.batch
    total = max(round(epochs * epoch), 1)
    falls = [share * total for share in experiment.milestones]
    rising = experiment.warmup * total
    bfloat16 = uses_bfloat16("auto", torch.device("cpu"))
    return Plan(
        total=total,
        batch=experiment.batch,
        seed=seed,
        accumulate=1,
        lr=lambda step: lr * rise(step + 1, rising) * step_decay(step, falls, 0.1),
        head_lr=1.0,
        loss=loss_schedule(loss, images.classes, epoch, total),
        reduction=build_reduction(loss),
        autocast=torch.bfloat16 if bfloat16 else None,
        clip=CLIP,
        average=0.0,
        non_finite="stop",
        log_every=LOOK_EVERY,
        save_every=total,
        validate_every=total,
        best="",
    )


def fit(
    experiment: Experiment, loss: LossConfig, lr: float, *, images: Images, seed: int, epochs: float
) -> Fitted:
    """Trains a network from scratch to the last step of its plan.

    Args:
        experiment: network and recipe.
        loss: with its settings.
        lr: peak learning rate.
        images: to train on.
        seed: of initial values, order and augmentation.
        epochs: passes over `images`.

    Raises:
        DivergedError: the loss or its gradient is no longer a number.
    """
    state = build_state(experiment, images, seed)
    plan = build_plan(experiment, loss, lr, images=images, seed=seed, epochs=epochs)
    height, width = images.pixels.shape[1:3]
    transform = Transform(height=height, width=width)
    augment = Augment(**{"flip": 0.0, **experiment.augment})

    def prepare(pixels: Tensor, step: int, first: int) -> Tensor:
        x: Tensor = transform.normalise(pixels)
        if experiment.augment:
            x = augment(x, seed=seed, step=step, start=first, total=plan.batch)
        return x

    watch = Watch(LOOK_EVERY, torch.device("cpu"))
    take_step = Step(state, state.backbone, plan, watch, prepare)
    state.backbone.train()
    losses: list[float] = []
    cpu, wall = time.process_time(), time.monotonic()
    for step in range(plan.total):
        chosen = global_batch(step, size=len(images.labels), batch=plan.batch, seed=seed)
        rows = torch.from_numpy(chosen)
        outcome = take_step(images.pixels[rows], images.labels[rows], count_hard=False)
        losses.append(outcome.loss.item())
        if (step + 1) % LOOK_EVERY == 0 or step + 1 == plan.total:
            for bad in watch.found():
                raise DivergedError(str(bad))
    state.backbone.eval()
    last = losses[-LOOK_EVERY:]
    cost = {
        "steps": plan.total,
        "cpu_seconds": round(time.process_time() - cpu, 2),
        "wall_seconds": round(time.monotonic() - wall, 1),
        "parameters": sum(p.numel() for p in state.backbone.parameters()),
    }
    return Fitted(state, sum(last) / len(last), cost)


def precision() -> str:
    """The dtype that the backbone trains in here."""
    return "bfloat16" if uses_bfloat16("auto", torch.device("cpu")) else "float32"


def class_weights(state: TrainState, normalised: bool) -> Tensor:
    """The head's weights [C, D] as the loss compares with them."""
    weight = state.head.weight_cD.detach()
    return nn.functional.normalize(weight, dim=1) if normalised else weight


def settings_of(
    experiment: Experiment, loss: LossConfig, lr: float, epochs: float
) -> dict[str, Any]:
    """What the design says of a run, all but its seed. This module's constants are not among it."""
    return {
        "task": experiment.task,
        "net": experiment.net,
        "dim": experiment.dim,
        "epochs": epochs,
        "batch": experiment.batch,
        "lr": lr,
        "milestones": list(experiment.milestones),
        "warmup": experiment.warmup,
        "optimiser": experiment.optimiser,
        "weight_decay": experiment.weight_decay,
        "batch_norm_group": experiment.batch_norm_group,
        "augment": dict(experiment.augment),
        "loss": {
            "name": loss.name,
            "args": dict(loss.args),
            "reduction": loss.reduction,
            "warmup_epochs": loss.warmup_epochs,
        },
    }
