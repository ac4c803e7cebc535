"""From a configuration to a run's data: records, order, loader, the network's input."""

from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor

from configs.schema import TrainConfig
from data_prep.augment import Augment
from data_prep.dataset import FaceDataset
from data_prep.files import sha256_file
from data_prep.records.manifest import with_suffix
from data_prep.transforms import Transform
from models import comm
from train.bad_records import BadRecords
from train.balanced import build_order as balanced_order
from train.loader import Loader
from train.sampler import Order, StepBatches
from train.step import Prepare


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
    device: torch.device,
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
        pin_memory=device.type == "cuda",
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
