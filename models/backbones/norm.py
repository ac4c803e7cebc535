"""BatchNorm whose statistics do not depend on how a batch is spread over processes."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class BatchNorm2d(nn.BatchNorm2d):
    """`nn.BatchNorm2d` over groups of consecutive samples ("ghost batches", arXiv 1705.08741).

    With a group that divides every rank's batch, the outputs for a given global batch are the same
    on 1 or N processes and for any accumulation, without communication. Running statistics move by
    the mean over groups, so their mean over ranks is that of the whole batch as well.

    Attributes:
        group: samples that share statistics in training; None for the whole local batch.
    """

    group: int | None = None

    def forward(self, x: Tensor) -> Tensor:
        """[n, C, H, W] to the same; n must be a multiple of `group` in training."""
        if not self.training or self.group is None or self.group == x.shape[0]:
            return super().forward(x)
        if x.shape[0] % self.group:
            raise ValueError(
                f"expected a local batch that is a multiple of the BatchNorm group {self.group}, "
                f"got {x.shape[0]}"
            )
        assert self.running_mean is not None and self.running_var is not None
        assert self.momentum is not None
        parts = x.split(self.group)
        means = self.running_mean.new_zeros(len(parts), self.num_features)
        variances = torch.zeros_like(means)
        out = [  # momentum 1 leaves each group's own statistics in its row
            F.batch_norm(part, mean, variance, self.weight, self.bias, True, 1.0, self.eps)
            for part, mean, variance in zip(parts, means, variances)
        ]
        self.running_mean.lerp_(means.mean(dim=0), self.momentum)
        self.running_var.lerp_(variances.mean(dim=0), self.momentum)
        return torch.cat(out)


class BatchNorm1d(BatchNorm2d):
    """The same for embeddings [n, D]."""

    def forward(self, x: Tensor) -> Tensor:
        """[n, D] to [n, D]."""
        return super().forward(x[:, :, None, None])[:, :, 0, 0]


def group_batch_norm(module: nn.Module, group: int | None) -> None:
    """Sets the group of every BatchNorm in `module`; None for the whole local batch."""
    for part in module.modules():
        if isinstance(part, BatchNorm2d):
            part.group = group
