"""IR and IR-SE: the other spelling of ArcFace's residual network, with squeeze-and-excitation.

    input_layer   3x3 conv, 64 -> BN -> PReLU
    body.i        res_layer: BN -> 3x3 conv -> PReLU -> 3x3 conv (stride here) -> BN [-> SE]
                  shortcut_layer: x itself (every second pixel at stride 2) where the channels stay,
                  1x1 conv -> BN where they grow
    output_layer  BN -> flatten (channels, rows, columns) -> linear -> BN

Unlike IResNet (iresnet.py) there is no BatchNorm between the block's first convolution and its
PReLU, and the shortcut of the first stage has no weights. Parameter names are those of
InsightFace_Pytorch and face.evoLVe (`model_irse.py`), so that `model_ir_se50.pth` and the like
load; index 1 of output_layer is their dropout, which is left out: it has no parameters, and random
draws in a backbone would make losses depend on the number of ranks.
SE (arXiv 1709.01507): x * sigmoid(fc2(relu(fc1(mean over pixels)))), fc1 to a 16th of the channels,
without biases.

Parameters at 112x112 and dim 512, for blocks (b1, b2, b3, b4) of w = 64, 128, 256, 512 channels:
stem 1,920; a block of w channels after v: 9vw + 9w^2 + 2v + 3w, and vw + 2w more where v < w;
output 1,024 + 512 (512 * 7 * 7) + 512 + 1,024; SE adds w^2 / 8 a block.
"""

from functools import partial

import torch
from torch import Tensor, nn

from models.backbones.norm import BatchNorm1d, BatchNorm2d
from models.backbones.on_cpu import PReLU
from models.backbones.precision import in_float32

CHANNELS = (64, 128, 256, 512)


class SqueezeExcite(nn.Module):
    """Weighs channels by what they hold on average; arXiv 1709.01507, reduction 16."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels // 16, 1, bias=False)
        self.fc2 = nn.Conv2d(channels // 16, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """[n, channels, H, W] to the same."""
        squeezed = torch.relu(self.fc1(x.mean(dim=(2, 3), keepdim=True)))
        return x * torch.sigmoid(self.fc2(squeezed))


class Block(nn.Module):
    """One residual block, `before` to `after` channels."""

    def __init__(self, before: int, after: int, stride: int, excite: bool) -> None:
        super().__init__()
        self.shortcut_layer: nn.Module
        if before == after:
            self.shortcut_layer = nn.MaxPool2d(1, stride) if stride > 1 else nn.Identity()
        else:
            self.shortcut_layer = nn.Sequential(
                nn.Conv2d(before, after, 1, stride, bias=False), BatchNorm2d(after)
            )
        self.res_layer = nn.Sequential(
            BatchNorm2d(before),
            nn.Conv2d(before, after, 3, padding=1, bias=False),
            PReLU(after),
            nn.Conv2d(after, after, 3, stride, padding=1, bias=False),
            BatchNorm2d(after),
        )
        if excite:
            self.res_layer.append(SqueezeExcite(after))

    def forward(self, x: Tensor) -> Tensor:
        """[n, before, H, W] to [n, after, H / stride, W / stride]."""
        out: Tensor = self.res_layer(x) + self.shortcut_layer(x)
        return out


class IR(nn.Module):
    """Four stages of `Block`, halving the size in each; input [n, 3, H, W], output [n, dim].

    Args:
        blocks: number of blocks in each stage.
        dim: embedding dimension.
        height, width: of the input, pixels.
        excite: with squeeze-and-excitation (IR-SE).
    """

    def __init__(
        self,
        blocks: tuple[int, ...],
        dim: int = 512,
        height: int = 112,
        width: int = 112,
        excite: bool = False,
    ) -> None:
        super().__init__()
        self.dim = dim
        before = CHANNELS[0]
        self.input_layer = nn.Sequential(
            nn.Conv2d(3, before, 3, padding=1, bias=False), BatchNorm2d(before), PReLU(before)
        )
        body: list[nn.Module] = []
        for after, count in zip(CHANNELS, blocks):
            body += [Block(before, after, 2, excite)]
            body += [Block(after, after, 1, excite) for _ in range(count - 1)]
            before = after
        rows, columns = (-(-size // 2 ** len(blocks)) for size in (height, width))
        self.output_layer = nn.Sequential(
            BatchNorm2d(before),
            nn.Identity(),
            nn.Flatten(),
            nn.Linear(before * rows * columns, dim),
            BatchNorm1d(dim),
        )
        self.body = nn.Sequential(*body)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.xavier_uniform_(module.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Embeddings, not normalised; the last layers in float32 even under autocast."""
        return in_float32(self.output_layer, self.body(self.input_layer(x)))


ir_50 = partial(IR, (3, 4, 14, 3))
ir_100 = partial(IR, (3, 13, 30, 3))
ir_152 = partial(IR, (3, 8, 36, 3))
ir_se_50 = partial(ir_50, excite=True)
ir_se_100 = partial(ir_100, excite=True)
ir_se_152 = partial(ir_152, excite=True)
