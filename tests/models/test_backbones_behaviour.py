"""What every family of backbones must do; building blocks against independent computations."""

import inspect
from functools import cache

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from models.backbones import BACKBONES
from models.backbones.attention import AttentionModule
from models.backbones.ir import SqueezeExcite
from models.backbones.norm import BatchNorm2d, group_batch_norm
from models.backbones.vit import Attention
from models.lookup import lookup

FACES = ["iresnet18", "mobilefacenet", "ir_se_50", "attention56", "sphereface20", "vit_t"]
DIGITS = ["lenet_pp", "lenet_heated", "lsoftmax_mnist", "lsoftmax_cifar"]
SMALL = {"height": 40, "width": 32}


@cache
def built(name):
    torch.manual_seed(0)
    return BACKBONES[name](dim=8, **SMALL)


def images(count):
    return torch.randn(count, 3, 40, 32, generator=torch.Generator().manual_seed(1))


@pytest.fixture(params=[*FACES, *DIGITS])
def net(request):
    """A network of each family, the same object for all tests, its state put back afterwards."""
    module = built(request.param)
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    yield module
    module.load_state_dict(before)
    module.zero_grad(set_to_none=True)
    group_batch_norm(module, None)


@pytest.mark.parametrize("name", BACKBONES)
def test_every_row_takes_dim_height_and_width_and_says_its_dim(name):
    parameters = inspect.signature(BACKBONES[name]).parameters
    assert {"dim", "height", "width"} <= parameters.keys()
    with torch.device("meta"):
        assert BACKBONES[name](dim=7).dim == 7


@pytest.mark.parametrize("name", ["ir_se_50", "attention56", "sphereface20", "vit_t"])
@pytest.mark.parametrize("height, width", [(112, 112), (112, 96), (65, 50)])
def test_face_families_take_every_size(name, height, width):
    net = BACKBONES[name](dim=5, height=height, width=width).eval()
    with torch.no_grad():
        assert net(torch.zeros(1, 3, height, width)).shape == (1, 5)


@pytest.mark.parametrize("name", DIGITS)
@pytest.mark.parametrize("height, width", [(28, 28), (32, 32), (31, 17)])
def test_digit_nets_take_every_size(name, height, width):
    net = BACKBONES[name](height=height, width=width).eval()
    assert net(torch.zeros(1, 3, height, width)).shape == (1, net.dim)


def test_gradients_reach_every_trained_parameter(net):
    net.train()
    out = net(images(4))
    (out * torch.randn(out.shape, generator=torch.Generator().manual_seed(2))).sum().backward()
    frozen = {name for name, p in net.named_parameters() if not p.requires_grad}
    assert frozen <= {"features.weight", "mask_token"}  # arcface_torch's own exceptions
    for name, parameter in net.named_parameters():
        if name not in frozen:
            assert parameter.grad is not None and parameter.grad.isfinite().all(), name
            assert parameter.grad.any(), name


def test_an_embedding_does_not_depend_on_the_other_images_nor_on_the_call(net):
    net.eval()
    with torch.no_grad():
        together = net(images(4))
        assert torch.equal(net(images(4)), together)
        alone = torch.cat([net(image[None]) for image in images(4)])
    torch.testing.assert_close(alone, together, rtol=1e-4, atol=1e-5 * float(together.abs().max()))


def test_bfloat16_gives_finite_float32_embeddings_and_gradients(net):
    net.train()
    with torch.autocast("cpu", torch.bfloat16):
        out = net(images(4))
    assert out.dtype == torch.float32 and out.isfinite().all()
    out.square().sum().backward()
    assert all(p.grad.isfinite().all() for p in net.parameters() if p.grad is not None)


def test_groups_of_batch_norm_equal_separate_batches(net):
    net.train()
    norms = [part for part in net.modules() if isinstance(part, nn.modules.batchnorm._BatchNorm)]
    assert all(isinstance(part, BatchNorm2d) for part in norms)
    with torch.no_grad():
        group_batch_norm(net, 4)
        grouped = net(images(8))
        group_batch_norm(net, None)
        separate = torch.cat([net(part) for part in images(8).split(4)])
        whole = net(images(8))
    torch.testing.assert_close(grouped, separate, rtol=1e-3, atol=1e-3)
    assert bool(norms) == (not torch.allclose(grouped, whole, rtol=1e-3, atol=1e-3))


def test_attention_of_vit_is_multi_head_attention():
    ours, theirs = Attention(64), nn.MultiheadAttention(64, 8, batch_first=True)
    nn.init.normal_(ours.proj.bias)
    theirs.in_proj_weight.data = ours.qkv.weight.data
    theirs.in_proj_bias.data.zero_()
    theirs.out_proj.load_state_dict(ours.proj.state_dict())
    x = torch.randn(3, 10, 64)
    torch.testing.assert_close(ours(x), theirs(x, x, x)[0])


def test_squeeze_and_excitation_channel_by_channel():
    net, x = SqueezeExcite(32), torch.randn(2, 32, 5, 4)
    down, up = net.fc1.weight[:, :, 0, 0], net.fc2.weight[:, :, 0, 0]
    for image, out in zip(x, net(x)):
        weights = torch.sigmoid(up @ F.relu(down @ image.flatten(1).mean(dim=1)))
        for channel in range(32):
            torch.testing.assert_close(out[channel], image[channel] * weights[channel])


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_attention_module_weighs_its_trunk_with_one_plus_mask(depth):
    net, x = AttentionModule(32, depth).eval(), torch.randn(1, 32, 28, 28)
    nn.init.zeros_(net.mask[-2].weight)  # the mask is then sigmoid(0) everywhere
    expected = net.after(1.5 * net.trunk(net.before(x)))
    torch.testing.assert_close(net(x), expected)


def test_a_grey_image_in_three_channels_is_the_papers_one_channel_network():
    for name in DIGITS:
        three, one = BACKBONES[name]().eval(), BACKBONES[name](in_channels=1).eval()
        state = three.state_dict()
        state["layers.0.weight"] = state["layers.0.weight"].sum(dim=1, keepdim=True)
        one.load_state_dict(state)
        grey = torch.rand(2, 1, 32 if "cifar" in name else 28, 32 if "cifar" in name else 28)
        torch.testing.assert_close(three(grey.expand(-1, 3, -1, -1)), one(grey))


def test_unknown_names_are_still_answered_with_the_nearest():
    with pytest.raises(ValueError, match=r"unknown backbone 'ir_se50'; did you mean 'ir_se_50'\?"):
        lookup(BACKBONES, "ir_se50", "backbone")
