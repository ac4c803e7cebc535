"""A run without data: everything is built, steps are taken on noise, memory and time are told.

Sizes are of one process. Gigabytes are 10^9 bytes.
"""

import re
import time
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import tqdm

from configs.schema import TrainConfig
from models import comm
from train import build, build_data
from train.non_finite import Watch
from train.state import TrainState
from train.step import Step

STEPS = 2
"""The first also makes what lasts (gradients, kept memory), so the last one is timed."""

_FLOAT = 4
_PARTS = (
    "backbone: weights",
    "backbone: gradient, moments",
    "backbone: running mean",
    "head: weights",
    "head: moments",
    "head: gradient",
    "activations",
)


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """What a process holds in training, as far as it follows from the settings.

    Attributes:
        parameters: numbers of the backbone.
        trained: those of them that are trained.
        state: numbers that the backbone's optimiser keeps for each of these.
        activation: bytes kept for the backward pass, of one image.
        classes, dim: of the head, over all processes.
        sample_rate: share of the classes in a step.
        head_state: numbers that the head's optimiser keeps for each weight.
        average: whether a running mean of the backbone is kept.
    """

    parameters: int
    trained: int
    state: int
    activation: float
    classes: int
    dim: int
    sample_rate: float
    head_state: int
    average: bool

    def of(self, world: int, images: int) -> dict[str, float]:
        """Bytes by part, for one of `world` processes with `images` at a time."""
        backbone = self.parameters * _FLOAT
        rows = -(-self.classes // world)
        head = rows * self.dim * _FLOAT
        # Drawn rows are copied, and the copy has the gradient.
        drawn = 2 * self.sample_rate if self.sample_rate < 1 else 1.0
        sizes = (
            backbone,
            (1 + self.state) * self.trained * _FLOAT,
            backbone if self.average else 0,
            head,
            head * self.head_state,
            head * drawn,
            self.activation * images,
        )
        return dict(zip(_PARTS, sizes))


@dataclass(frozen=True, kw_only=True)
class DryRun:
    """What was found.

    Attributes:
        losses: of each step, finite.
        seconds: of the last step.
        backbone_seconds: of the backbone's part in it, forward and backward.
        sizes: see Sizes.
        before, peak: bytes of this process before anything was built and at most; on a GPU those
            of torch's tensors there.
    """

    losses: list[float]
    seconds: float
    backbone_seconds: float
    sizes: Sizes
    before: int
    peak: int


def dry_run(config: TrainConfig, device: torch.device, images: int) -> DryRun:
    """Builds the run of `config` for `data.classes` people and takes STEPS steps on noise.

    Called by all ranks, within a process group.

    Args:
        config: its records are not looked at.
        device: to run on.
        images: of a step on this process, a few; BatchNorm groups are made no larger.

    Raises:
        ValueError: no number of classes is given, settings that cannot be built, or a loss that is
            not finite.
    """
    classes = config.data.classes
    if classes < 1:
        raise ValueError(
            "data.classes: expected the number of people, got 0; say --classes N, the people in "
            "your set"
        )
    if images < 2:
        raise ValueError(f"--dry-batch: expected at least 2 images, got {images}")
    before = _memory("VmRSS", device)
    small = _shrunk(config, images)
    epoch_images = config.data.images or 1000 * small.batch
    plan = build.build_plan(small, images=epoch_images, num_classes=classes, device=device)
    state = build.build_state(small, classes, device)
    wrapped = build.build_wrapped(small, state, device)
    prepare = build_data.build_prepare(small, device)
    pixels, labels = _noise(small, images, classes)
    x = prepare(pixels, 0, 0)
    activation = _kept(state.backbone, x, plan.autocast)
    backbone_seconds = _pass_seconds(state.backbone, x, plan.autocast)
    take_step = Step(state, wrapped, plan, Watch(STEPS, device), prepare)
    losses: list[float] = []
    seconds = 0.0
    wrapped.train()
    for step in tqdm(range(STEPS), desc="dry run", unit="step", disable=comm.rank() != 0):
        began = time.monotonic()
        losses.append(take_step(pixels, labels, count_hard=False).loss.item())
        seconds = time.monotonic() - began
        if not torch.isfinite(torch.tensor(losses[-1])):
            raise ValueError(f"the loss of step {step + 1} on noise is {losses[-1]}, not a number")
    return DryRun(
        losses=losses,
        seconds=seconds,
        backbone_seconds=min(backbone_seconds, seconds),
        sizes=_sizes(config, state, activation / images),
        before=before,
        peak=_memory("VmHWM", device),
    )


def report(config: TrainConfig, found: DryRun, images: int, device: torch.device) -> str:
    """What was found in lines of text, with memory for the preset's own batch on 1 and 8 ranks."""
    world, batch = comm.world_size(), config.batch
    each = batch // config.optim.accumulate
    columns = {f"here: {images} images": found.sizes.of(world, images)}
    for ranks in (1, 8):
        if each % ranks == 0:
            name = f"{ranks} rank{'s' * (ranks > 1)} x {each // ranks}"
            columns[name] = found.sizes.of(ranks, each // ranks)
    precision = "bfloat16" if build.uses_bfloat16(config.precision, device) else "float32"
    losses = ", ".join(f"{loss:.4g}" for loss in found.losses)
    where = "on the GPU" if device.type == "cuda" else "resident"
    lines = [
        f"{config.backbone.name}, {config.loss.name}, {config.data.classes:,} classes, "
        f"{world} process(es), {device}, {precision}",
        f"{len(found.losses)} steps of {images} images of noise a process; losses {losses}",
        "",
        f"{'memory of a process, GB':30}" + "".join(f"{name:>20}" for name in columns),
        *(_row(part, [sizes[part] for sizes in columns.values()]) for part in _PARTS),
        _row("sum", [sum(sizes.values()) for sizes in columns.values()]),
        f"measured here: {found.peak / 1e9:.2f} GB at most, {where}; "
        f"{found.before / 1e9:.2f} GB before anything was built",
        "",
        _time(config, found, images * world),
    ]
    return "\n".join(lines)


def _row(name: str, sizes: list[float]) -> str:
    return f"  {name:28}" + "".join(f"{size / 1e9:20.2f}" for size in sizes)


def _time(config: TrainConfig, found: DryRun, images: int) -> str:
    """The last step's speed, and between which bounds the whole run lies at that speed.

    What is not the backbone's takes as long for any batch at best (updates of the head), and grows
    with it at worst (its products).
    """
    text = (
        f"{found.seconds:.2f} s a step, {found.backbone_seconds:.2f} of them the backbone's; "
        f"{images / found.seconds:.3g} images/s here"
    )
    total = config.epochs * config.data.images
    if not total:
        return f"{text}; data.images=N gives the time of a run"
    least = total * found.backbone_seconds / images
    least += total / config.batch * (found.seconds - found.backbone_seconds)
    most = total * found.seconds / images
    return (
        f"{text}\n{config.epochs:g} epochs of {config.data.images:,} images on {comm.world_size()} "
        f"such process(es) in batches of {config.batch}: {_long(least)} to {_long(most)}"
    )


def _long(seconds: float) -> str:
    hours = seconds / 3600
    return f"{hours / 24:,.0f} days" if hours > 72 else f"{hours:,.1f} hours"


def _shrunk(config: TrainConfig, images: int) -> TrainConfig:
    """The same run with a small batch. Compiling the head would take longer than the steps."""
    group = config.backbone.batch_norm_group
    fitting = max(size for size in range(1, min(group or 1, images) + 1) if images % size == 0)
    return replace(
        config,
        batch=images * comm.world_size(),
        backbone=replace(config.backbone, batch_norm_group=0 if fitting == 1 else fitting),
        head=replace(config.head, compile="never"),
        optim=replace(config.optim, accumulate=1),
    )


def _noise(config: TrainConfig, images: int, classes: int) -> tuple[Tensor, Tensor]:
    """Pixels and labels of nobody."""
    generator = torch.Generator().manual_seed(config.seed + comm.rank())
    shape = (images, config.backbone.height, config.backbone.width, 3)
    pixels = torch.randint(256, shape, dtype=torch.uint8, generator=generator)
    return pixels, torch.randint(classes, (images,), generator=generator)


def _kept(backbone: nn.Module, x: Tensor, autocast: torch.dtype | None) -> float:
    """Bytes that a forward pass keeps for the backward pass, besides weights and casts of them."""
    weights = {p.untyped_storage().data_ptr() for p in backbone.parameters()}
    shapes = {tuple(sorted(p.shape)) for p in backbone.parameters()}  # a cast may be transposed
    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        cast = tensor.dtype == autocast and tuple(sorted(tensor.shape)) in shapes
        if not cast and storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        _pass(backbone, x, autocast)
    return float(sum(kept.values()))


def _pass_seconds(backbone: nn.Module, x: Tensor, autocast: torch.dtype | None) -> float:
    """Time of a forward and backward pass, not the first."""
    began = time.monotonic()
    _pass(backbone, x, autocast)
    return time.monotonic() - began


def _pass(backbone: nn.Module, x: Tensor, autocast: torch.dtype | None) -> None:
    """Forward and backward, and the device waited for; leaves no gradient."""
    backbone.train()
    with torch.autocast(x.device.type, autocast, enabled=bool(autocast)):
        total = backbone(x).float().sum()
    total.backward()
    total.item()
    if x.is_cuda:
        torch.cuda.synchronize()
    backbone.zero_grad(set_to_none=True)


def _sizes(config: TrainConfig, state: TrainState, activation: float) -> Sizes:
    return Sizes(
        parameters=sum(p.numel() for p in state.backbone.parameters()),
        trained=sum(p.numel() for p in state.backbone.parameters() if p.requires_grad),
        state=1 if config.optim.name == "sgd" else 2,
        activation=activation,
        classes=config.data.classes,
        dim=config.backbone.dim,
        sample_rate=config.head.sample_rate,
        head_state=1 if config.head.optimiser == "sgd" else 2,
        average=bool(config.optim.ema),
    )


def _memory(name: str, device: torch.device) -> int:
    """Bytes now (VmRSS) or at most (VmHWM); 0 where the system does not say.

    Not by getrusage, which counts a parent's memory in a process that was forked from it.
    """
    if device.type == "cuda":
        now = name == "VmRSS"
        return torch.cuda.memory_allocated() if now else torch.cuda.max_memory_allocated()
    status = Path("/proc/self/status")
    found = re.search(rf"{name}:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return int(found[1]) * 1024 if found else 0
