"""Schedules and sample order: pure functions of the step."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from configs.schema import LossConfig
from models.losses import AM, LOSSES, SVAM
from tests.train.tiny import PLAN
from train.build import loss_schedule
from train.sampler import StepBatches, global_batch
from train.schedule import due, poly_decay, rise, step_decay


def test_every_epoch_is_a_permutation_and_none_is_dropped():
    stream = np.concatenate([global_batch(s, size=10, batch=4, seed=1) for s in range(10)])
    for epoch in range(4):
        assert sorted(stream[10 * epoch : 10 * epoch + 10]) == list(range(10))
    assert not np.array_equal(stream[:10], stream[10:20])


@pytest.mark.parametrize("world", [1, 2, 3, 4, 6])
def test_ranks_take_consecutive_parts_of_the_same_batch_from_any_start(world):
    for start in (0, 5):
        order = partial(global_batch, size=31, batch=12, seed=3)
        kwargs = {"batch": 12, "start": start, "total": 9, "world": world}
        ranks = [list(StepBatches(order, rank=r, **kwargs)) for r in range(world)]
        assert all(len(part) == 9 - start for part in ranks)
        for step, parts in enumerate(zip(*ranks), start=start):
            whole = global_batch(step, size=31, batch=12, seed=3)
            assert [i for part in parts for i in part] == whole.tolist()


def test_a_batch_that_ranks_cannot_share_is_refused():
    with pytest.raises(ValueError, match=r"^batch: .* 5 ranks share evenly, got 12"):
        order = partial(global_batch, size=31, batch=12, seed=3)
        StepBatches(order, batch=12, start=0, total=9, rank=0, world=5)


def test_schedules():
    assert [rise(s, 4) for s in (0, 2, 4, 9)] == [0, 0.5, 1, 1] and rise(0, 0) == 1
    assert [step_decay(s, [10, 20], 0.1) for s in (9, 10, 20)] == pytest.approx([1, 0.1, 0.01])
    assert poly_decay(5, 10, 110, 2) == 1 and poly_decay(110, 10, 110, 2) == 0
    assert poly_decay(60, 10, 110, 2) == pytest.approx(0.25)


def test_due_every_two_and_a_half_steps():
    assert [s for s in range(1, 11) if due(s, 2.5)] == [3, 5, 8, 10]


def test_margin_t_and_scale_warm_up_together():
    config = LossConfig(
        name="sv_am", args={"scale": 32, "margin": 0.4, "t": 1.2}, warmup_epochs=2, scale_from=8
    )
    at = loss_schedule(config, num_classes=10, epoch=5, total=100)
    assert at(0) == SVAM(scale=8, margin=0, t=1)
    assert at(5) == SVAM(scale=20, margin=0.2, t=1.1)
    assert at(10) == at(99) == SVAM(scale=32, margin=0.4, t=1.2)
    with pytest.raises(ValueError, match="'coco' has none"):
        loss_schedule(LossConfig(name="coco", scale_from=8), num_classes=10, epoch=5, total=100)


def test_the_head_is_compiled_only_while_its_loss_stands_still():
    def plan(loss, **more):
        return replace(PLAN, compile_head=True, loss=loss, **more)

    warming = plan(lambda step: AM(margin=min(step / 10, 0.35)))
    assert [warming.compiles_head(step) for step in (0, 3, 4, 9)] == [False, False, True, True]
    assert not replace(warming, compile_head=False).compiles_head(9)
    remembers = plan(lambda step: LOSSES["curricular"]())
    assert not remembers.compiles_head(5)
