"""The textbook model-parallel head, a yardstick: normalise, product, margin, softmax by autograd.

One rank's view of it: N samples, c classes, every intermediate of size N x c stored by autograd.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class DenseHead(nn.Module):
    """AM-Softmax over c classes the plain way."""

    def __init__(self, classes: int, dim: int, scale: float = 30.0, margin: float = 0.35) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(classes, dim).normal_(0, 0.01))
        self.scale, self.margin = scale, margin

    def forward(self, x_ND: Tensor, label_N: Tensor) -> Tensor:
        """The mean loss."""
        cos_Nc = F.linear(F.normalize(x_ND), F.normalize(self.weight))
        margin_Nc = torch.zeros_like(cos_Nc).scatter_(1, label_N[:, None], self.margin)
        return F.cross_entropy(self.scale * (cos_Nc - margin_Nc), label_N)
