"""Checkpoints: a folder a step, complete or absent, that any number of ranks reads.

    step_00001000/
      backbone.safetensors               parameters and buffers, by name
      backbone_momentum.safetensors      by the same names; of AdamW backbone_exp_avg and others
      backbone_average.safetensors       the running mean, where one is kept
      head_00000000-00005286.safetensors weights and optimiser's state of a range of classes
      meta.json                          step, samples, configuration, data, versions

Class ranges are named by class, so what 2 ranks wrote 3 ranks read: each takes its rows from
whichever files hold them. The rest of a run's state is a function of the step: order of samples,
augmentation, schedules, random numbers.
"""

import os
import re
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from data_prep.files import read_json
from models import comm
from train.state import TrainState

SCHEMA = 2

Files = dict[str, dict[str, torch.Tensor]]
"""Tensors by name, by the file that holds them."""


def snapshot(state: TrainState) -> Files:
    """Copies, in the host's memory, of what this rank writes; called by all ranks.

    Every rank has its classes; rank 0 the rest as well.
    """
    for network in (state.backbone, state.average):
        if network is not None:
            comm.average_buffers(network)
    head, files = state.head, {}
    if head.end > head.start:
        files[f"head_{head.start:08d}-{head.end:08d}.safetensors"] = _of_classes(state)
    if comm.rank() == 0:
        for name, tensors in _of_backbone(state).items():
            files[f"{name}.safetensors"] = tensors
    return {
        # Plain memory order too: safetensors takes no channels-last strides.
        file: {
            name: tensor.detach().to("cpu", copy=True).contiguous()
            for name, tensor in tensors.items()
        }
        for file, tensors in files.items()
    }


def facts(state: TrainState, batch: int) -> dict[str, Any]:
    """What `meta.json` says of the state itself; `batch` is images a step."""
    return {
        "schema": SCHEMA,
        "step": state.step,
        "samples": state.step * batch,
        "loss_memory": float(state.loss_memory),
        "best": state.best,
        "best_step": state.best_step,
        "num_classes": state.head.num_classes,
        "torch": torch.__version__,
    }


def write_files(folder: Path, files: Files) -> None:
    """Writes them into `folder`, down to the disk.

    Raises:
        OSError: the disk is full, or there is another fault.
    """
    for name, tensors in files.items():
        path = folder / name
        try:
            save_file(tensors, path)
        except SafetensorError as error:  # hides the system's error in its text
            number = re.search(r"os error (\d+)", str(error))
            if number is None:
                raise
            code = int(number.group(1))
            raise OSError(code, os.strerror(code), str(path)) from None
        with path.open("rb+") as file:
            os.fsync(file.fileno())


def commit(aside: Path, target: Path) -> None:
    """Makes a folder that is complete a checkpoint; one of the same step goes."""
    _remove(target)
    _sync_folder(aside)
    aside.replace(target)
    _sync_folder(target.parent)


def prune(folder: Path, *, keep: int) -> None:
    """Removes all but the `keep` newest checkpoints and the one of the best validation."""
    found = find_all(folder)
    kept = {*found[-keep:], find_best(folder)}
    for path in found:
        if path not in kept:
            _remove(path)


def clean(folder: Path) -> None:
    """Removes what a kill left half-written or half-removed."""
    for path in folder.glob(".step_*"):
        shutil.rmtree(path)


def find_all(folder: Path) -> list[Path]:
    """The complete checkpoints in `folder`, oldest first: by samples seen, then by step."""
    found = [path for path in folder.glob("step_*") if re.fullmatch(r"step_\d{8,}", path.name)]
    return sorted(found, key=lambda path: (read_json(path / "meta.json").get("samples", 0), path))


def find_best(folder: Path) -> Path | None:
    """The checkpoint of the best validation, as the newest one tells; None without."""
    found = find_all(folder)
    if not found:
        return None
    best = folder / f"step_{read_json(found[-1] / 'meta.json')['best_step']:08d}"
    return best if best in found else None


