"""Parameter names and shapes of released checkpoints; BatchNorm over groups."""

import re
from pathlib import Path

import pytest
import torch
from torch import nn

from models.backbones import BACKBONES
from models.backbones.norm import BatchNorm2d, group_batch_norm

GOLDEN = Path(__file__).parent.parent / "golden" / "arcface_torch_keys.txt"


def golden():
    """{net: (entries, parameters, [(key, shape)])} as arcface_torch has them."""
    nets, name = {}, None
    for line in GOLDEN.read_text().splitlines():
        head = re.match(r"(\w+) entries (\d+) params (\d+)", line)
        if head:
            name = {"mbf": "mobilefacenet"}.get(head[1], head[1])
            nets[name] = (int(head[2]), int(head[3]), [])
        elif line.startswith("   "):
            key, shape = line.split(maxsplit=1)
            # the five iresnets are listed together, followed by the keys of iresnet18
            owner = "iresnet18" if name == "iresnet200" else name
            nets[owner][2].append((key, tuple(int(n) for n in re.findall(r"\d+", shape))))
    return nets


@pytest.mark.parametrize("name", ["iresnet18", "mobilefacenet"])
def test_state_dict_has_arcface_torchs_keys_and_shapes_in_order(name):
    state = BACKBONES[name]().state_dict()
    assert [(k, tuple(v.shape)) for k, v in state.items()] == golden()[name][2]


@pytest.mark.parametrize(
    "name", ["iresnet18", "iresnet34", "iresnet50", "iresnet100", "iresnet200", "mobilefacenet"]
)
def test_number_of_entries_and_parameters(name):
    with torch.device("meta"):
        net = BACKBONES[name]()
    assert golden()[name][:2] == (len(net.state_dict()), sum(p.numel() for p in net.parameters()))


@pytest.mark.parametrize("name", ["iresnet18", "mobilefacenet", "small_resnet"])
@pytest.mark.parametrize("height, width", [(112, 112), (112, 96), (64, 64)])
def test_every_family_takes_every_size(name, height, width):
    net = BACKBONES[name](dim=32, height=height, width=width).eval()
    assert net(torch.zeros(1, 3, height, width)).shape == (1, 32)


def test_groups_of_batch_norm_equal_separate_batches():
    torch.manual_seed(0)
    x = torch.randn(8, 3, 5, 5, dtype=torch.float64) * 3 + 1
    ours, plain = BatchNorm2d(3).double(), nn.BatchNorm2d(3).double()
    group_batch_norm(ours, 4)
    expected = torch.cat([plain(x[:4]), plain(x[4:])])
    torch.testing.assert_close(ours(x), expected, rtol=0, atol=1e-12)
    mean = 0.1 * x.unflatten(0, (2, 4)).mean(dim=(1, 3, 4)).mean(dim=0)
    torch.testing.assert_close(ours.running_mean, mean, rtol=0, atol=1e-12)
    with pytest.raises(ValueError, match="multiple of the BatchNorm group 4, got 6"):
        ours(x[:6])
