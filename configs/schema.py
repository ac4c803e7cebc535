"""Every setting of a training run, its unit, its default and its bounds. Names of losses and
backbones are checked where they are built: this file imports nothing of the project."""

from dataclasses import dataclass, field
from typing import Any, Literal


def require(condition: bool, name: str, expected: str, got: object) -> None:
    """Raises ValueError in one form: which setting, what was expected, what came."""
    if not condition:
        raise ValueError(f"{name}: expected {expected}, got {got!r}")


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """What is trained on.

    Attributes:
        records: prefixes of record sets (train for train.rec); their classes are counted up.
        workers: loader processes of each rank; 0 decodes in the training process.
    """

    records: list[str] = field(default_factory=list)
    workers: int = 0

    def __post_init__(self) -> None:
        """Checks bounds."""
        require(self.workers >= 0, "data.workers", "at least 0", self.workers)


@dataclass(frozen=True, kw_only=True)
class AugmentConfig:
    """Random changes of a training image; 0 switches each off.

    Attributes:
        flip: probability of mirroring left and right.
        shift: largest shift along each axis, as a fraction of the size.
        zoom: largest change of scale, as a fraction (0.1: 0.9 to 1.1).
        rotate: largest rotation, degrees.
        light: largest change of brightness and of contrast, as a fraction.
        colour: largest change of saturation, as a fraction.
        erase: probability of blanking a rectangle of 5 to 25 % of the area.
    """

    flip: float = 0.5
    shift: float = 0.0
    zoom: float = 0.0
    rotate: float = 0.0
    light: float = 0.0
    colour: float = 0.0
    erase: float = 0.0

    def __post_init__(self) -> None:
        """Checks bounds."""
        for name in ("flip", "shift", "zoom", "light", "colour", "erase"):
            value = getattr(self, name)
            require(0 <= value <= 1, f"augment.{name}", "0 to 1", value)
        require(0 <= self.rotate <= 180, "augment.rotate", "0 to 180 degrees", self.rotate)


@dataclass(frozen=True, kw_only=True)
class BackboneConfig:
    """The network from crop to embedding.

    Attributes:
        name: a row of models.backbones.BACKBONES.
        dim: embedding dimension.
        height, width: of the crops, pixels; they must be the records' own.
        batch_norm_group: samples that share BatchNorm statistics. Losses are the same on any number
            of ranks whose local batch is a multiple of it. 0: the rank's whole batch (the usual
            practice, and the fastest), with losses that depend on the number of ranks.
    """

    name: str = "iresnet50"
    dim: int = 512
    height: int = 112
    width: int = 112
    batch_norm_group: int = 32

    def __post_init__(self) -> None:
        """Checks bounds."""
        require(self.dim >= 2, "backbone.dim", "at least 2", self.dim)
        require(self.height >= 16, "backbone.height", "at least 16 pixels", self.height)
        require(self.width >= 16, "backbone.width", "at least 16 pixels", self.width)
        group = self.batch_norm_group
        require(group >= 0 and group != 1, "backbone.batch_norm_group", "0 or at least 2", group)


@dataclass(frozen=True, kw_only=True)
class HeadConfig:
    """The class weights and how they are trained.

    Attributes:
        optimiser: `sgd` with the backbone's momentum, or `adamw`.
        lr: factor on the learning rate.
        weight_decay: of the class weights.
        sample_rate: share of each rank's classes that take part in a step (Partial FC); 1 is all.
        projected: keep class weights at unit length instead of normalising them in the loss, as
            COCO's authors do.
        precision: of the matrix products; the softmax is float32 either way.
    """

    optimiser: Literal["sgd", "adamw"] = "sgd"
    lr: float = 1.0
    weight_decay: float = 5e-4
    sample_rate: float = 1.0
    projected: bool = False
    precision: Literal["bfloat16", "float32"] = "float32"

    def __post_init__(self) -> None:
        """Checks bounds."""
        require(self.lr > 0, "head.lr", "above 0", self.lr)
        require(self.weight_decay >= 0, "head.weight_decay", "at least 0", self.weight_decay)
        rate = self.sample_rate
        require(0 < rate <= 1, "head.sample_rate", "above 0 and at most 1", rate)


