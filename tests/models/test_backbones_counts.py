"""Parameters, operations and names of every backbone: counted, derived, and as documented."""

import inspect
import re
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from models.backbones import BACKBONES

DOCUMENT = Path(__file__).parents[2] / "docs" / "backbones.md"
WIDTHS = (64, 128, 256, 512)


def on_paper(name, **arguments):
    """The network without memory for its weights."""
    with torch.device("meta"):
        return BACKBONES[name](**arguments)


def parameters(name, **arguments):
    return sum(p.numel() for p in on_paper(name, **arguments).parameters())


def operations(name):
    """Floating-point operations of one image at the default size; a multiply-add counts two."""
    sizes = inspect.signature(BACKBONES[name]).parameters
    # attention as plain products: the counter does not know the fused kernel of CPUs
    with FakeTensorMode(), sdpa_kernel(SDPBackend.MATH), torch.no_grad():
        net = BACKBONES[name]().eval()
        with FlopCounterMode(display=False) as counter:
            net(torch.zeros(1, 3, sizes["height"].default, sizes["width"].default))
    return counter.get_total_flops()


def ir(blocks, excite):
    total, before = 27 * 64 + 2 * 64 + 64, 64
    for width, count in zip(WIDTHS, blocks):
        for v in [before] + [width] * (count - 1):
            total += 2 * v + 9 * v * width + width + 9 * width * width + 2 * width
            total += v * width + 2 * width if v < width else 0
            total += 2 * width * width // 16 if excite else 0
        before = width
    return total + 2 * 512 + 512 * (512 * 7 * 7) + 512 + 2 * 512


def sphereface(units, rows, columns):
    total, before = 0, 3
    for width, count in zip(WIDTHS, units):
        total += 9 * before * width + width + width + count * 2 * (9 * width * width + width)
        before = width
    return total + 512 * (512 * rows * columns) + 512


def vit(w, depth, patches=144):
    attention, mlp = w * 3 * w + w * w + w, w * 4 * w + 4 * w + 4 * w * w + w
    ends = 3 * 81 * w + w + patches * w + w + 2 * w
    return ends + depth * (attention + mlp + 4 * w) + patches * w * w + 2 * w + 512 * w + 2 * 512


def unit(v, w):
    inner = w // 4
    total = 2 * v + v * inner + 2 * inner + 9 * inner * inner + 2 * inner + inner * w
    return total + (v * w if v != w else 0)


def attention_trunk(modules):
    total, before = 147 * 64 + 2 * 64, 64
    for stage, count in enumerate(modules):
        w = 256 * 2**stage
        # before, after and 2 of the trunk; the mask has 2 units and 2 more for each inner level,
        # of which the innermost level's are a skip and a way up
        units = 4 + 2 * (3 - stage) + (2 - stage)
        total += unit(before, w) + count * (units * unit(w, w) + 2 * (2 * w + w * w))
        before = w
    return total + unit(1024, 2048) + 2 * unit(2048, 2048) + 2 * 2048


def plain(*widths, kernel):
    """Convolutions with biases and PReLUs."""
    return sum(kernel**2 * v * w + 2 * w for v, w in pairwise(widths))


def normalised(*widths):
    """3x3 convolutions with BatchNorm."""
    return sum(9 * v * w + 2 * w for v, w in pairwise(widths))


def lsoftmax(count, channels):
    widths = [channels, 64] + [64] * count + [128] * count + [256] * count
    return normalised(*widths) + 256 * 4 * 4 * 512 + 2 * 512


@pytest.mark.parametrize(
    "name, derived, stated",
    [
        ("ir_50", ir((3, 4, 14, 3), False), 43_574_976),
        ("ir_100", ir((3, 13, 30, 3), False), 65_129_792),
        ("ir_152", ir((3, 8, 36, 3), False), 70_737_600),
        ("ir_se_50", ir((3, 4, 14, 3), True), 43_797_696),
        ("ir_se_100", ir((3, 13, 30, 3), True), 65_502_016),
        ("ir_se_152", ir((3, 8, 36, 3), True), 71_148_736),
        # the authors' prototxts, without the biases whose learning rate is 0
        ("sphereface20", sphereface((1, 2, 4, 1), 7, 6), 22_670_656 - 3_712),
        ("sphereface64", sphereface((3, 7, 16, 3), 7, 6), 47_905_088 - 13_440),
        # arcface_torch's own counts
        ("vit_t", vit(256, 12), 19_137_792),
        ("vit_s", vit(512, 12), 76_023_296),
        ("vit_b", vit(512, 24), 113_833_472),
        # the authors' prototxts without their classifiers, and ours
        ("attention56", attention_trunk((1, 1, 1)) + 2048 * 512 + 1024, 29_761_728 + 1_049_600),
        ("attention92", attention_trunk((1, 2, 3)) + 2048 * 512 + 1024, 50_417_344 + 1_049_600),
        ("lsoftmax_mnist", lsoftmax(3, 3), 4_056_512),
        ("lsoftmax_cifar", lsoftmax(4, 3), 4_831_552),
        ("lenet_pp", plain(3, 32, 32, 64, 64, 128, 128, kernel=5) + 1152 * 3 + 3, 800_355),
        (
            "lenet_heated",
            plain(3, 32, 64, kernel=5) - 96 + 3136 * 500 + 500 + 500 * 2 + 2,  # ReLUs, no PReLUs
            1_623_198,
        ),
    ],
)
def test_parameters_are_those_of_the_layer_table(name, derived, stated):
    assert parameters(name) == derived == stated


