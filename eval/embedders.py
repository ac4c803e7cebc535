"""From aligned crops to embeddings, whatever the model is made of.

n: images of a batch. D: embedding dimension.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from data_prep.transforms import Transform
from eval.model_arguments import Precision


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a model comes from, for the record: path, SHA-256 of its weights, kind, step."""

    path: str
    sha256: str
    kind: str
    step: int | None = None


class Embedder(ABC):
    """A model with the transform its input needs.

    Attributes:
        transform: pixels to input.
        dim: D.
        batch: images a call that suit the model.
        precision: what it computes in; None where the file decides.
    """

    transform: Transform
    dim: int
    batch: int
    precision: Precision | None

    @abstractmethod
    def start(self, pixels: np.ndarray) -> Callable[[], np.ndarray]:
        """`forward` in two parts: a device may still be at it until what is returned is called."""

    def forward(self, pixels: np.ndarray) -> np.ndarray:
        """Embeddings, float32 [n, D], not normalised, of RGB uint8 [n, H, W, 3]."""
        return self.start(pixels)()


class TorchEmbedder(Embedder):
    """A backbone of this project, in eval mode while it embeds."""

    def __init__(
        self,
        backbone: nn.Module,
        transform: Transform,
        device: torch.device,
        batch: int = 64,
        precision: Precision = "float32",
    ) -> None:
        """Keeps the backbone where it is; `device` is where its input goes."""
        self.backbone, self.transform, self.device, self.batch = backbone, transform, device, batch
        self.precision = precision
        self.dim: int = backbone.dim  # type: ignore[assignment]

    @torch.inference_mode()
    def start(self, pixels: np.ndarray) -> Callable[[], np.ndarray]:
        """Embeddings of a batch, once called."""
        x = self.transform.normalise(torch.from_numpy(pixels).to(self.device, non_blocking=True))
        was_training = self.backbone.training
        self.backbone.eval()
        low = self.precision == "bfloat16"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=low):
            emb_nD = self.backbone(x).float()
        self.backbone.train(was_training)
        return lambda: emb_nD.cpu().numpy()


def onnx_providers(device: torch.device | None, there: list[str]) -> list[Any]:
    """What onnxruntime is to compute with: this GPU, in float32, and a CPU for what it cannot."""
    cuda, cpu = "CUDAExecutionProvider", "CPUExecutionProvider"
    if device is None or device.type != "cuda" or cuda not in there:
        return [cpu]
    return [(cuda, {"device_id": device.index, "use_tf32": 0}), cpu]


class OnnxEmbedder(Embedder):
    """An ONNX file through onnxruntime; one image input [n, 3, H, W], one embedding output."""

    def __init__(
        self,
        path: Path,
        mean: float,
        scale: float,
        threads: int = 0,
        device: torch.device | None = None,
    ) -> None:
        """Opens the model.

        Args:
            path: the .onnx file.
            mean, scale: of its input, grey levels.
            threads: of a call; 0 leaves it to onnxruntime.
            device: where to compute, if the onnxruntime that is installed can; None is the CPU.

        Raises:
            ValueError: not a model onnxruntime reads, or not of that form.
        """
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        try:
            self.session = onnxruntime.InferenceSession(
                str(path),
                options,
                providers=onnx_providers(device, onnxruntime.get_available_providers()),
            )
        except Exception as error:  # its own classes are not public
            raise ValueError(f"{path}: onnxruntime cannot load it ({error})") from None
        inputs, outputs = self.session.get_inputs(), self.session.get_outputs()
        shape = list(inputs[0].shape)
        sized = len(shape) == 4 and all(isinstance(side, int) for side in shape[2:])
        if len(inputs) != 1 or not sized or shape[1] != 3:
            raise ValueError(
                f"{path}: expected one input [n, 3, H, W], found "
                f"{[(i.name, i.shape) for i in inputs]}"
            )
        out = list(outputs[0].shape)
        if len(out) != 2 or not isinstance(out[1], int):
            raise ValueError(
                f"{path}: expected an output [n, D], found {out}; export the embedding "
                "as the only output"
            )
        self.transform = Transform(
            height=int(shape[2]), width=int(shape[3]), mean=mean, scale=scale
        )
        self.name, self.dim, self.precision = inputs[0].name, out[1], None
        self.fixed = shape[0] if isinstance(shape[0], int) else None
        self.batch = self.fixed or 64

    def start(self, pixels: np.ndarray) -> Callable[[], np.ndarray]:
        """Embeddings of a batch; where the file fixes the number of images, in parts of that."""
        x = np.ascontiguousarray(self.transform.normalise(pixels))
        size = self.fixed or max(len(x), 1)
        short = -len(x) % size
        x = np.pad(x, ((0, short), (0, 0), (0, 0), (0, 0))) if short else x
        parts = [
            self.session.run(None, {self.name: x[low : low + size]})[0]
            for low in range(0, len(x), size)
        ]
        emb_nD = np.concatenate(parts)[: len(pixels)].astype(np.float32, copy=False)
        return lambda: emb_nD


def describe(embedder: Embedder, origin: Origin) -> dict[str, Any]:
    """What `X.json` says of the model."""
    about: dict[str, Any] = {"path": origin.path, "sha256": origin.sha256, "kind": origin.kind}
    if origin.step is not None:
        about["step"] = origin.step
    return {
        "model": about,
        "transform": embedder.transform.to_dict(),
        "precision": embedder.precision,
        "dim": embedder.dim,
    }
