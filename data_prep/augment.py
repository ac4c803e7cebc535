"""Random changes of training images, on whole batches and on any device.

What happens to an image depends only on (seed, step, its place in the global batch), so a run is
the same on any number of ranks.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Augment:
    """How much of each change; 0 switches it off. Units as in the field's names in `configs`.

    Attributes:
        flip: probability of mirroring left and right.
        shift: largest shift along each axis, fraction of the size.
        zoom: largest change of scale, fraction.
        rotate: largest rotation, degrees.
        light: largest change of brightness and of contrast, fraction.
        colour: largest change of saturation, fraction.
        erase: probability of blanking a rectangle of 5 to 25 % of the area.
    """

    flip: float = 0.5
    shift: float = 0.0
    zoom: float = 0.0
    rotate: float = 0.0
    light: float = 0.0
    colour: float = 0.0
    erase: float = 0.0

    def __call__(self, x: Tensor, *, seed: int, step: int, start: int, total: int) -> Tensor:
        """Changed copies of normalised images [n, 3, H, W], in about -1 .. 1.

        Args:
            x: this rank's images.
            seed: of the run.
            step: number of the batch.
            start: place of this rank's first image in the global batch.
            total: images in the global batch.
        """
        # The whole batch's numbers are drawn, and this rank's rows taken: 12 floats an image.
        rng = np.random.default_rng([seed, step])
        draws = rng.random((total, 12), dtype=np.float32)[start : start + len(x)]
        u = torch.from_numpy(draws).to(x.device)
        if self.shift or self.zoom or self.rotate:
            x = self._move(x, u)
        elif self.flip:
            x = torch.where(_per_image(u[:, 0] < self.flip), x.flip(3), x)
        if self.light:
            gain, offset = ((2 * u[:, k] - 1) * self.light for k in (5, 6))
            x = x * _per_image(1 + gain) + _per_image(offset)
        if self.colour:
            grey = x.mean(dim=1, keepdim=True)
            x = grey + (x - grey) * _per_image(1 + (2 * u[:, 7] - 1) * self.colour)
        if self.erase:
            x = x.masked_fill(self._rectangles(u, x.shape[2], x.shape[3]).unsqueeze(1), 0)
        return x

    def _move(self, x: Tensor, u: Tensor) -> Tensor:
        """Flip, rotation, zoom and shift as one bilinear resampling; outside is the mean grey."""
        angle = (2 * u[:, 1] - 1) * np.deg2rad(self.rotate)
        size = 1 + (2 * u[:, 2] - 1) * self.zoom
        mirror = torch.where(u[:, 0] < self.flip, -1.0, 1.0)
        cos, sin = angle.cos() / size, angle.sin() / size
        across, down = (2 * (2 * u[:, k] - 1) * self.shift for k in (3, 4))
        ratio = x.shape[2] / x.shape[3]
        rows = [cos * mirror, -sin * ratio, across, sin * mirror / ratio, cos, down]
        theta = torch.stack(rows, dim=1).view(-1, 2, 3)
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


def _per_image(values: Tensor) -> Tensor:
    return values.view(-1, 1, 1, 1)
