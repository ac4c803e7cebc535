"""Blur and loss of resolution, another for each image of a batch, as products of matrices.

Both treat rows and columns apart and alike: image = R image C^T, with a matrix [H, H] for what
happens along the height and one [W, W] for the width. So a batch in which every image is changed
by another amount takes two products, on any device.
"""

import torch
from torch import Tensor

RADIUS = 6
"""Pixels to each side that a blur reaches; at its largest deviation, 2, this is 3 of them."""


def apply(rows: Tensor, columns: Tensor, x: Tensor) -> Tensor:
    """Images [n, C, H, W] after what `rows` [n, H, H] and `columns` [n, W, W] say."""
    return rows.unsqueeze(1) @ x @ columns.mT.unsqueeze(1)


def blur(sigma: Tensor, size: int) -> Tensor:
    """Gaussian blur along an axis of `size` pixels, [n, size, size]; reflected at the ends.

    Args:
        sigma: standard deviations, pixels, [n].
        size: more than `RADIUS`.
    """
    offsets = torch.arange(-RADIUS, RADIUS + 1, device=sigma.device)
    weights = torch.exp(-0.5 * (offsets / sigma.unsqueeze(1)) ** 2)
    weights = weights / weights.sum(dim=1, keepdim=True)
    source = (torch.arange(size, device=sigma.device).unsqueeze(1) + offsets).abs()
    source = size - 1 - (size - 1 - source).abs()
    shape = len(sigma), size, len(offsets)
    matrix = torch.zeros(len(sigma), size, size, device=sigma.device)
    return matrix.scatter_add_(2, source.expand(shape), weights.unsqueeze(1).expand(shape))


def shrink_and_back(share: Tensor, size: int) -> Tensor:
    """Bilinear, with antialiasing, to a share of `size` pixels and back: [n, size, size].

    Args:
        share: of the pixels that are left, above 0 to 1, [n].
        size: of the axis.
    """
    small = (share * size).round().clamp(min=1)
    full = torch.full_like(small, size)
    return _resize(small, full, size) @ _resize(full, small, size)


def _resize(before: Tensor, after: Tensor, room: int) -> Tensor:
    """Triangle filter from `before` [n] to `after` [n] pixels, with zeros to [n, room, room]."""
    place = torch.arange(room, device=before.device) + 0.5
    scale = (before / after).view(-1, 1, 1)
    distance = (place - place.unsqueeze(1) * scale).abs()
    weights = (1 - distance / scale.clamp(min=1)).clamp(min=0)
    weights = weights * (place < before.view(-1, 1, 1))
    weights = weights / weights.sum(dim=2, keepdim=True).clamp(min=1e-6)
    return weights * (place.unsqueeze(1) < after.view(-1, 1, 1))
