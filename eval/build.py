"""From a path to an embedder: a run, an exported backbone, a released checkpoint or ONNX."""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from data_prep.files import read_json, sha256_file
from data_prep.transforms import Transform
from eval.embedders import Embedder, OnnxEmbedder, Origin, TorchEmbedder
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
) -> tuple[Embedder, Origin]:
    """The embedder at `path` and where it comes from.

    Args:
        path: a run's folder, an exported folder (backbone.safetensors + meta.json), arcface_torch's
            `backbone.pth` or `model.pt`, or an .onnx file.
        backbone: its name, for a .pth or .pt, which does not say.
        mean, scale: of the input, grey levels, for files that do not say; 127.5 by default.
        device: for torch models.
        threads: for onnxruntime; 0 leaves it to that.

    Raises:
        ValueError: none of these, damaged, or made with another transform.
        FileNotFoundError: nothing there.
    """
    path = Path(path)
    centre, spread = (127.5 if value is None else value for value in (mean, scale))
    if path.suffix == ".onnx" and path.is_file():
        origin = Origin(path=str(path), sha256=sha256_file(path), kind="onnx")
        return OnnxEmbedder(path, centre, spread, threads), origin
    if path.suffix in (".pth", ".pt") and path.is_file():
        net = _released(path, backbone)
        origin = Origin(path=str(path), sha256=sha256_file(path), kind=f"arcface_torch {backbone}")
        return TorchEmbedder(
            _placed(net, device), Transform(mean=centre, scale=spread), device
        ), origin
    for folder in (path / "export", path):
        if (folder / "meta.json").is_file() and (folder / "backbone.safetensors").is_file():
            if mean is not None or scale is not None:
                raise ValueError(
                    f"{folder}: states its own transform; leave --mean and --scale out"
                )
            return _exported(folder, path, device)
    expected = "a run, an exported backbone, a .pth or .pt checkpoint or an .onnx file"
    if path.exists():
        raise ValueError(f"{path}: expected {expected}; a run has export/ once it has finished")
    raise FileNotFoundError(f"{path}: expected {expected}, found nothing there")


def _exported(folder: Path, given: Path, device: torch.device) -> tuple[Embedder, Origin]:
    """A backbone that train exported; its weights are checked against their hash."""
    from safetensors.torch import load_file

    meta: dict[str, Any] = read_json(folder / "meta.json")
    weights = folder / "backbone.safetensors"
    missing = {"backbone", "dim", "transform", "sha256"} - meta.keys()
    if missing:
        raise ValueError(f"{folder / 'meta.json'}: expected the keys {', '.join(sorted(missing))}")
    sha256 = sha256_file(weights)
    if sha256 != meta["sha256"]:
        raise ValueError(
            f"{weights}: expected SHA-256 {meta['sha256'][:12]}..., found {sha256[:12]}...: it "
            "was changed or cut short; copy or export it again"
        )
    transform = Transform.from_dict(meta["transform"], str(folder / "meta.json"))
    make = lookup(BACKBONES, meta["backbone"], "backbone")
    net = make(dim=meta["dim"], height=transform.height, width=transform.width)
    _load(net, load_file(weights), weights)
    origin = Origin(path=str(given), sha256=sha256, kind=meta["backbone"], step=meta.get("step"))
    return TorchEmbedder(_placed(net, device), transform, device), origin


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
