"""Checkpoints: written by one number of ranks, read by another; complete or absent."""

import shutil
from pathlib import Path

import pytest
import torch
from torch import nn

from models import comm
from models.head.optimiser import HeadSGD
from models.head.sharded_head import ShardedHead
from models.losses import SVAM
from tests.dist import run_processes
from tests.train import tiny
from train import checkpoint
from train.optim import build_adamw, build_sgd, set_lr
from train.saver import Saver
from train.state import TrainState

CLASSES, DIM, BATCH = 11, 4, 12
SGD = {"momentum": 0.9, "weight_decay": 1e-3}


def fresh_state() -> TrainState:
    torch.manual_seed(0)
    backbone = nn.Linear(3, DIM)
    head = ShardedHead(CLASSES, DIM, seed=1)
    return TrainState(backbone, head, build_sgd(backbone, **SGD), HeadSGD(head, **SGD))


def advance(state, steps):
    """Losses of some steps on data that depend on the step alone."""
    wrapped, losses = comm.replicate(state.backbone, torch.device("cpu")), []
    n = BATCH // comm.world_size()
    for step in range(state.step, state.step + steps):
        generator = torch.Generator().manual_seed(100 + step)
        x = torch.randn(BATCH, 3, generator=generator)[comm.rank() * n :][:n]
        y = torch.randint(CLASSES, (BATCH,), generator=generator)[comm.rank() * n :][:n]
        set_lr(state.optimiser, 0.1)
        loss, *_ = state.head(comm.undo_average(wrapped(x)), y, SVAM())
        state.optimiser.zero_grad()
        loss.backward()
        state.optimiser.step()
        state.head_optimiser.step(0.2)
        state.step = step + 1
        losses.append(loss.item())
    return losses


def save(folder, state, about, keep):
    saver = Saver(folder, about, batch=BATCH, keep=keep)
    saver.save(state)
    saver.finish()
    return folder / f"step_{state.step:08d}"


def run_and_save(folder):
    state = fresh_state()
    before = advance(state, 5)
    save(Path(folder), state, {"note": "x"}, keep=2)
    return before + advance(state, 5)


def resume(folder):
    state = fresh_state()
    meta = checkpoint.load(checkpoint.find_all(Path(folder))[-1], state, batch=BATCH)
    assert meta["note"] == "x" and state.step == 5
    return advance(state, 5)


@pytest.mark.parametrize("before, after", [(2, 2), (2, 3), (3, 1), (1, 4), (4, 2)])
def test_a_resumed_run_repeats_the_uninterrupted_one(tmp_path, before, after):
    whole = run_processes(before, run_and_save, str(tmp_path))[0]
    for losses in run_processes(after, resume, str(tmp_path)):
        if before == after:
            assert losses == whole[5:]
        assert losses == pytest.approx(whole[5:], rel=1e-6)
    files = {p.name for p in (tmp_path / "step_00000005").glob("head_*")}
    assert len(files) == before


def test_adamw_goes_on_bit_for_bit_and_another_optimiser_is_refused(tmp_path):
    whole, _ = tiny.go_on(tiny.fresh(adamw=True), total=12)
    tiny.go_on(tiny.fresh(adamw=True), tmp_path, total=5)
    names = {path.stem for path in (tmp_path / "step_00000005").glob("backbone*")}
    assert names == {
        "backbone",
        *(f"backbone_{kind}" for kind in ("step", "exp_avg", "exp_avg_sq")),
    }
    rest, _ = tiny.go_on(tiny.resumed(tmp_path, adamw=True), total=12)
    assert rest == {step: loss for step, loss in whole.items() if step > 5}
    with pytest.raises(ValueError, match=r"backbone_momentum.safetensors: expected it, as this"):
        tiny.resumed(tmp_path)


def test_adamw_takes_the_steps_of_torchs_own():
    """On a network without norms, with decay for the weight and none for the bias."""
    torch.manual_seed(0)
    ours, theirs = nn.Linear(3, 2), nn.Linear(3, 2)
    theirs.load_state_dict(ours.state_dict())
    adamw = build_adamw(ours, beta=0.8, weight_decay=0.1)
    other = torch.optim.AdamW([theirs.weight], lr=0.01, betas=(0.8, 0.999), weight_decay=0.1)
    bias = torch.optim.AdamW([theirs.bias], lr=0.01, betas=(0.8, 0.999), weight_decay=0.0)
    for _ in range(5):
        x = torch.randn(4, 3)
        set_lr(adamw, 0.01)
        for network, optimisers in ((ours, [adamw]), (theirs, [other, bias])):
            network.zero_grad()
            network(x).square().sum().backward()
            for one in optimisers:
                one.step()
    torch.testing.assert_close(ours.weight, theirs.weight)
    torch.testing.assert_close(ours.bias, theirs.bias)


def saved(tmp_path):
    state = fresh_state()
    advance(state, 2)
    return save(tmp_path, state, {}, keep=1)


def test_only_the_newest_stay_and_nothing_is_left_aside(tmp_path):
    state = fresh_state()
    for _ in range(4):
        advance(state, 1)
        save(tmp_path, state, {}, keep=2)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["step_00000003", "step_00000004"]


def test_what_a_kill_leaves_is_not_taken_for_a_checkpoint(tmp_path):
    target = saved(tmp_path)
    target.rename(tmp_path / f".{target.name}.tmp")
    assert checkpoint.find_all(tmp_path) == []


def test_damage_and_another_network_are_named(tmp_path):
    target = saved(tmp_path)
    other = fresh_state()
    other.backbone = nn.Linear(3, DIM + 1)
    with pytest.raises(
        ValueError, match=r"tensor bias has shape \(4,\), this network's has \(5,\)"
    ):
        checkpoint.load(target, other, batch=BATCH)
    copy = tmp_path / "step_00000009"
    shutil.copytree(target, copy)
    weights = copy / "backbone.safetensors"
    weights.write_bytes(weights.read_bytes()[:-3])
    with pytest.raises(ValueError, match="damaged"):
        checkpoint.load(copy, fresh_state(), batch=BATCH)
    next(target.glob("head_*")).unlink()
    with pytest.raises(ValueError, match="no file holds class 0"):
        checkpoint.load(target, fresh_state(), batch=BATCH)