def load(checkpoint: Path, state: TrainState, *, batch: int) -> dict[str, Any]:
    """Fills `state` (on its devices) from a checkpoint of any number of ranks; returns its meta.

    Args:
        checkpoint: one of `find_all`.
        state: of the same network and classes.
        batch: images a step from now on. If it is another than before, the run goes on at the last
            step that is not past the samples seen, so that none is left out.

    Raises:
        ValueError: another network or number of classes, or a damaged file.
    """
    meta: dict[str, Any] = read_json(checkpoint / "meta.json")
    head = state.head
    if meta.get("schema") != SCHEMA:
        raise ValueError(
            f"{checkpoint / 'meta.json'}: expected schema {SCHEMA}, found {meta.get('schema')}; "
            "resume it with the version that wrote it, or start from it with init.backbone"
        )
    if meta.get("num_classes") != head.num_classes:
        raise ValueError(
            f"{checkpoint}: has {meta.get('num_classes')} classes, this run has "
            f"{head.num_classes}; resume with the data it was trained on, or start from it with "
            "init.backbone"
        )
    for name, tensors in _of_backbone(state).items():
        fill(checkpoint / f"{name}.safetensors", tensors)
    for name, rows in _of_classes(state).items():
        read_classes(checkpoint, name, head.start, rows)
    state.step, state.loss_memory = int(meta["samples"]) // batch, float(meta["loss_memory"])
    state.best, state.best_step = meta["best"], int(meta["best_step"])
    return meta


def _of_classes(state: TrainState) -> dict[str, torch.Tensor]:
    """All that belongs to this rank's classes: weights and the optimiser's state of them."""
    return {"weight": state.head.weight_cD.detach(), **state.head_optimiser.state}


def _of_backbone(state: TrainState) -> Files:
    """All that belongs to the backbone, by file."""
    files = {"backbone": state.backbone.state_dict()}
    files |= {f"backbone_{kind}": tensors for kind, tensors in state.moments.items()}
    if state.average is not None:
        files["backbone_average"] = state.average.state_dict()
    return files


def _remove(path: Path) -> None:
    """Removes a checkpoint that may be there; at no moment does half of it look whole."""
    if path.exists():
        gone = path.with_name(f".{path.name}.old")
        shutil.rmtree(gone, ignore_errors=True)
        path.replace(gone)
        shutil.rmtree(gone)


def _sync_folder(path: Path) -> None:
    """Has the names in a folder reach the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def fill(path: Path, into: dict[str, torch.Tensor]) -> None:
    """Copies a file's tensors over those of the same names; names and shapes must agree.

    Raises:
        ValueError: they do not, or the file is missing or damaged.
    """
    if not path.exists():
        raise ValueError(f"{path}: expected it, as this run's settings have it; found none")
    try:
        stored = load_file(path)
    except SafetensorError as error:
        raise ValueError(f"{path}: damaged ({error}); use an earlier checkpoint") from None
    copy_named(stored, into, str(path))


def copy_named(stored: dict[str, torch.Tensor], into: dict[str, torch.Tensor], where: str) -> None:
    """Copies tensors over those of the same names.

    Raises:
        ValueError: names or shapes differ; the first that does is named.
    """
    shapes = {k: tuple(v.shape) for k, v in stored.items()}
    wanted = {k: tuple(v.shape) for k, v in into.items()}
    for name in sorted(shapes.keys() | wanted.keys()):
        if shapes.get(name) != wanted.get(name):
            raise ValueError(
                f"{where}: tensor {name} has shape {shapes.get(name)}, this network's has "
                f"{wanted.get(name)}; set backbone.* to what it was trained with"
            )
    for name, tensor in into.items():
        tensor.copy_(stored[name])


def read_classes(checkpoint: Path, name: str, start: int, into: torch.Tensor) -> None:
    """Copies rows `start` onwards of a tensor of the whole head from the files that hold them.

    Raises:
        ValueError: a file is damaged, or a class is in none.
    """
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
        if rows.shape[1:] != into.shape[1:]:
            raise ValueError(
                f"{path}: {name} has {rows.shape[1]} columns, this run's has {into.shape[1]}; "
                "set backbone.dim to what it was trained with"
            )
        into[low - start : high - start] = rows.to(into.device)
        missing[low - start : high - start] = False
    if missing.any():
        raise ValueError(
            f"{checkpoint}: no file holds class {start + int(missing.nonzero()[0])}; "
            "copy all ranks' files, or use an earlier checkpoint"
        )
