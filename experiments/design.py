"""What an experiment is: one network and training recipe, some losses, paired seeds.

A *point* is one setting that the search tries: the learning rate, and what it names of the loss's
own settings. Every loss that is searched has as many points, on the same split, for as many epochs.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from configs.schema import LossConfig

Point = dict[str, Any]

CLIP = 5.0
"""Largest norm of the backbone's gradient in any run."""

SEARCH_SEED = 1000
"""Of all runs of a search: none of the seeds that are reported."""


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One loss of an experiment.

    Attributes:
        name: of its row and its files.
        loss: a row of models.losses.LOSSES.
        args: its settings that are not searched.
        reduction: a row of models.losses.reduction.REDUCTIONS.
        points: what the search tries; empty where `like` is given.
        like: an arm whose learning rate found this one takes, without a search of its own.
        warmup: share of the run over which margins and t rise.
        seeds: how many, where not the experiment's number.
    """

    name: str
    loss: str
    args: dict[str, Any] = field(default_factory=dict)
    reduction: str = "mean"
    points: tuple[Point, ...] = ()
    like: str = ""
    warmup: float = 0.0
    seeds: int | None = None

    def loss_config(self, point: Point, epochs: float) -> LossConfig:
        """The loss at a point, in a run of so many epochs."""
        searched = {key: value for key, value in point.items() if key != "lr"}
        return LossConfig(
            name=self.loss,
            args={**self.args, **searched},
            reduction=self.reduction,
            warmup_epochs=self.warmup * epochs,
        )


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """Everything that its runs share.

    Attributes:
        name: of its folder and its result file.
        task: a row of experiments.tasks.TASKS: data, and how a network is judged.
        net: a row of experiments.nets.NETS or models.backbones.BACKBONES.
        dim: embedding dimension.
        epochs: of a reported run.
        search_epochs: of a run of the search.
        batch: images a step.
        milestones: shares of the run at which the learning rate falls to a tenth.
        warmup: share of the run over which the learning rate rises.
        optimiser: sgd (momentum 0.9) or adamw, of the backbone and of the class weights.
        weight_decay: of the same.
        batch_norm_group: samples that share BatchNorm statistics; 0 for the whole batch.
        augment: of training images: settings of data_prep.augment.Augment; those not named are 0.
        seeds: reported runs of each arm: 0, 1, ...
        keep_embeddings: test embeddings that a result of seed 0 holds, for pictures.
        arms: the losses; the first one is what the others are compared with.
    """

    name: str
    task: str
    net: str
    dim: int
    epochs: float
    search_epochs: float
    batch: int = 128
    milestones: tuple[float, ...] = (0.5, 0.75)
    warmup: float = 0.1
    optimiser: Literal["sgd", "adamw"] = "sgd"
    weight_decay: float = 5e-4
    batch_norm_group: int = 0
    augment: dict[str, float] = field(default_factory=dict)
    seeds: int = 5
    keep_embeddings: int = 0
    arms: tuple[Arm, ...] = ()

    def __post_init__(self) -> None:
        """Refuses a design that is not fair, or names an arm that is not there."""
        names = [arm.name for arm in self.arms]
        if len(set(names)) < len(names):
            raise ValueError(f"{self.name}: expected different names of arms, got {names}")
        budgets = {len(arm.points) for arm in self.arms if not arm.like}
        if len(budgets) > 1:
            raise ValueError(
                f"{self.name}: expected as many points for every loss searched, got {budgets}"
            )
        for arm in self.arms:
            if bool(arm.points) == bool(arm.like) or (arm.like and arm.like not in names):
                raise ValueError(
                    f"{self.name}, {arm.name}: expected points, or `like` naming another arm"
                )

    def arm(self, name: str) -> Arm:
        """The arm of that name.

        Raises:
            ValueError: there is none.
        """
        for arm in self.arms:
            if arm.name == name:
                return arm
        known = ", ".join(arm.name for arm in self.arms)
        raise ValueError(f"{self.name}: expected one of {known}, got {name!r}")

    def seeds_of(self, arm: Arm) -> int:
        """Reported runs of an arm."""
        return self.seeds if arm.seeds is None else arm.seeds