@dataclass(frozen=True, kw_only=True)
class LossConfig:
    """The training loss.

    Attributes:
        name: a row of models.losses.LOSSES.
        args: its own settings (scale, margin, t, alpha, ...); those not named keep its defaults.
        reduction: from the samples' losses to one: `mean`, `focal` (F-Softmax) or `hard_mining`
            (HM-Softmax); they combine with every loss.
        reduction_args: its settings: gamma of focal, keep of hard_mining.
        warmup_epochs: epochs over which margins and t rise from none to their value, and the scale
            from `scale_from`.
        scale_from: scale at the start of the warm-up; 0 keeps the scale as it is throughout.
    """

    name: str = "sv_am"
    args: dict[str, Any] = field(default_factory=dict)
    reduction: str = "mean"
    reduction_args: dict[str, Any] = field(default_factory=dict)
    warmup_epochs: float = 0.0
    scale_from: float = 0.0

    def __post_init__(self) -> None:
        """Checks bounds."""
        require(self.warmup_epochs >= 0, "loss.warmup_epochs", "at least 0", self.warmup_epochs)
        require(self.scale_from >= 0, "loss.scale_from", "at least 0", self.scale_from)


@dataclass(frozen=True, kw_only=True)
class OptimConfig:
    """SGD with momentum for the backbone, and the schedule of both backbone and head.

    Attributes:
        lr: peak learning rate for the whole batch.
        momentum: of both backbone and head.
        weight_decay: of weights with two or more axes; norms, slopes and biases have none.
        warmup_epochs: epochs of linear rise from 0 to `lr`.
        decay: `step` multiplies by `gamma` at each milestone; `poly` falls as
            (1 - progress)^`power` to 0 at the end.
        milestones: epochs at which `step` decays.
        gamma: factor at a milestone.
        power: exponent of `poly`.
        clip: largest norm of the backbone's gradient; 0 does not clip.
        accumulate: micro-batches of a step. Gradients are added up, so memory is that of one and
            the result that of the whole batch. Exceptions: what a loss or reduction takes over all
            samples at once (AdaFace's mean norm, CurricularFace's t, hard_mining's share) it takes
            over a micro-batch of all ranks, and drawn margins (noisy, elastic) are other draws.
        ema: keep a running mean of the backbone, average = ema average + (1 - ema) backbone a
            step, with less of the old in the first steps (train/average.py). Validation and export
            take it. 0 keeps none; 0.999 or 0.9999 are usual.
        non_finite: a loss or gradient that is no number: `stop` ends the run, `skip` leaves the
            step out and goes on, up to 20 in a row. Both write OUT/non_finite/step_N.json with
            ranks and records when the next values are logged.
    """

    lr: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    warmup_epochs: float = 1.0
    decay: Literal["step", "poly"] = "poly"
    milestones: list[float] = field(default_factory=list)
    gamma: float = 0.1
    power: float = 2.0
    clip: float = 5.0
    accumulate: int = 1
    ema: float = 0.0
    non_finite: Literal["stop", "skip"] = "stop"

    def __post_init__(self) -> None:
        """Checks bounds."""
        require(self.lr > 0, "optim.lr", "above 0", self.lr)
        require(0 <= self.momentum < 1, "optim.momentum", "0 to below 1", self.momentum)
        require(self.weight_decay >= 0, "optim.weight_decay", "at least 0", self.weight_decay)
        require(self.warmup_epochs >= 0, "optim.warmup_epochs", "at least 0", self.warmup_epochs)
        rising = sorted(self.milestones) == list(self.milestones)
        require(rising, "optim.milestones", "rising epochs", self.milestones)
        if self.decay == "step":
            require(len(self.milestones) > 0, "optim.milestones", "epochs for decay: step", [])
        require(self.gamma > 0, "optim.gamma", "above 0", self.gamma)
        require(self.power > 0, "optim.power", "above 0", self.power)
        require(self.clip >= 0, "optim.clip", "at least 0", self.clip)
        require(self.accumulate >= 1, "optim.accumulate", "at least 1", self.accumulate)
        require(0 <= self.ema < 1, "optim.ema", "0 to below 1", self.ema)


