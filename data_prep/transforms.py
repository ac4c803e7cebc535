"""From uint8 pixels to a network's input: one definition for training and for judging."""

import math
from dataclasses import asdict, dataclass
from typing import Any

TRANSFORM_VERSION = 1
"""Raised whenever the same settings would give other numbers. Stored with every model."""

_IN_CACHE = 8


@dataclass(frozen=True, kw_only=True)
class Transform:
    """How an aligned RGB crop becomes a network's input: `(pixel - mean) / scale`, channels first.

    Attributes:
        height: rows of the crop, pixels.
        width: columns of the crop, pixels.
        mean: subtracted from each channel, grey levels (0 to 255).
        scale: divides what is left, grey levels.
        version: TRANSFORM_VERSION of the code that wrote it.

    Raises:
        ValueError: a mean or scale that gives no finite input.
    """

    height: int = 112
    width: int = 112
    mean: float = 127.5
    scale: float = 127.5
    version: int = TRANSFORM_VERSION

    def __post_init__(self) -> None:
        if not (math.isfinite(self.mean) and math.isfinite(self.scale) and self.scale > 0):
            raise ValueError(
                f"mean {self.mean} and scale {self.scale} of the input: expected a finite mean and "
                "a finite scale above 0, in grey levels"
            )

    def normalise(self, pixels: Any) -> Any:
        """float32 input [N, 3, H, W] from RGB uint8 [N, H, W, 3]; tensors and arrays alike.

        Channels come first as a view, so a tensor is in channels-last memory order.
        """
        if hasattr(pixels, "permute"):
            return self._normalise_tensor(pixels)
        floats = pixels.transpose(0, 3, 1, 2).astype("float32")
        return (floats - self.mean) / self.scale

    def _normalise_tensor(self, pixels: Any) -> Any:
        import torch

        x = torch.empty(pixels.shape, dtype=torch.float32, device=pixels.device)
        # A few images at a time stay in a processor's cache from pass to pass.
        some = _IN_CACHE if x.device.type == "cpu" else max(len(x), 1)
        for part, source in zip(x.split(some), pixels.split(some)):
            part.copy_(source).sub_(self.mean).div_(self.scale)
        return x.permute(0, 3, 1, 2)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any], where: str) -> "Transform":
        """The inverse of `to_dict`.

        Args:
            data: what `to_dict` gave.
            where: the file it came from, for the message.

        Raises:
            ValueError: a field is missing or unknown, or another version of the code wrote it.
        """
        try:
            transform = cls(**data)
        except TypeError as error:
            raise ValueError(f"{where}: not a transform this version knows ({error})") from None
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None
        if transform.version != TRANSFORM_VERSION:
            raise ValueError(
                f"{where}: made with transform version {transform.version}, this code has "
                f"{TRANSFORM_VERSION}; export the model again with this version"
            )
        return transform
