"""The presets are fair: one budget, paired seeds; and every row that they name exists."""

import pytest
import torch

from experiments.design import SEARCH_SEED, Arm, Experiment
from experiments.fit import Images, build_plan, build_state
from experiments.nets import NETS
from experiments.presets import EXPERIMENTS
from experiments.published import PAGES
from experiments.tasks import TASKS
from models.backbones import BACKBONES

ARMS = [(e, arm) for e in EXPERIMENTS.values() for arm in e.arms]


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=lambda e: e.name)
def test_rows(experiment):
    assert experiment.task in TASKS
    assert experiment.net in NETS or experiment.net in BACKBONES
    assert experiment.name in PAGES
    assert experiment.seeds <= SEARCH_SEED
    arms = {arm.name for arm in experiment.arms}
    page = PAGES[experiment.name]
    assert {name for claim in page.claims for name in (claim.arm, claim.than)} <= arms
    assert set(page.published) <= arms
    assert {*page.compared, *(c.figure for c in page.claims)} <= {c.figure for c in page.columns}


@pytest.mark.parametrize("experiment, arm", ARMS, ids=lambda x: x.name)
def test_every_point_is_a_loss(experiment, arm):
    images = Images(torch.zeros(256, 28, 28, 1, dtype=torch.uint8), torch.arange(256) % 10, 10)
    for point in arm.points or experiment.arm(arm.like).points[:1]:
        point = point if arm.points else {"lr": point["lr"]}
        loss = arm.loss_config(point, experiment.epochs)
        plan = build_plan(
            experiment, loss, point["lr"], images=images, seed=0, epochs=experiment.epochs
        )
        for step in (0, plan.total // 2, plan.total - 1):
            assert 0 < plan.lr(step) <= point["lr"]
            plan.loss(step)
        assert plan.lr(plan.total - 1) == pytest.approx(
            point["lr"] * 0.1 ** len(experiment.milestones)
        )


def test_a_seed_means_the_same_weights_and_another_seed_others():
    experiment = EXPERIMENTS["mnist_coco"]
    images = Images(torch.zeros(4, 28, 28, 1, dtype=torch.uint8), torch.arange(4), 10)
    first, again, other = (build_state(experiment, images, seed) for seed in (0, 0, 1))
    torch.testing.assert_close(first.backbone.state_dict(), again.backbone.state_dict())
    assert torch.equal(first.head.weight_cD, again.head.weight_cD)
    assert not torch.equal(first.head.weight_cD, other.head.weight_cD)


def experiment_of(*arms):
    return Experiment(
        name="x", task="mnist", net="lenet_heated", dim=2, epochs=1, search_epochs=1, arms=arms
    )


def test_unfair_designs_are_refused():
    one = Arm(name="a", loss="softmax", points=({"lr": 0.1},))
    two = Arm(name="b", loss="softmax", points=({"lr": 0.1}, {"lr": 0.2}))
    with pytest.raises(ValueError, match="as many points for every loss"):
        experiment_of(one, two)
    with pytest.raises(ValueError, match="different names"):
        experiment_of(one, one)
    with pytest.raises(ValueError, match="naming another arm"):
        experiment_of(one, Arm(name="b", loss="softmax", like="c"))
    with pytest.raises(ValueError, match="expected one of a, got 'b'"):
        experiment_of(one).arm("b")


@pytest.mark.parametrize("name", NETS)
def test_nets_embed(name):
    net = NETS[name](dim=5, height=28, width=28)
    assert net(torch.zeros(3, 1, 28, 28)).shape == (3, 5)
    assert net.dim == 5
