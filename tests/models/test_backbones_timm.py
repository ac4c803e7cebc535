"""Networks of timm by name, and what is said where timm is missing."""

import sys

import pytest
import torch

from models.backbones import BACKBONES
from models.backbones.norm import BatchNorm2d, group_batch_norm
from models.lookup import lookup


def test_any_timm_name_is_known_but_none_is_listed():
    assert "timm:resnet18" in BACKBONES and "resnet18" not in BACKBONES
    assert not any(name.startswith("timm:") for name in BACKBONES)
    assert callable(lookup(BACKBONES, "timm:resnet18", "backbone"))  # before timm is looked for


def test_without_timm_one_line_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ValueError) as caught:
        BACKBONES["timm:resnet18"](dim=8)
    assert str(caught.value) == (
        "backbone timm:resnet18: needs timm, which is not installed; install it (pip install timm) "
        "or choose another backbone"
    )


@pytest.mark.parametrize("name", ["resnet18", "convnext_atto", "vit_tiny_patch16_224"])
def test_convolutional_and_fixed_size_networks_give_embeddings(name):
    pytest.importorskip("timm")
    net = BACKBONES[f"timm:{name}"](dim=6, height=64, width=48)
    assert net.training and net.dim == 6
    out = net(torch.randn(4, 3, 64, 48))
    assert out.shape == (4, 6)
    (out * torch.randn(4, 6)).sum().backward()
    assert all(p.grad is not None for p in net.parameters())


@pytest.mark.parametrize("name", ["resnet18", "efficientnet_b0"])  # nn.BatchNorm2d, timm's own
def test_groups_of_batch_norm_equal_separate_batches(name):
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    net = BACKBONES[f"timm:{name}"](dim=6, height=64, width=64)
    theirs = timm.create_model(name, num_classes=6)
    theirs.load_state_dict(net.net.state_dict())
    x = torch.randn(8, 3, 64, 64)
    with torch.no_grad():
        expected = torch.cat([theirs(part) for part in x.split(4)])
        group_batch_norm(net, 4)
        torch.testing.assert_close(net.net(x), expected, rtol=1e-3, atol=1e-4)
    norms = [part for part in net.net.modules() if "BatchNorm" in type(part).__name__]
    assert norms and all(isinstance(part, BatchNorm2d) for part in norms)


@pytest.mark.parametrize(
    "name, size, message",
    [
        ("resnt18", 64, r"has no such network; did you mean resnet18"),
        ("hf-hub:someone/something", 64, r"has no such network"),  # nothing is downloaded
        ("levit_128s", 112, r"expected BatchNorm over images only, it has BatchNorm1d"),
        ("coatnet_0_224", 112, r"expected \[1, 8\] from one image of 112x112, got "),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(name, size, message):
    pytest.importorskip("timm")
    with pytest.raises(ValueError, match=rf"^backbone timm:{name}: .*{message}") as caught:
        BACKBONES[f"timm:{name}"](dim=8, height=size, width=size)
    assert "\n" not in str(caught.value)