@pytest.mark.parametrize(
    "name, stated",
    [("lenet_pp", 798_755), ("lenet_heated", 1_621_598), ("lsoftmax_mnist", 4_055_360)],
)
def test_parameters_of_the_papers_one_channel_networks(name, stated):
    assert parameters(name, in_channels=1) == stated


def test_names_are_those_of_released_ir_se_weights():
    keys = {k: tuple(v.shape) for k, v in on_paper("ir_se_50").state_dict().items()}
    assert len(keys) == 397
    layers = {
        "input_layer.0.weight": (64, 3, 3, 3),
        "input_layer.1.running_var": (64,),
        "input_layer.2.weight": (64,),
        "body.0.res_layer.0.weight": (64,),
        "body.0.res_layer.1.weight": (64, 64, 3, 3),
        "body.0.res_layer.2.weight": (64,),
        "body.0.res_layer.3.weight": (64, 64, 3, 3),
        "body.0.res_layer.4.running_mean": (64,),
        "body.0.res_layer.5.fc1.weight": (4, 64, 1, 1),
        "body.0.res_layer.5.fc2.weight": (64, 4, 1, 1),
        "body.3.shortcut_layer.0.weight": (128, 64, 1, 1),
        "body.3.shortcut_layer.1.bias": (128,),
        "body.23.res_layer.5.fc2.weight": (512, 32, 1, 1),
        "output_layer.0.weight": (512,),
        "output_layer.3.weight": (512, 25088),
        "output_layer.3.bias": (512,),
        "output_layer.4.running_var": (512,),
    }
    assert layers.items() <= keys.items()
    assert not any(k.startswith("body.0.shortcut_layer") for k in keys)


def test_names_are_those_of_released_vits():
    keys = {k: tuple(v.shape) for k, v in on_paper("vit_t").state_dict().items()}
    assert len(keys) == 150
    layers = {
        "pos_embed": (1, 144, 256),
        "mask_token": (1, 1, 256),
        "patch_embed.proj.weight": (256, 3, 9, 9),
        "patch_embed.proj.bias": (256,),
        "blocks.11.norm1.weight": (256,),
        "blocks.11.attn.qkv.weight": (768, 256),
        "blocks.11.attn.proj.bias": (256,),
        "blocks.11.norm2.bias": (256,),
        "blocks.11.mlp.fc1.weight": (1024, 256),
        "blocks.11.mlp.fc2.bias": (256,),
        "norm.weight": (256,),
        "feature.0.weight": (256, 36864),
        "feature.1.running_mean": (256,),
        "feature.2.weight": (512, 256),
        "feature.3.running_var": (512,),
    }
    assert layers.items() <= keys.items()
    assert "blocks.0.attn.qkv.bias" not in keys and "feature.0.bias" not in keys


def documented():
    """{name: (parameters, GFLOPs)} as docs/backbones.md has them."""
    rows = re.findall(
        r"^\| `(\w+)` \|[^|]*\|[^|]*\| ([\d,]+) \| ([\d.]+) \|", DOCUMENT.read_text(), re.MULTILINE
    )
    return {name: (int(count.replace(",", "")), flops) for name, count, flops in rows}


def test_the_document_lists_every_backbone():
    assert list(documented()) == list(BACKBONES)


@pytest.mark.parametrize("name", BACKBONES)
def test_the_document_states_parameters_and_operations(name):
    count, flops = documented()[name]
    assert count == parameters(name)
    assert flops == f"{operations(name) / 1e9:.{len(flops.partition('.')[2])}f}"