@dataclass(frozen=True, kw_only=True)
class ValidationConfig:
    """Verification while training; none without `pairs`.

    Attributes:
        images: folder of aligned crops, record prefix or verification .bin.
        pairs: pair list.
        protocol: a row of eval.protocols.PROTOCOLS.
        every_epochs: epochs between two verifications; the last step always has one.
        best: figure whose highest value so far makes a checkpoint, which is kept as the best:
            `accuracy`, or `tar_at_far_1e-2` where there are pairs enough.
    """

    images: str = ""
    pairs: str = ""
    protocol: str = "lfw"
    every_epochs: float = 1.0
    best: str = "accuracy"

    def __post_init__(self) -> None:
        """Checks bounds."""
        require(self.every_epochs > 0, "validation.every_epochs", "above 0", self.every_epochs)
        both = bool(self.images) == bool(self.pairs)
        require(both, "validation", "images and pairs together", (self.images, self.pairs))


@dataclass(frozen=True, kw_only=True)
class InitConfig:
    """Weights to start from (fine-tuning); empty for random ones. `--resume` passes them over.

    Attributes:
        backbone: run, exported folder, checkpoint, or arcface_torch's backbone.pth, model.pt or
            checkpoint_gpu_0.pt.
        head: run, checkpoint, or arcface_torch's rank_0_softmax_weight.pt or checkpoint_gpu_0.pt
            (with those of the other ranks beside it). Its classes become the first classes of
            data.records; people beyond them start from random weights.
    """

    backbone: str = ""
    head: str = ""


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """A training run.

    Attributes:
        out: the run's folder: log, checkpoints, exported backbone.
        seed: of initial weights, order and augmentation.
        epochs: passes over the data; may be a fraction.
        batch: images a step over all ranks and micro-batches; a multiple of both.
        precision: of the backbone. `auto` is bfloat16 where the hardware multiplies it natively.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        log_every: steps between two lines of the log.
        compile: torch.compile the backbone: see docs/performance.md for what it gains, and takes
            minutes to begin.
        checkpoint_epochs: epochs between two checkpoints; the last step always has one.
        keep_checkpoints: how many of the newest stay, beside that of the best validation.
    """

    out: str = "runs/default"
    seed: int = 0
    epochs: float = 20.0
    batch: int = 128
    precision: Literal["auto", "bfloat16", "float32"] = "auto"
    device: str = "auto"
    compile: bool = False
    log_every: int = 20
    checkpoint_epochs: float = 1.0
    keep_checkpoints: int = 2
    data: DataConfig = field(default_factory=DataConfig)
    init: InitConfig = field(default_factory=InitConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    backbone: BackboneConfig = field(default_factory=BackboneConfig)
    head: HeadConfig = field(default_factory=HeadConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    validation: ValidationConfig = field(default_factory=ValidationConfig)

    def __post_init__(self) -> None:
        """Checks bounds."""
        require(0 <= self.seed < 2**31, "seed", "0 to 2^31 - 1", self.seed)
        require(self.epochs > 0, "epochs", "above 0", self.epochs)
        require(self.batch >= 1, "batch", "at least 1", self.batch)
        require(self.log_every >= 1, "log_every", "at least 1", self.log_every)
        require(self.checkpoint_epochs > 0, "checkpoint_epochs", "above 0", self.checkpoint_epochs)
        require(self.keep_checkpoints >= 1, "keep_checkpoints", "at least 1", self.keep_checkpoints)
        require(len(self.data.records) > 0, "data.records", "at least one record prefix", [])
