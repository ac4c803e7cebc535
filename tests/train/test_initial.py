"""Weights to start from: our runs, and files as arcface_torch's own code writes them."""

import pytest
import torch

from models.backbones import BACKBONES
from models.head.sharded_head import ShardedHead
from models.head.sharding import class_range
from tests.dist import run_processes
from tests.train import tiny
from train.initial import init_backbone, init_head

OLD, DIM = 11, 512


def trained(seed):
    """A network that is not as it was made, statistics included."""
    torch.manual_seed(seed)
    net = BACKBONES["mobilefacenet"]()
    with torch.no_grad():
        for tensor in net.state_dict().values():
            if tensor.is_floating_point():
                tensor.uniform_(0.1, 1)
    return net


@pytest.mark.parametrize("form", ["backbone.pth", "legacy.pt", "ddp.pt", "checkpoint_gpu_0.pt"])
def test_backbones_of_arcface_torch(tmp_path, form):
    net, path = trained(1), tmp_path / form
    state = net.state_dict()
    if form == "ddp.pt":
        state = {f"module.{name}": tensor for name, tensor in state.items()}
    if form == "checkpoint_gpu_0.pt":
        sgd = torch.optim.SGD(net.parameters(), lr=0.1)
        state = {
            "epoch": 3,
            "global_step": 100,
            "state_dict_backbone": state,
            "state_dict_softmax_fc": {"weight": torch.zeros(2, DIM)},
            "state_optimizer": sgd.state_dict(),
            "state_lr_scheduler": {"base_lrs": [0.1], "last_epoch": 100},
        }
    torch.save(state, path, _use_new_zipfile_serialization=form != "legacy.pt")
    into = trained(2)
    init_backbone(into, path)
    for name, tensor in net.state_dict().items():
        assert torch.equal(into.state_dict()[name], tensor), name


def of_all_ranks(path, classes):
    head = ShardedHead(classes, DIM, seed=4)
    return [init_head(head, path), head.start, head.weight_cD.detach().clone()]


@pytest.mark.parametrize("form", ["rank_{}_softmax_weight.pt", "checkpoint_gpu_{}.pt"])
@pytest.mark.parametrize("wrote, reads, classes", [(3, 1, 11), (1, 2, 11), (3, 2, 15), (4, 4, 30)])
def test_heads_of_arcface_torch_on_any_number_of_ranks(tmp_path, form, wrote, reads, classes):
    whole = torch.randn(OLD, DIM, generator=torch.Generator().manual_seed(0))
    for rank in range(wrote):
        start, end = class_range(OLD, rank, wrote)
        part = whole[start:end].clone()
        held = part if "softmax" in form else {"state_dict_softmax_fc": {"weight": part}}
        torch.save(held, tmp_path / form.format(rank))
        torch.save(part * 0, tmp_path / f"rank_{rank}_softmax_weight_mom.pt")  # not to be taken
    found = run_processes(reads, of_all_ranks, tmp_path / form.format(0), classes)
    known = {count for count, *_ in found}
    filled = torch.cat([weight for *_, weight in found])
    assert known == {OLD} and torch.equal(filled[:OLD], whole)
    untouched = ShardedHead(classes, DIM, seed=4).weight_cD.detach()
    assert torch.equal(filled[OLD:], untouched[OLD:])  # new people start as they would


def test_our_own_checkpoints_and_runs(tmp_path):
    state = tiny.fresh()
    tiny.go_on(state, tmp_path / "checkpoints", total=3)
    for path in (tmp_path, tmp_path / "checkpoints/step_00000003"):
        into = tiny.Network()
        init_backbone(into, path)
        for name, tensor in state.backbone.state_dict().items():
            assert torch.equal(into.state_dict()[name], tensor), name
        head = ShardedHead(tiny.CLASSES + 3, tiny.DIM, seed=9)
        assert init_head(head, path) == tiny.CLASSES
        assert torch.equal(head.weight_cD[: tiny.CLASSES], state.head.weight_cD)


class Harm:
    def __reduce__(self):
        return print, ("harm",)


def test_what_does_not_fit_is_one_line(tmp_path, capsys):
    net = BACKBONES["mobilefacenet"]()
    torch.save(Harm(), tmp_path / "harm.pt")
    (tmp_path / "text.pt").write_text("no weights")
    torch.save(BACKBONES["small_resnet"]().state_dict(), tmp_path / "other.pt")
    torch.save(torch.zeros(11, DIM), tmp_path / "rank_0_softmax_weight.pt")
    torch.save(torch.zeros(11, DIM), tmp_path / "rank_2_softmax_weight.pt")
    (tmp_path / "alone").mkdir()
    torch.save(torch.zeros(11, DIM), tmp_path / "alone/rank_0_softmax_weight.pt")
    head = ShardedHead(22, DIM)
    for call, name, message in [
        (lambda p: init_backbone(net, p), "harm.pt", "not a file of plain tensors"),
        (lambda p: init_backbone(net, p), "text.pt", "not a file of plain tensors"),
        (lambda p: init_backbone(net, p), "other.pt", "other.pt: tensor bn1.bias has shape"),
        (lambda p: init_backbone(net, p), "alone", "found no backbone.safetensors in it"),
        (lambda p: init_backbone(net, p), "none.pt", "found nothing there"),
        (lambda p: init_head(head, p), "other.pt", "expected a run, a checkpoint, rank_R"),
        (lambda p: init_head(head, p), "rank_0_softmax_weight.pt", "file of rank 1 is not"),
        (lambda p: init_head(head, p), "alone", "found no class weights"),
    ]:
        with pytest.raises((ValueError, OSError), match=message) as caught:
            call(tmp_path / name)
        assert "\n" not in str(caught.value)
    alone = tmp_path / "alone/rank_0_softmax_weight.pt"
    with pytest.raises(ValueError, match=r"has 11 classes, data.records 9"):
        init_head(ShardedHead(9, DIM), alone)
    with pytest.raises(ValueError, match=r"have 512 numbers, this run's embeddings have 8"):
        init_head(ShardedHead(11, 8), alone)
    assert "harm" not in capsys.readouterr().out
