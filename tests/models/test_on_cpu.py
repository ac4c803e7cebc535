"""The layers that are not torch's own on CPUs, against torch's; what is freed stays."""

import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from models.backbones import on_cpu
from models.backbones.on_cpu import Conv2d, PReLU, widened


def draw(*shape, dtype=torch.float64, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def gradients(function, x, *weights):
    """Of a sum with weights of its own for each output."""
    leaves = [tensor.detach().clone().requires_grad_() for tensor in (x, *weights)]
    out = function(*leaves)
    return out, *torch.autograd.grad(out, leaves, draw(*out.shape, seed=9).to(out.dtype))


@pytest.mark.parametrize("part", [1, 5_000, 2**19])
@pytest.mark.parametrize("shape", [(7, 6, 5, 4), (3, 6), (5, 6, 8), (1, 6, 3, 3)])
@pytest.mark.parametrize("layout", ["channels first", "channels last", "strided"])
def test_prelu_is_torchs(monkeypatch, part, shape, layout):
    monkeypatch.setattr(on_cpu, "_PART", part)
    x = draw(*shape)
    x.view(-1)[::5] = 0  # where the slope is that of the negative side
    if layout == "channels last" and len(shape) == 4:
        x = x.to(memory_format=torch.channels_last)
    if layout == "strided":
        x = draw(*shape, 2)[..., 0]
    layer = PReLU(6).double()
    slope_C = draw(6)
    with torch.no_grad():
        layer.weight.copy_(slope_C)
    ours = gradients(lambda x, w: torch.func.functional_call(layer, {"weight": w}, x), x, slope_C)
    torchs = gradients(F.prelu, x, slope_C)
    for own, other in zip(ours, torchs, strict=True):
        torch.testing.assert_close(own, other, rtol=1e-13, atol=1e-13)


def test_prelus_gradient_is_taken_by_our_code(monkeypatch):
    monkeypatch.setattr(on_cpu, "_PART", None)
    out = PReLU(6)(draw(2, 6, dtype=torch.float32))
    with pytest.raises(TypeError):
        out.sum().backward()


def test_prelus_slope_has_a_gradient_of_float32_in_bfloat16():
    """Sums of thousands of numbers of 8 bits: against float64, closer than torch's own."""
    x, slope_C = draw(32, 16, 20, 20).bfloat16(), torch.full((16,), 0.25)
    exact = gradients(F.prelu, x.double(), slope_C.double())[2]
    layer = PReLU(16)
    ours = gradients(lambda x, w: torch.func.functional_call(layer, {"weight": w}, x), x, slope_C)
    torchs = gradients(lambda x, w: F.prelu(x, w.bfloat16()), x, slope_C)
    assert ours[0].dtype == ours[1].dtype == torch.bfloat16
    assert ours[2].dtype == torch.float32
    assert torch.equal(ours[0], torchs[0])
    torch.testing.assert_close(ours[1], torchs[1])
    assert (ours[2] - exact).abs().max() <= (torchs[2] - exact).abs().max()


def test_prelu_with_one_slope_for_all_is_torchs():
    layer, x = PReLU(), draw(2, 3, 4, dtype=torch.float32)
    assert torch.equal(layer(x), F.prelu(x, layer.weight))


@pytest.mark.parametrize("inside, each, groups, by", [(1, 1, 16, 4), (2, 2, 8, 8), (3, 5, 6, 2)])
@pytest.mark.parametrize("stride", [1, 2])
def test_widened_groups_are_the_same_convolution(inside, each, groups, by, stride):
    x, weight = draw(2, inside * groups, 7, 6), draw(each * groups, inside, 3, 3, seed=1)

    def wide(x, weight):
        joined = widened(weight, groups, by)
        return F.conv2d(x, joined, stride=stride, padding=1, groups=groups // by)

    def narrow(x, weight):
        return F.conv2d(x, weight, stride=stride, padding=1, groups=groups)

    for own, other in zip(gradients(wide, x, weight), gradients(narrow, x, weight), strict=True):
        torch.testing.assert_close(own, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("channels, groups", [(64, 64), (64, 32), (24, 24), (64, 4)])
def test_a_grouped_convolution_in_bfloat16_is_torchs(channels, groups):
    """Where groups can be joined (64 of 1, 32 of 2) and where not (24 of 1, 4 of 16)."""
    ours = Conv2d(channels, channels, 3, padding=1, groups=groups)
    torchs = nn.Conv2d(channels, channels, 3, padding=1, groups=groups)
    torchs.load_state_dict(ours.state_dict())
    found = []
    for layer in (ours, torchs):
        with torch.autocast("cpu", torch.bfloat16):
            out = layer(draw(4, channels, 9, 8, dtype=torch.float32))
        out.float().square().sum().backward()
        found.append((out, layer.weight.grad, layer.bias.grad))
    for own, other in zip(*found, strict=True):
        torch.testing.assert_close(own, other, rtol=0.02, atol=0.02 * other.abs().max().item())


def test_without_gradients_and_compiled_the_layers_are_torchs(monkeypatch):
    monkeypatch.setattr(on_cpu, "_PART", None)
    monkeypatch.setattr(on_cpu, "widened", None)
    net = nn.Sequential(Conv2d(32, 32, 3, groups=32), PReLU(32))
    x = draw(2, 32, 5, 5, dtype=torch.float32)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        net(x)
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    with torch.autocast("cpu", torch.bfloat16):
        net(x).sum().backward()


FAULTS = """
import resource, torch
from models.allocator import keep_freed_memory
{keep}
def work():
    for _ in range(20):
        torch.ones(10_000_000)
work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
work()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's")
def test_freed_memory_is_kept():
    """20 tensors of 40 MB, one after the other: each page is asked of the system anew, or not."""

    def faults(keep):
        script = FAULTS.format(keep=keep)
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
        return int(done.stdout)

    given_back = faults("")
    assert given_back > 100
    assert faults("keep_freed_memory()") < 0.1 * given_back
