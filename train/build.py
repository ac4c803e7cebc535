"""From a configuration to what a run is made of; of its data see build_data.py."""

import inspect
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from configs.schema import LossConfig, TrainConfig
from models import comm
from models.backbones import BACKBONES
from models.backbones.norm import group_batch_norm
from models.head.optimiser import HeadAdamW, HeadOptimiser, HeadSGD
from models.head.visits import can_compile
from models.lookup import lookup
from models.losses import LOSSES
from models.losses.base import Loss
from models.losses.reduction import REDUCTIONS, Reduction
from train.accumulate import StepHead
from train.average import start_average
from train.initial import init_backbone, init_head
from train.optim import build_adamw, build_sgd
from train.plan import Plan
from train.schedule import poly_decay, rise, step_decay
from train.state import TrainState

_WORTH_COMPILING = 1e10
"""Similarities of a run that compiled code must see: at 3 ns less for each, half a minute."""


def build_loss(config: LossConfig, num_classes: int) -> Loss:
    """The loss by name with its settings.

    Raises:
        ValueError: no such loss, or it has no such setting (the nearest is named).
    """
    kind = lookup(LOSSES, config.name, "loss")
    args = dict(config.args)
    _check_args(kind, args, f"loss {config.name!r}")
    if "num_classes" in inspect.signature(kind).parameters:
        args["num_classes"] = num_classes
    return kind(**args)


def loss_schedule(
    config: LossConfig, num_classes: int, epoch: float, total: int
) -> Callable[[int], Loss]:
    """The loss of each step: margins, t and scale warm up, and what heats heats.

    Args:
        config: name, settings and warm-up.
        num_classes: of the run.
        epoch: steps in one.
        total: steps of the run.

    Raises:
        ValueError: as `build_loss`, or a scale is to warm up in a loss that has none.
    """
    loss = build_loss(config, num_classes)
    start, warmup = config.scale_from, config.warmup_epochs * epoch
    if start and "scale" not in inspect.signature(type(loss)).parameters:
        raise ValueError(
            f"loss.scale_from: expected a loss with a setting `scale`, {config.name!r} has none; "
            "leave scale_from at 0"
        )

    def at(step: int) -> Loss:
        done = rise(step, warmup)
        now: Any = loss.eased(done)
        if start:
            now = replace(now, scale=start + done * (now.scale - start))
        moment: Loss = now.at(step / total)
        return moment

    return at


def build_reduction(config: LossConfig) -> Reduction:
    """The reduction by name with its settings.

    Raises:
        ValueError: no such reduction, or it has no such setting (the nearest is named).
    """
    make = lookup(REDUCTIONS, config.reduction, "reduction")
    _check_args(make, config.reduction_args, f"reduction {config.reduction!r}")
    return make(**config.reduction_args)


def _check_args(make: Callable[..., object], args: dict[str, Any], whose: str) -> None:
    """Refuses a setting that `make` does not take, or one of another type than its default's."""
    known = inspect.signature(make).parameters
    for name, value in args.items():
        default = lookup(known, name, f"setting of {whose}").default
        if isinstance(default, bool) or isinstance(value, bool):
            fits = isinstance(default, bool) and isinstance(value, bool)
        elif isinstance(value, str):  # whoever takes a word may take a number (alpha of COCO)
            fits = isinstance(default, str)
        else:
            fits = isinstance(value, int | float)
        if not fits:
            raise ValueError(f"{whose}: {name} is {default!r} by default, cannot be {value!r}")


