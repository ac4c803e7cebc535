"""The page of a run that is about to start, on whichever rank."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from data_prep.transforms import Transform
from models import comm
from train.page.keeper import PageKeeper
from train.page.samples import write_samples
from train.plan import Plan
from train.step import Prepare


def start_page(
    folder: Path,
    loader: Any,
    prepare: Prepare,
    transform: Transform,
    *,
    plan: Plan,
    about: dict[str, Any],
    step: int,
    device: torch.device,
) -> PageKeeper:
    """Saves what the network is fed first; returns what keeps the page fresh.

    Args:
        folder: the run's.
        loader: with `dataset` and `batch_sampler`.
        prepare: pixels to the network's input.
        transform: within `prepare`.
        plan: of the run.
        about: with `command` and `data`.
        step: that the run starts from.
        device: that it runs on.
    """
    active = comm.rank() == 0
    if active:
        with suppress(OSError):  # a page is no reason to stop a run
            write_samples(folder, loader, prepare, transform, step)
    facts = {"total": plan.total, "batch": plan.batch}
    facts |= {name: about[name] for name in ("command", "data")}
    session = {"step": step, "ranks": comm.world_size(), "device": str(device)}
    return PageKeeper(folder, facts, session, active=active)
