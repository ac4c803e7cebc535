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
        weights: share of the samples of each of these sets, in any unit: [3, 1] draws three images
            of the first for one of the second, rounded to whole images (or people) of a batch.
            Empty: all images of all sets make one order.
        sampler: `shuffled`, all images once an epoch; `class_balanced`, every person as often;
            `identity_balanced`, batches of P different people with K images each. An epoch has as
            many samples as there are images in any case.
        identity_images: K of `identity_balanced`; P is batch / K.
        classes: people in the set that a preset is made for: what `--dry-run` goes by, before there
            are records. Training counts its records and says where they differ; 0 says nothing.
        images: images of that set, likewise.
        workers: threads of each rank that decode ahead; 0 decodes between the steps.
        bad_records: a record that cannot be read is an `error`, or `skip`: the next one of the data
            takes its place, and it is named in OUT/bad_records.jsonl and counted in the log.
        bad_limit: different bad records that a run bears with `skip`; one more ends it.
    """

    records: list[str] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    sampler: Literal["shuffled", "class_balanced", "identity_balanced"] = "shuffled"
    identity_images: int = 4
    classes: int = 0
    images: int = 0
    workers: int = 0
    bad_records: Literal["error", "skip"] = "error"
    bad_limit: int = 100

    def __post_init__(self) -> None:
        """Checks bounds."""
        require(self.workers >= 0, "data.workers", "at least 0", self.workers)
        require(self.bad_limit >= 0, "data.bad_limit", "at least 0", self.bad_limit)
        require(
            self.identity_images >= 1, "data.identity_images", "at least 1", self.identity_images
        )
        require(all(w > 0 for w in self.weights), "data.weights", "all above 0", self.weights)
        both = not self.weights or len(self.weights) == len(self.records)
        require(both, "data.weights", f"one for each of {len(self.records)} records", self.weights)
        require(self.classes >= 0, "data.classes", "at least 0", self.classes)
        require(self.images >= 0, "data.images", "at least 0", self.images)


@dataclass(frozen=True, kw_only=True)
class AugmentConfig:
    """Random changes of a training image; 0 switches each off.

    Attributes:
        flip: probability of mirroring left and right.
        shift: largest shift along each axis, as a fraction of the size.
        zoom: largest change of scale, as a fraction (0.1: 0.9 to 1.1).
        rotate: largest rotation, degrees.
        crop: largest part of each side that is cut off; what is left is stretched to full size.
        light: largest change of brightness and of contrast, as a fraction.
        colour: largest change of saturation, as a fraction.
        grey: probability of a grey image.
        blur: probability of a Gaussian blur, standard deviation 0.1 to 2 pixels.
        low_resolution: probability of being shrunk to 20 to 100 % of its size and back.
        erase: probability of blanking a rectangle of 5 to 25 % of the area.
    """

    flip: float = 0.5
    shift: float = 0.0
    zoom: float = 0.0
    rotate: float = 0.0
    crop: float = 0.0
    light: float = 0.0
    colour: float = 0.0
    grey: float = 0.0
    blur: float = 0.0
    low_resolution: float = 0.0
    erase: float = 0.0

    def __post_init__(self) -> None:
        """Checks bounds."""
        for name, value in vars(self).items():
            if name not in ("rotate", "crop"):
                require(0 <= value <= 1, f"augment.{name}", "0 to 1", value)
        require(0 <= self.crop < 1, "augment.crop", "0 to below 1", self.crop)
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
        sample_rate: share of all classes that take part in a step (Partial FC); 1 is all.
        projected: keep class weights at unit length instead of normalising them in the loss, as
            COCO's authors do.
        precision: of the matrix products; the softmax is float32 either way.
        compile: torch.compile the elementwise work, where there is a C++ compiler and while the
            loss stands still (margins and scale at their value): `auto` where the run is long
            enough to win back the seconds that it takes.
    """

    optimiser: Literal["sgd", "adamw"] = "sgd"
    lr: float = 1.0
    weight_decay: float = 5e-4
    sample_rate: float = 1.0
    projected: bool = False
    precision: Literal["bfloat16", "float32"] = "float32"
    compile: Literal["auto", "always", "never"] = "auto"

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
    """The backbone's optimiser, and the schedule of both backbone and head.

    Attributes:
        name: of the backbone's: `sgd` with momentum, or `adamw`; the head's is `head.optimiser`.
        lr: peak learning rate for the whole batch.
        momentum: of both backbone and head where they have SGD; beta_1 of the backbone's AdamW.
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

    name: Literal["sgd", "adamw"] = "sgd"
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
    """Verification while training, over all ranks; none without `images`.

    Several sets: `images`, `pairs` and `protocol` as lists, the first of each is one set, and so
    on; a single entry goes with all. Their figures are called lfw/accuracy and so on, `accuracy` is
    then the mean over them.

    Attributes:
        images: folder of aligned crops, record prefix or verification .bin; or a list of them.
        pairs: pair list of the protocol; or a list. Verification .bin have theirs within: leave it
            out where all images are such files, or name them again.
        protocol: a row of eval.protocols.PROTOCOLS; or a list.
        every_epochs: epochs between two verifications; the last step always has one.
        best: figure whose highest value so far makes a checkpoint, which is kept as the best:
            `accuracy`, or `tar_at_far_1e-2` where there are pairs enough; of one of several sets
            lfw/accuracy and the like.
    """

    images: str | list[str] = ""
    pairs: str | list[str] = ""
    protocol: str | list[str] = "lfw"
    every_epochs: float = 1.0
    best: str = "accuracy"

    def __post_init__(self) -> None:
        """Checks bounds."""
        require(self.every_epochs > 0, "validation.every_epochs", "above 0", self.every_epochs)
        images, pairs, protocols = map(_entries, (self.images, self.pairs, self.protocol))
        within = bool(images) and all(one.endswith(".bin") for one in images)
        together = bool(images) == bool(pairs) or (within and not pairs)
        require(together, "validation", "images and pairs together", (self.images, self.pairs))
        counts = sorted({len(entries) for entries in (images, pairs, protocols)} - {0, 1})
        require(len(counts) < 2, "validation", "lists of one length", counts)

    @property
    def sets(self) -> list[tuple[str, str, str]]:
        """Images, pairs and protocol of each set."""
        images, protocols = _entries(self.images), _entries(self.protocol)
        pairs = _entries(self.pairs) or images
        count = max(len(images), len(pairs), len(protocols)) if images else 0
        wide = (x * count if len(x) == 1 else x for x in (images, pairs, protocols))
        return list(zip(*wide))


def _entries(words: str | list[str]) -> list[str]:
    """A list, or the one word as one."""
    return [word for word in ([words] if isinstance(words, str) else words) if word]


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
        wandb: project of Weights & Biases that the log's values go to as well, where its package is
            installed; empty for none. It knows by itself who you are.
        compile: torch.compile the backbone: see docs/performance.md for what it gains, and takes
            minutes to begin.
        checkpoint_epochs: epochs that a kill at any moment may cost at most. Checkpoints are
            written while training goes on, so one begins every half of it; the last step always
            has one.
        keep_checkpoints: how many of the newest stay, beside that of the best validation.
        timeout_minutes: how long a rank waits for the others before it gives up, so that torchrun
            --max-restarts starts all of them again: of a host that is cut off nothing is heard.
            Above the longest that rank 0 alone may take, which is the export at the end.
    """

    out: str = "runs/default"
    seed: int = 0
    epochs: float = 20.0
    batch: int = 128
    precision: Literal["auto", "bfloat16", "float32"] = "auto"
    device: str = "auto"
    compile: bool = False
    log_every: int = 20
    wandb: str = ""
    checkpoint_epochs: float = 1.0
    keep_checkpoints: int = 2
    timeout_minutes: float = 30.0
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
        require(self.timeout_minutes > 0, "timeout_minutes", "above 0", self.timeout_minutes)