def build_state(config: TrainConfig, num_classes: int, device: torch.device) -> TrainState:
    """Backbone, head and optimiser with the seed's initial values, or those of `config.init`.

    Raises:
        ValueError: no such backbone; a batch that ranks, micro-batches or BatchNorm groups do not
            divide; weights to start from that do not fit.
        OSError: these cannot be read.
    """
    size = config.backbone
    make = lookup(BACKBONES, size.name, "backbone")
    _check_batch(config)
    torch.manual_seed(config.seed)
    backbone = make(dim=size.dim, height=size.height, width=size.width)
    group_batch_norm(backbone, size.batch_norm_group or None)
    if config.init.backbone:
        init_backbone(backbone, Path(config.init.backbone))
    backbone = backbone.to(device).to(memory_format=torch.channels_last)
    head = StepHead(
        num_classes,
        size.dim,
        seed=config.seed,
        product_dtype=torch.bfloat16 if config.head.precision == "bfloat16" else None,
        sample_rate=config.head.sample_rate,
        projected=config.head.projected,
        device=device,
    )
    if config.init.head:
        known = init_head(head, Path(config.init.head))
        if comm.rank() == 0:
            print(f"classes 0 to {known - 1} of {num_classes} start from {config.init.head}")
    optim = config.optim
    optimiser: torch.optim.Optimizer = (
        build_sgd(backbone, momentum=optim.momentum, weight_decay=optim.weight_decay)
        if optim.name == "sgd"
        else build_adamw(backbone, beta=optim.momentum, weight_decay=optim.weight_decay)
    )
    decay = config.head.weight_decay
    head_optimiser: HeadOptimiser = (
        HeadSGD(head, momentum=optim.momentum, weight_decay=decay)
        if config.head.optimiser == "sgd"
        else HeadAdamW(head, weight_decay=decay)
    )
    average = start_average(backbone) if optim.ema else None
    return TrainState(backbone, head, optimiser, head_optimiser, average)


def _check_batch(config: TrainConfig) -> None:
    """Refuses a batch that cannot be shared evenly."""
    world, parts = comm.world_size(), config.optim.accumulate
    group = config.backbone.batch_norm_group or 1
    if config.batch % (world * parts * group):
        micro = f" x {parts} micro-batches (optim.accumulate)" if parts > 1 else ""
        raise ValueError(
            f"batch: expected a multiple of {world} ranks{micro} x {group} (backbone."
            f"batch_norm_group), got {config.batch}"
        )


def build_wrapped(config: TrainConfig, state: TrainState, device: torch.device) -> nn.Module:
    """The backbone as the loop calls it: compiled if asked, gradients averaged over ranks."""
    backbone: Any = torch.compile(state.backbone) if config.compile else state.backbone
    return comm.replicate(backbone, device)


def build_plan(config: TrainConfig, *, images: int, num_classes: int, device: torch.device) -> Plan:
    """Schedules in steps, from the number of images: nothing is typed that can be derived."""
    epoch = images / config.batch
    total = max(round(config.epochs * epoch), 1)
    optim = config.optim
    warmup = optim.warmup_epochs * epoch
    milestones = [m * epoch for m in optim.milestones]

    def lr(step: int) -> float:
        if optim.decay == "step":
            factor = step_decay(step, milestones, optim.gamma)
        else:
            factor = poly_decay(step, warmup, total, optim.power)
        return optim.lr * rise(step + 1, warmup) * factor

    return Plan(
        total=total,
        batch=config.batch,
        seed=config.seed,
        accumulate=optim.accumulate,
        lr=lr,
        head_lr=config.head.lr,
        loss=loss_schedule(config.loss, num_classes, epoch, total),
        compile_head=_compiles_head(config, total, num_classes),
        reduction=build_reduction(config.loss),
        autocast=torch.bfloat16 if uses_bfloat16(config.precision, device) else None,
        clip=optim.clip,
        average=optim.ema,
        non_finite=optim.non_finite,
        log_every=config.log_every,
        save_every=config.checkpoint_epochs * epoch,
        validate_every=config.validation.every_epochs * epoch,
        best=config.validation.best,
    )


def _compiles_head(config: TrainConfig, steps: int, num_classes: int) -> bool:
    """Whether the head's elementwise work is to be compiled: asked for, or worth its seconds."""
    if config.head.compile != "auto":
        return config.head.compile == "always"
    classes = config.head.sample_rate * num_classes / comm.world_size()
    return can_compile() and steps * config.batch * classes > _WORTH_COMPILING


def uses_bfloat16(precision: str, device: torch.device) -> bool:
    """Whether `precision` means bfloat16 on this hardware."""
    if precision != "auto":
        return precision == "bfloat16"
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    able: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()  # new in torch 2.10
    return bool(able.get("avx512_bf16") or able.get("amx_bf16") or able.get("bf16"))
