"""Vision transformers of arcface_torch: ViT-T, -S and -B of 9x9 patches, with its parameter names.

    patch_embed  9x9 conv, stride 9, to P = (H // 9) (W // 9) tokens (144 of a 112x112 crop, whose
                 last 4 rows and columns are not seen) -> + pos_embed; no class token
    blocks.i     x + attn(norm1(x)), 8 heads, no bias for q, k, v;
                 x + mlp(norm2(x)), linear to 4w -> ReLU6 -> linear
    norm         LayerNorm, then all tokens flattened
    feature      linear P w to w -> BN -> linear to dim -> BN, no biases; BN with eps 2e-5

    vit_t  w 256, 12 blocks    vit_s  w 512, 12 blocks    vit_b  w 512, 24 blocks

Block and attention are those of arXiv 2010.11929. arcface_torch's training also drops tokens and
paths at random; random draws in a backbone would make losses depend on the number of ranks, so
there are none here (its configurations named mask_0 drop no tokens either). Its `mask_token`, which
only dropped tokens use, is kept untrained so that released weights load.

Parameters at P = 144 and dim D: w (243 + 1) + P w + w (the mask token); a block 12 w^2 + 10 w;
2w; P w^2 + 2w + w D + 2D. At D = 512: 19,137,792, 76,023,296 and 113,833,472.
"""

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.backbones.norm import BatchNorm1d
from models.backbones.precision import in_float32

PATCH, HEADS = 9, 8


class PatchEmbed(nn.Module):
    """Patches to tokens."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, channels, PATCH, PATCH)

    def forward(self, x: Tensor) -> Tensor:
        """[n, 3, H, W] to [n, P, channels], row by row."""
        return self.proj(x).flatten(2).transpose(1, 2)


class Attention(nn.Module):
    """Multi-head self-attention."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.qkv = nn.Linear(channels, 3 * channels, bias=False)
        self.proj = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """[n, P, channels] to the same."""
        q, k, v = self.qkv(x).unflatten(2, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        return self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class Mlp(nn.Module):
    """Each token alone, through 4 times its channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, 4 * channels)
        self.fc2 = nn.Linear(4 * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """[n, P, channels] to the same."""
        return self.fc2(F.relu6(self.fc1(x)))


class Block(nn.Module):
    """Attention, then the tokens' own layers, each beside a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(channels)
        self.attn = Attention(channels)
        self.norm2 = nn.LayerNorm(channels)
        self.mlp = Mlp(channels)

    def forward(self, x: Tensor) -> Tensor:
        """[n, P, channels] to the same."""
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class VisionTransformer(nn.Module):
    """Blocks over patches; input [n, 3, H, W], output [n, dim].

    Args:
        channels: of a token, w above.
        depth: number of blocks.
        dim: embedding dimension.
        height, width: of the input, pixels; at least one patch.
    """

    def __init__(
        self, channels: int, depth: int, dim: int = 512, height: int = 112, width: int = 112
    ) -> None:
        super().__init__()
        self.dim = dim
        patches = (height // PATCH) * (width // PATCH)
        self.pos_embed = nn.Parameter(torch.zeros(1, patches, channels))
        self.mask_token = nn.Parameter(torch.zeros(1, 1, channels), requires_grad=False)
        self.patch_embed = PatchEmbed(channels)
        self.blocks = nn.Sequential(*(Block(channels) for _ in range(depth)))
        self.norm = nn.LayerNorm(channels)
        self.feature = nn.Sequential(
            nn.Linear(patches * channels, channels, bias=False),
            BatchNorm1d(channels, eps=2e-5),
            nn.Linear(channels, dim, bias=False),
            BatchNorm1d(dim, eps=2e-5),
        )
        nn.init.normal_(self.pos_embed, 0, 0.02)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, 0, 0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Embeddings, not normalised; the last layers in float32 even under autocast."""
        x = self.norm(self.blocks(self.patch_embed(x) + self.pos_embed))
        return in_float32(self.feature, x.flatten(1))


vit_t = partial(VisionTransformer, 256, 12)
vit_s = partial(VisionTransformer, 512, 12)
vit_b = partial(VisionTransformer, 512, 24)
