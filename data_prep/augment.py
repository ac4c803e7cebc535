"""Random changes of training images, on whole batches and on any device.

What happens to an image depends only on (seed, step, its place in the global batch), so a run is
the same on any number of ranks.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from data_prep import resample

_LUMA = (0.299, 0.587, 0.114)
"""Red, green and blue in a grey level, ITU-R BT.601."""


@dataclass(frozen=True, kw_only=True)
class Augment:
    """How much of each change; 0 switches it off. Units as in the field's names in `configs`.

    Attributes:
        flip: probability of mirroring left and right.
        shift: largest shift along each axis, fraction of the size.
        zoom: largest change of scale, fraction.
        rotate: largest rotation, degrees.
        crop: largest part of each side that is cut off; what is left is stretched to full size.
        light: largest change of brightness and of contrast, fraction.
        colour: largest change of saturation, fraction.
        grey: probability of a grey image.
        blur: probability of a Gaussian blur, standard deviation 0.1 to 2 pixels.
        low_resolution: probability of being shrunk to 20 to 100 % of its size and back.
        erase: probability of blanking a rectangle of 5 to 25 % of the area.
    """

    flip: float = 0.5
    shift: float = 0.0
    zoom: float = 0.0
    rotate: float = 0.0
    crop: float = 0.0
    light: float = 0.0
    colour: float = 0.0
    grey: float = 0.0
    blur: float = 0.0
    low_resolution: float = 0.0
    erase: float = 0.0

    def prepare(
        self,
        pixels: Tensor,
        normalise: Callable[[Tensor], Tensor],
        *,
        seed: int,
        step: int,
        start: int,
        total: int,
    ) -> Tensor:
        """Normalised and changed images [n, 3, H, W] from uint8 pixels [n, H, W, 3].

        Mirroring alone is done to the pixels themselves, a quarter of the bytes: they are changed.

        Args:
            pixels: this rank's images.
            normalise: pixels to normalised images.
            seed, step, start, total: as `__call__`.
        """
        if any(getattr(self, field.name) for field in fields(self) if field.name != "flip"):
            return self(normalise(pixels), seed=seed, step=step, start=start, total=total)
        if self.flip:
            u = _draws([seed, step], 12, start, len(pixels), total)
            _mirror_pixels(pixels, u[:, 0] < self.flip)
        return normalise(pixels)

    def __call__(self, x: Tensor, *, seed: int, step: int, start: int, total: int) -> Tensor:
        """Changed copies of normalised images [n, 3, H, W], in about -1 .. 1.

        Args:
            x: this rank's images.
            seed: of the run.
            step: number of the batch.
            start: place of this rank's first image in the global batch.
            total: images in the global batch.
        """
        host = _draws([seed, step], 12, start, len(x), total)
        more = _draws([seed, step, 0, 2], 8, start, len(x), total)
        u, v = _to(x.device, host), _to(x.device, more)
        if self.shift or self.zoom or self.rotate or self.crop:
            x = self._move(x, u, v)
        elif self.flip:
            x = torch.where(_per_image(u[:, 0] < self.flip), x.flip(3), x)
        if self.light:
            gain, offset = ((2 * u[:, k] - 1) * self.light for k in (5, 6))
            x = x * _per_image(1 + gain) + _per_image(offset)
        if self.colour:
            grey = x.mean(dim=1, keepdim=True)
            x = grey + (x - grey) * _per_image(1 + (2 * u[:, 7] - 1) * self.colour)
        if self.grey:
            luma = _to(x.device, torch.tensor(_LUMA)).view(3, 1, 1)
            grey = (x * luma).sum(dim=1, keepdim=True)
            x = torch.where(_per_image(v[:, 3] < self.grey), grey, x)
        if self.blur:
            x = _some(x, more[:, 4] < self.blur, 0.1 + 1.9 * v[:, 5], resample.blur)
        if self.low_resolution:
            shares, which = 0.2 + 0.8 * v[:, 7], more[:, 6] < self.low_resolution
            x = _some(x, which, shares, resample.shrink_and_back)
        if self.erase:
            x = x.masked_fill(self._rectangles(u, x.shape[2], x.shape[3]).unsqueeze(1), 0)
        return x

    def _move(self, x: Tensor, u: Tensor, v: Tensor) -> Tensor:
        """Flip, rotation, zoom, shift, crop as one bilinear resampling; outside is mean grey."""
        angle = (2 * u[:, 1] - 1) * np.deg2rad(self.rotate)
        size = 1 + (2 * u[:, 2] - 1) * self.zoom
        mirror = torch.where(u[:, 0] < self.flip, -1.0, 1.0)
        cos, sin = angle.cos() / size, angle.sin() / size
        across, down = (2 * (2 * u[:, k] - 1) * self.shift for k in (3, 4))
        ratio = x.shape[2] / x.shape[3]
        rows = [cos * mirror, -sin * ratio, across, sin * mirror / ratio, cos, down]
        theta = torch.stack(rows, dim=1).view(-1, 2, 3)
        left = (1 - self.crop * v[:, 0]).view(-1, 1)
        theta = theta * left.unsqueeze(2)
        theta[:, :, 2] += (2 * v[:, 1:3] - 1) * (1 - left)
        grid = F.affine_grid(theta, list(x.shape), align_corners=False)
        return F.grid_sample(x, grid, align_corners=False)

    def _rectangles(self, u: Tensor, height: int, width: int) -> Tensor:
        """Bool [n, H, W], true inside the erased rectangle of each image that has one."""
        area = 0.05 + 0.2 * u[:, 9]
        aspect = 0.5 * 4 ** ((u[:, 8] / max(self.erase, 1e-6)).clamp(max=1))  # u < erase is uniform
        tall, wide = (area * aspect).sqrt().clamp(max=1), (area / aspect).sqrt().clamp(max=1)
        top, left = u[:, 10] * (1 - tall), u[:, 11] * (1 - wide)
        y = torch.arange(height, device=u.device) / height
        x = torch.arange(width, device=u.device) / width
        in_y = (y >= top.unsqueeze(1)) & (y < (top + tall).unsqueeze(1))
        in_x = (x >= left.unsqueeze(1)) & (x < (left + wide).unsqueeze(1))
        inside = in_y.unsqueeze(2) & in_x.unsqueeze(1)
        return inside & (u[:, 8] < self.erase).view(-1, 1, 1)


def _draws(seed: list[int], count: int, start: int, own: int, total: int) -> Tensor:
    """Uniform numbers [own, count] in 0 .. 1, in the host's memory.

    The whole batch's are drawn, and this rank's rows taken.
    """
    draws = np.random.default_rng(seed).random((total, count), dtype=np.float32)
    return torch.from_numpy(draws[start : start + own])


def _to(device: torch.device, values: Tensor) -> Tensor:
    """Values of the host's on `device`, without waiting for it."""
    return values if device.type == "cpu" else values.pin_memory().to(device, non_blocking=True)


def _mirror_pixels(pixels: Tensor, which: Tensor) -> None:
    """Mirrors some of uint8 [n, H, W, 3] left and right, in place; `which` is on the host."""
    if pixels.device.type != "cpu":
        mirrored = torch.where(_per_image(_to(pixels.device, which)), pixels.flip(2), pixels)
        pixels.copy_(mirrored)
        return
    import cv2  # five times as fast as torch.where

    images = pixels.numpy()
    for row in which.nonzero().flatten().tolist():
        cv2.flip(images[row], 1, images[row])


def _some(
    x: Tensor, which: Tensor, amounts: Tensor, matrix: Callable[[Tensor, int], Tensor]
) -> Tensor:
    """The images with some of them resampled by another amount each; `which` is on the host."""
    rows = _to(x.device, which.nonzero().flatten())
    amounts, (height, width) = amounts[rows], x.shape[2:]
    changed = resample.apply(matrix(amounts, height), matrix(amounts, width), x[rows])
    return x.index_copy(0, rows, changed)


def _per_image(values: Tensor) -> Tensor:
    return values.view(-1, 1, 1, 1)
