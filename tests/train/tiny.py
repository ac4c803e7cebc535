"""A run small enough to be repeated many times: the real loop, step, head and saver on 24 images of
noise, without files of images, configuration or process launchers."""

import math
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import nn

from models import comm
from models.backbones.norm import BatchNorm1d, BatchNorm2d, group_batch_norm
from models.head.optimiser import HeadSGD
from models.losses import SVAM
from models.losses.reduction import mean
from train import checkpoint
from train.accumulate import StepHead
from train.average import start_average
from train.loop import train
from train.non_finite import BadStep
from train.optim import build_adamw, build_sgd
from train.plan import Plan
from train.sampler import StepBatches, global_batch
from train.saver import Saver
from train.state import TrainState

CLASSES, DIM, IMAGES, BATCH, GROUP = 11, 8, 96, 48, 4
SGD = {"momentum": 0.9, "weight_decay": 1e-3}
PLAN = Plan(
    total=50,
    batch=BATCH,
    seed=3,
    accumulate=1,
    lr=lambda step: 0.002,  # gentle: a chaotic run would amplify the last digits
    head_lr=1.0,
    loss=lambda step: SVAM(scale=8),
    reduction=mean,
    autocast=None,
    clip=5.0,
    average=0.0,
    non_finite="stop",
    log_every=1,
    save_every=math.inf,
    validate_every=math.inf,
    best="accuracy",
)


class Network(nn.Sequential):
    """Convolution, batch norm, linear, batch norm."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(3, 6, 3, 2, bias=False),
            BatchNorm2d(6),
            nn.PReLU(6),
            nn.Flatten(),
            nn.Linear(6 * 9, DIM),
            BatchNorm1d(DIM),
        )
        self.dim = DIM


class Values:
    """Takes the loop's values as a log would."""

    def __init__(self) -> None:
        self.losses: dict[int, float] = {}

    def step(self) -> None:
        pass

    def scalars(self, kind: str, step: int, values: dict[str, float]) -> None:
        if kind == "train":
            self.losses[step] = values["loss"]


def fresh(
    *,
    rate: float = 1.0,
    average: bool = False,
    adamw: bool = False,
    dtype: torch.dtype = torch.float32,
) -> TrainState:
    """A state before its first step.

    In float64 where runs are compared whose sums are taken in other orders. A PReLU's slope jumps
    at 0 and SV-AM's loss where a negative becomes hard: a last digit of float32 that falls on the
    other side is seen in the sixth soon, at another step on every kind of CPU.
    """
    torch.manual_seed(0)
    backbone = Network().to(dtype)
    group_batch_norm(backbone, GROUP)
    head = StepHead(CLASSES, DIM, seed=1, sample_rate=rate, dtype=dtype)
    kept = start_average(backbone) if average else None
    optimiser = build_sgd(backbone, **SGD)
    if adamw:
        optimiser = build_adamw(backbone, beta=0.9, weight_decay=1e-3)
    return TrainState(backbone, head, optimiser, HeadSGD(head, **SGD), kept)


def batches(state: TrainState, plan: Plan, poison: int | None = None):
    """Pixels and labels from the state's step on; those of step `poison` are no numbers."""
    generator = torch.Generator().manual_seed(5)
    pixels = torch.randn(IMAGES, 8, 8, 3, generator=generator).to(state.head.weight_cD.dtype)
    labels = torch.arange(IMAGES) % CLASSES
    places = StepBatches(
        partial(global_batch, size=IMAGES, batch=plan.batch, seed=plan.seed),
        batch=plan.batch,
        start=state.step,
        total=plan.total,
        rank=comm.rank(),
        world=comm.world_size(),
    )
    for step, indices in enumerate(places, start=state.step + 1):
        bad = step == poison and comm.rank() == comm.world_size() - 1
        yield pixels[indices] * (math.nan if bad else 1), labels[indices]


def go_on(
    state,
    folder=None,
    *,
    keep=2,
    poison=None,
    validate=None,
    asked=lambda: False,
    values=None,
    prepare=lambda pixels, step, first: pixels.permute(0, 3, 1, 2),
    **changes,
):
    """Trains by a changed PLAN; losses by step, and the steps that were not finite."""
    plan, values, bad = replace(PLAN, **changes), values or Values(), []
    saver = None
    if folder:
        every = {"interval": plan.save_every, "start": state.step}
        saver = Saver(Path(folder), {}, batch=plan.batch, keep=keep, **every)
    train(
        state,
        comm.replicate(state.backbone, torch.device("cpu")),
        batches(state, plan, poison),
        plan,
        prepare=prepare,
        log=values,
        validate=validate,
        saver=saver,
        report=bad.append,
        asked_to_stop=asked,
    )
    if saver:
        saver.finish()
    return values.losses, bad


def resumed(folder, *, batch: int = BATCH, **kwargs) -> TrainState:
    """A state from the newest checkpoint in a folder, or a fresh one."""
    state = fresh(**kwargs)
    found = checkpoint.find_all(Path(folder))
    if found:
        checkpoint.load(found[-1], state, batch=batch)
    return state


def everything(state: TrainState) -> dict[str, torch.Tensor]:
    """Copies of all tensors of a state."""
    named = checkpoint._of_backbone(state) | {"head": checkpoint._of_classes(state)}
    return {f"{file}/{k}": v.clone() for file, part in named.items() for k, v in part.items()}


def told(bad: list[BadStep]) -> list:
    """Plain data of steps that were not finite."""
    return [[one.step, one.ranks] for one in bad]
