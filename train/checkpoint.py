"""Checkpoints: a folder a step, complete or absent, that any number of ranks reads.

    step_00001000/
      backbone.safetensors               parameters and buffers, by name
      backbone_momentum.safetensors      by the same names
      head_00000000-00005286.safetensors weights and momentum of a range of classes
      meta.json                          step, configuration, data, versions

Class ranges are named by class, so what 2 ranks wrote 3 ranks read: each takes its rows from
whichever files hold them.
"""

import re
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from data_prep.files import read_json, write_json
from models import comm
from train.state import TrainState

SCHEMA = 1


def save(folder: Path, state: TrainState, meta: dict[str, Any], *, keep: int) -> Path:
    """Writes `folder`/step_N from all ranks; then removes all but the newest `keep`.

    Every rank writes its head; rank 0 the rest, and the rename that makes it a checkpoint.
    """
    target = folder / f"step_{state.step:08d}"
    aside = folder / f".{target.name}.tmp"
    comm.average_buffers(state.backbone)
    if comm.rank() == 0:
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
    comm.barrier()
    head = state.head
    if head.end > head.start:
        save_file(_of_classes(state), aside / f"head_{head.start:08d}-{head.end:08d}.safetensors")
    if comm.rank() == 0:
        named = dict(state.backbone.named_parameters())
        momentum = {k: state.momentum(p) for k, p in named.items() if p.requires_grad}
        save_file(_dense(state.backbone.state_dict()), aside / "backbone.safetensors")
        save_file(_dense(momentum), aside / "backbone_momentum.safetensors")
        about = {"schema": SCHEMA, "step": state.step, "loss_memory": state.loss_memory}
        about["num_classes"] = head.num_classes
        write_json(aside / "meta.json", {**about, "torch": torch.__version__, **meta})
    comm.barrier()
    if comm.rank() == 0:
        shutil.rmtree(target, ignore_errors=True)
        aside.replace(target)
        for old in find_all(folder)[:-keep]:
            shutil.rmtree(old)
    comm.barrier()
    return target


def find_all(folder: Path) -> list[Path]:
    """The complete checkpoints in `folder`, oldest first."""
    return sorted(p for p in folder.glob("step_*") if re.fullmatch(r"step_\d{8}", p.name))


def load(checkpoint: Path, state: TrainState) -> dict[str, Any]:
    """Fills `state` (on its devices) from a checkpoint of any number of ranks; returns its meta.

    Raises:
        ValueError: another network or number of classes, or a damaged file.
    """
    meta = read_json(checkpoint / "meta.json")
    head = state.head
    if meta.get("num_classes") != head.num_classes:
        raise ValueError(
            f"{checkpoint}: has {meta.get('num_classes')} classes, this run has "
            f"{head.num_classes}; resume with the data it was trained on"
        )
    _fill(checkpoint / "backbone.safetensors", state.backbone.state_dict())
    named = dict(state.backbone.named_parameters())
    momentum = {k: state.momentum(p) for k, p in named.items() if p.requires_grad}
    _fill(checkpoint / "backbone_momentum.safetensors", momentum)
    for name, rows in _of_classes(state).items():
        _read_classes(checkpoint, name, head.start, rows)
    state.step, state.loss_memory = int(meta["step"]), float(meta["loss_memory"])
    return meta


def _of_classes(state: TrainState) -> dict[str, torch.Tensor]:
    """All that belongs to this rank's classes: weights and the optimiser's state of them."""
    return {"weight": state.head.weight_cD.detach(), **state.head_optimiser.state}


def _dense(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Copies in plain memory order: safetensors takes no channels-last strides."""
    return {name: tensor.detach().contiguous() for name, tensor in tensors.items()}


def _fill(path: Path, into: dict[str, torch.Tensor]) -> None:
    """Copies a file's tensors over those of the same names; names and shapes must agree."""
    try:
        stored = load_file(path)
    except SafetensorError as error:
        raise ValueError(f"{path}: damaged ({error}); use an earlier checkpoint") from None
    shapes = {k: tuple(v.shape) for k, v in stored.items()}
    wanted = {k: tuple(v.shape) for k, v in into.items()}
    for name in sorted(shapes.keys() | wanted.keys()):
        if shapes.get(name) != wanted.get(name):
            raise ValueError(
                f"{path}: tensor {name} has shape {shapes.get(name)}, this network's has "
                f"{wanted.get(name)}; resume with the configuration it was trained with"
            )
    for name, tensor in into.items():
        tensor.copy_(stored[name])


def _read_classes(checkpoint: Path, name: str, start: int, into: torch.Tensor) -> None:
    """Copies rows `start` onwards of the whole head from the files that hold them."""
    missing = torch.ones(into.shape[0], dtype=torch.bool)
    end = start + into.shape[0]
    for path in sorted(checkpoint.glob("head_*.safetensors")):
        first, last = (int(n) for n in re.findall(r"\d{8,}", path.name))
        low, high = max(first, start), min(last, end)
        if low >= high:
            continue
        try:
            with safe_open(path, framework="pt") as file:
                if name not in file.keys():  # noqa: SIM118  # not a dictionary
                    raise ValueError(
                        f"{path}: has no {name}; resume with the head.optimiser it was made with"
                    )
                rows = file.get_slice(name)[low - first : high - first]
        except SafetensorError as error:
            raise ValueError(f"{path}: damaged ({error}); use an earlier checkpoint") from None
        into[low - start : high - start] = rows.to(into.device)
        missing[low - start : high - start] = False
    if missing.any():
        raise ValueError(f"{checkpoint}: no file holds class {start + int(missing.nonzero()[0])}")
