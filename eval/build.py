"""From a path to an embedder: a run, an exported backbone, a released checkpoint or ONNX."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from data_prep.files import read_json, sha256_file
from data_prep.transforms import Transform
from eval.embedders import Embedder, OnnxEmbedder, Origin, TorchEmbedder
from eval.model_arguments import Precision
from models.backbones import BACKBONES
from models.lookup import lookup


def open_model(
    path: str | Path,
    *,
    backbone: str | None = None,
    mean: float | None = None,
    scale: float | None = None,
    device: torch.device,
    threads: int = 0,
    precision: Precision | None = None,
) -> tuple[Embedder, Origin]:
    """The embedder at `path` and where it comes from.

    Args:
        path: a run's folder, an exported folder (backbone.safetensors + meta.json), arcface_torch's
            `backbone.pth` or `model.pt`, or an .onnx file; one that `eval export` wrote states its
            transform in the .json beside it.
        backbone: its name, for a .pth or .pt, which does not say; None for all others.
        mean, scale: of the input, grey levels, for files that do not say; 127.5 by default.
        device: for torch models, and for ONNX where the installed onnxruntime can.
        threads: for onnxruntime; 0 leaves it to that.
        precision: of torch models, float32 by default.

    Raises:
        ValueError: none of these, damaged, or made with another transform.
        FileNotFoundError: nothing there.
    """
    path = Path(path)
    given = {"mean": mean, "scale": scale}
    low: Precision = precision or "float32"
    if backbone is not None and path.suffix not in (".pth", ".pt") and path.exists():
        raise ValueError(f"{path}: states its own network; leave --backbone out")
    if path.suffix == ".onnx" and path.is_file():
        if precision is not None:
            raise ValueError(f"{path}: has its own precision; leave --precision out")
        return _onnx(path, given, device, threads)
    if path.suffix in (".pth", ".pt") and path.is_file():
        net = _placed(_released(path, backbone), device)
        origin = Origin(path=str(path), sha256=sha256_file(path), kind=f"arcface_torch {backbone}")
        return TorchEmbedder(net, _transform(given), device, precision=low), origin
    for folder in (path / "export", path):
        if (folder / "meta.json").is_file() and (folder / "backbone.safetensors").is_file():
            _require_unset(folder, given)
            net, transform, origin = _exported(folder, path)
            return TorchEmbedder(_placed(net, device), transform, device, precision=low), origin
    expected = "a run, an exported backbone, a .pth or .pt checkpoint or an .onnx file"
    if path.exists():
        raise ValueError(f"{path}: expected {expected}; a run has export/ once it has finished")
    raise FileNotFoundError(f"{path}: expected {expected}, found nothing there")


def _transform(given: dict[str, float | None]) -> Transform:
    stated = {key: value for key, value in given.items() if value is not None}
    return replace(Transform(), **stated)  # type: ignore[arg-type]  # mean and scale only


def _require_unset(where: Path, given: dict[str, float | None]) -> None:
    if any(value is not None for value in given.values()):
        raise ValueError(f"{where}: states its own transform; leave --mean and --scale out")


def _onnx(
    path: Path, given: dict[str, float | None], device: torch.device, threads: int
) -> tuple[OnnxEmbedder, Origin]:
    """An ONNX file; one of ours is held against the note beside it."""
    sha256, note = sha256_file(path), path.with_suffix(".json")
    about = read_json(note) if note.is_file() else None
    if not isinstance(about, dict) or "onnx" not in about:  # another program's
        transform = _transform(given)
        embedder = OnnxEmbedder(path, transform.mean, transform.scale, threads, device)
        return embedder, Origin(path=str(path), sha256=sha256, kind="onnx")
    _require_unset(note, given)
    missing = {"onnx", "model", "transform"} - about.keys()
    if missing:
        raise ValueError(f"{note}: expected the keys {', '.join(sorted(missing))}; export again")
    _require_hash(path, sha256, about["onnx"]["sha256"])
    transform = Transform.from_dict(about["transform"], str(note))
    embedder = OnnxEmbedder(path, transform.mean, transform.scale, threads, device)
    if embedder.transform != transform:
        raise ValueError(
            f"{note}: says {transform.height}x{transform.width} (height x width), the network "
            f"takes {embedder.transform.height}x{embedder.transform.width}; export it again"
        )
    model = about["model"]
    kind = f"{model['kind']} as onnx"
    return embedder, Origin(path=str(path), sha256=sha256, kind=kind, step=model.get("step"))


def _require_hash(path: Path, found: str, stated: str) -> None:
    if found != stated:
        raise ValueError(
            f"{path}: expected SHA-256 {stated[:12]}..., found {found[:12]}...: it was changed or "
            "cut short; copy or export it again"
        )


def _exported(folder: Path, given: Path) -> tuple[nn.Module, Transform, Origin]:
    """A backbone that train exported; its weights are checked against their hash."""
    from safetensors.torch import load_file

    meta: dict[str, Any] = read_json(folder / "meta.json")
    weights = folder / "backbone.safetensors"
    missing = {"backbone", "dim", "transform", "sha256"} - meta.keys()
    if missing:
        raise ValueError(f"{folder / 'meta.json'}: expected the keys {', '.join(sorted(missing))}")
    sha256 = sha256_file(weights)
    _require_hash(weights, sha256, meta["sha256"])
    transform = Transform.from_dict(meta["transform"], str(folder / "meta.json"))
    make = lookup(BACKBONES, meta["backbone"], "backbone")
    net = make(dim=meta["dim"], height=transform.height, width=transform.width)
    _load(net, load_file(weights), weights)
    origin = Origin(path=str(given), sha256=sha256, kind=meta["backbone"], step=meta.get("step"))
    return net, transform, origin


def _released(path: Path, backbone: str | None) -> nn.Module:
    """A plain state dict as arcface_torch releases it, 512-d at 112x112."""
    if backbone is None:
        known = ", ".join(BACKBONES)
        raise ValueError(f"{path}: does not say its network; give --backbone (known: {known})")
    make = lookup(BACKBONES, backbone, "backbone")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # what it raises on a damaged file is not documented
        raise ValueError(f"{path}: not a checkpoint of plain tensors ({error})") from None
    if isinstance(state, dict) and "state_dict_backbone" in state:  # checkpoint_gpu_r.pt
        state = state["state_dict_backbone"]
    if not isinstance(state, dict) or not all(isinstance(v, torch.Tensor) for v in state.values()):
        raise ValueError(f"{path}: expected a dictionary of tensors")
    state = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    net = make()
    _load(net, state, path)
    return net


def _load(net: nn.Module, state: dict[str, torch.Tensor], path: Path) -> None:
    """Fills a network; one line names the first tensor that does not fit."""
    wanted = {name: tuple(t.shape) for name, t in net.state_dict().items()}
    given = {name: tuple(t.shape) for name, t in state.items()}
    for name in [*wanted, *given]:
        if wanted.get(name) != given.get(name):
            raise ValueError(
                f"{path}: tensor {name} is {given.get(name, 'absent')}, the network has "
                f"{wanted.get(name, 'no such')}; is it another backbone?"
            )
    net.load_state_dict(state)


def _placed(net: nn.Module, device: torch.device) -> nn.Module:
    net.requires_grad_(False)
    return net.eval().to(device).to(memory_format=torch.channels_last)
