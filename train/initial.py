"""Fine-tuning: a run's first weights from another run, or from files of arcface_torch.

Reads (docs/formats.md): our runs, exports and checkpoints; `backbone.pth` and `model.pt` (a state
dict of the backbone); `rank_R_softmax_weight.pt` (one tensor, the rank's classes);
`checkpoint_gpu_R.pt` (both, with the keys `state_dict_backbone` and `state_dict_softmax_fc`).
"""

import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from data_prep.files import read_json
from models.head.sharded_head import ShardedHead
from train.checkpoint import copy_named, fill, find_all, read_classes

_RANKED = re.compile(r"(rank_|checkpoint_gpu_)(\d+)(_softmax_weight\.pt|\.pt)")


def init_backbone(backbone: nn.Module, path: Path) -> None:
    """Fills a backbone's parameters and statistics.

    Args:
        backbone: filled in place.
        path: run, exported folder, checkpoint folder, or a .pth or .pt file of arcface_torch.

    Raises:
        ValueError: nothing of these, damaged, or another network.
        OSError: it cannot be read.
    """
    into = backbone.state_dict()
    if path.is_dir():
        folder = next((f for f in (path / "export", *_checkpoints(path)) if _holds(f)), None)
        if folder is None:
            raise ValueError(
                f"{path}: expected a run, an exported backbone or a checkpoint, found no "
                "backbone.safetensors in it; name one of these folders"
            )
        fill(folder / "backbone.safetensors", into)
        return
    stored = _load(path)
    if isinstance(stored, dict) and "state_dict_backbone" in stored:
        stored = stored["state_dict_backbone"]
    if not isinstance(stored, dict) or not all(isinstance(v, Tensor) for v in stored.values()):
        raise ValueError(f"{path}: expected a backbone's dictionary of tensors")
    copy_named({str(k).removeprefix("module."): v for k, v in stored.items()}, into, str(path))


def init_head(head: ShardedHead, path: Path) -> int:
    """Fills the first classes of a head; classes beyond those stored keep their initial weights.

    Args:
        head: this rank's part; filled in place.
        path: run, checkpoint folder, or any rank's file of arcface_torch: those of the other ranks
            are taken from beside it.

    Returns:
        How many classes were stored. Class i of them is class i of `head`.

    Raises:
        ValueError: nothing of these, damaged, or more classes than `head` has.
        OSError: it cannot be read.
    """
    weight_cD = head.weight_cD.detach()
    if path.is_dir():
        folder = next((f for f in _checkpoints(path) if (f / "meta.json").exists()), None)
        if folder is None or not list(folder.glob("head_*.safetensors")):
            raise ValueError(
                f"{path}: expected a run or a checkpoint, found no class "
                "weights in it; use an earlier checkpoint"
            )
        classes = int(read_json(folder / "meta.json")["num_classes"])
        _check_classes(classes, head, path)
        rows = weight_cD[: max(min(head.end, classes) - head.start, 0)]
        read_classes(folder, "weight", head.start, rows)
        return classes
    classes = 0
    for one in _all_ranks(path):
        part_cD = _class_weights(one)
        if part_cD.shape[1] != weight_cD.shape[1]:
            raise ValueError(
                f"{one}: classes have {part_cD.shape[1]} numbers, this run's embeddings have "
                f"{weight_cD.shape[1]}; set backbone.dim"
            )
        low, high = max(classes, head.start), min(classes + len(part_cD), head.end)
        if low < high:
            rows = part_cD[low - classes : high - classes]
            weight_cD[low - head.start : high - head.start] = rows.to(weight_cD)
        classes += len(part_cD)
    _check_classes(classes, head, path)
    return classes


def _checkpoints(path: Path) -> list[Path]:
    """Folders that may be a checkpoint, the first choice first."""
    return [path, *reversed(find_all(path / "checkpoints"))]


def _holds(folder: Path) -> bool:
    return (folder / "backbone.safetensors").exists()


def _check_classes(classes: int, head: ShardedHead, path: Path) -> None:
    if classes > head.num_classes:
        raise ValueError(
            f"{path}: has {classes} classes, data.records {head.num_classes}: they are other "
            "classes, leave init.head out to start them anew; or name the records it was trained "
            "on first, and new people's after them"
        )


def _all_ranks(path: Path) -> list[Path]:
    """The files of all ranks, in their order, from the name of one."""
    found = _RANKED.fullmatch(path.name)
    if found is None:
        raise ValueError(
            f"{path}: expected a run, a checkpoint, rank_R_softmax_weight.pt or checkpoint_gpu_R.pt"
        )
    before, _, after = found.groups()
    beside = {
        int(one.group(2)): path.with_name(one.group(0))
        for one in (_RANKED.fullmatch(other.name) for other in path.parent.iterdir())
        if one is not None and (one.group(1), one.group(3)) == (before, after)
    }
    for rank in range(len(beside)):
        if rank not in beside:
            raise ValueError(
                f"{path}: the file of rank {rank} is not beside it; copy all ranks' files"
            )
    return [beside[rank] for rank in sorted(beside)]


def _class_weights(path: Path) -> Tensor:
    """One rank's class weights [c, D] in a file of arcface_torch."""
    stored = _load(path)
    if isinstance(stored, dict):
        stored = stored.get("state_dict_softmax_fc", {}).get("weight")
    if not isinstance(stored, Tensor) or stored.ndim != 2:
        raise ValueError(f"{path}: expected class weights, one tensor [classes, D]; found none")
    return stored


def _load(path: Path) -> Any:
    """What a file of torch holds, which is read without running anything that is in it."""
    if not path.exists():
        raise FileNotFoundError(f"{path}: expected weights to start from, found nothing there")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # what it raises on a damaged file is not documented
        reason = str(error).splitlines()[0]
        raise ValueError(f"{path}: not a file of plain tensors ({reason})") from None
