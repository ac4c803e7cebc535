"""From a configuration to the objects of a run. The only file of train that reads settings."""

import inspect
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from configs.schema import LossConfig, TrainConfig
from data_prep.augment import Augment
from data_prep.dataset import FaceDataset
from data_prep.files import sha256_file
from data_prep.records.manifest import with_suffix
from data_prep.transforms import Transform
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
from train.bad_records import BadRecords
from train.balanced import build_order as balanced_order
from train.initial import init_backbone, init_head
from train.loader import Loader
from train.optim import build_adamw, build_sgd
from train.plan import Plan
from train.sampler import Order, StepBatches
from train.schedule import poly_decay, rise, step_decay
from train.state import TrainState
from train.step import Prepare

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


def build_transform(config: TrainConfig) -> Transform:
    """Pixels to input, as the backbone's size asks."""
    return Transform(height=config.backbone.height, width=config.backbone.width)


def build_dataset(config: TrainConfig) -> FaceDataset:
    """The records, checked against the backbone's size.

    Raises:
        ValueError: none are named, damaged records, or crops of another size.
    """
    if not config.data.records:
        raise ValueError(
            "data.records: expected at least one record prefix, got []; say data.records=[PREFIX]"
        )
    dataset = FaceDataset([Path(prefix) for prefix in config.data.records])
    if len(dataset) == 0:
        raise ValueError(f"{', '.join(config.data.records)}: expected images, found none")
    height, width = _first_size(config, dataset)
    if (height, width) != (config.backbone.height, config.backbone.width):
        raise ValueError(
            f"{config.data.records[0]}: crops are {height}x{width} (height x width), the backbone "
            f"expects {config.backbone.height}x{config.backbone.width}; set backbone.height and "
            "backbone.width, or align again"
        )
    low, high = int(dataset.labels.min()), int(dataset.labels.max())
    if low < 0 or high >= dataset.num_classes:
        raise ValueError(
            f"{', '.join(config.data.records)}: expected labels 0 to {dataset.num_classes - 1}, "
            f'found {low} to {high}; run "python -m data_prep check"'
        )
    return dataset


def _first_size(config: TrainConfig, dataset: FaceDataset) -> tuple[int, int]:
    """(height, width) of the first image; of the first that can be read, where bad ones may be."""
    bearable = config.data.bad_limit if config.data.bad_records == "skip" else 0
    last = min(bearable, len(dataset) - 1)
    for i in range(last):
        with suppress(ValueError):
            return dataset[i][0].shape[:2]
    return dataset[last][0].shape[:2]


def data_hashes(dataset: FaceDataset) -> list[str]:
    """What tells one record set from another: the manifest's SHA-256 of .rec, one a set.

    A foreign set has no manifest, and hashing its .rec may take an hour: its index's hash and the
    length of its .rec serve instead.
    """
    found = []
    for records in dataset.sets:
        if records.manifest is not None:
            found.append(records.manifest["files"]["rec"]["sha256"])
        else:
            length = records.rec.stat().st_size
            index = with_suffix(records.prefix, "idx")
            found.append(f"{length} bytes, idx {sha256_file(index) if index.exists() else None}")
    return found


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


def build_order(config: TrainConfig, dataset: FaceDataset) -> Order:
    """The samples of each step.

    Raises:
        ValueError: the records cannot make such batches.
    """
    data = config.data
    return balanced_order(
        dataset.labels,
        dataset.groups,
        sampler=data.sampler,
        batch=config.batch,
        images=data.identity_images,
        weights=data.weights,
        seed=config.seed,
    )


def build_bad_records(config: TrainConfig, dataset: FaceDataset) -> BadRecords | None:
    """What is done about records that cannot be read; None where they are an error."""
    if config.data.bad_records == "error":
        return None
    path = Path(config.out) / "bad_records.jsonl"
    return BadRecords(path, limit=config.data.bad_limit, images=len(dataset))


def build_loader(
    config: TrainConfig,
    dataset: FaceDataset,
    *,
    start: int,
    total: int,
    bad: BadRecords | None = None,
) -> Loader:
    """This rank's batches from step `start` on: uint8 pixels [n, H, W, 3] and labels [n].

    Raises:
        ValueError: the records cannot make such batches.
    """
    batches = StepBatches(
        build_order(config, dataset),
        batch=config.batch,
        start=start,
        total=total,
        rank=comm.rank(),
        world=comm.world_size(),
    )
    return Loader(
        dataset,
        batches,
        size=(config.backbone.height, config.backbone.width),
        workers=config.data.workers,
        pin_memory=torch.cuda.is_available(),
        instead=bad,
    )


def build_prepare(config: TrainConfig, device: torch.device) -> Prepare:
    """Pixels, step and place to the network's augmented, normalised input on `device`."""
    transform = build_transform(config)
    augment = Augment(**asdict(config.augment))
    local = config.batch // comm.world_size()

    def prepare(pixels: Tensor, step: int, first: int) -> Tensor:
        return augment.prepare(
            pixels.to(device, non_blocking=True),
            transform.normalise,
            seed=config.seed,
            step=step,
            start=comm.rank() * local + first,
            total=config.batch,
        )

    return prepare
