"""Steps: the same on any number of ranks and micro-batches; running means; bad numbers."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from models import comm
from models.losses import LOSSES, AdaFace
from models.losses.reduction import REDUCTIONS
from tests.dist import run_processes
from tests.train import tiny
from train.accumulate import micro_batch, norms_of
from train.average import decay_at, move_average, start_average
from train.non_finite import DivergedError


def losses_of(rate, accumulate, focal, batch=tiny.BATCH):
    reduction = REDUCTIONS["focal"](gamma=1.0) if focal else tiny.PLAN.reduction
    state = tiny.fresh(rate=rate, average=True, dtype=torch.float64)
    changes = {"accumulate": accumulate, "reduction": reduction, "batch": batch}
    losses, bad = tiny.go_on(state, average=0.9, **changes)
    assert not bad
    comm.average_buffers(state.backbone)
    comm.average_buffers(state.average)
    parts = {k: v for k, v in tiny.everything(state).items() if k.startswith("backbone")}
    return [list(losses.values()), parts]


@pytest.mark.parametrize(
    "ranks, accumulate, rate, focal",
    [
        (2, 1, 1.0, False),
        (3, 1, 1.0, False),
        (4, 1, 1.0, False),
        (1, 4, 1.0, False),
        (1, 4, 0.5, False),
        (2, 3, 0.5, False),
        (4, 1, 0.5, False),
        (3, 2, 1.0, True),
    ],
)
def test_fifty_losses_are_the_same_on_any_ranks_and_micro_batches(ranks, accumulate, rate, focal):
    (alone, whole) = run_processes(1, losses_of, rate, 1, focal)[0]
    assert len(alone) == 50 and alone[-1] < 0.8 * alone[0]  # it learns meanwhile
    for losses, parts in run_processes(ranks, losses_of, rate, accumulate, focal):
        assert losses == pytest.approx(alone, rel=1e-12)
        for name, tensor in parts.items():  # weights, momentum, statistics, running means
            torch.testing.assert_close(tensor, whole[name], rtol=1e-9, atol=1e-10)


def losses_of_pixels_changed_in_place():
    """As mirroring on a CPU does: twice is not at all."""
    changed = lambda pixels, step, first: pixels.neg_().permute(0, 3, 1, 2)  # noqa: E731
    losses, _ = tiny.go_on(tiny.fresh(dtype=torch.float64), prepare=changed, total=3)
    return list(losses.values())


def test_pixels_that_are_prepared_in_place_are_prepared_once():
    (alone,) = run_processes(1, losses_of_pixels_changed_in_place)
    for losses in run_processes(2, losses_of_pixels_changed_in_place):
        assert losses == pytest.approx(alone, rel=1e-12)


def test_any_seed_that_settings_allow():
    losses, _ = tiny.go_on(tiny.fresh(), total=2, seed=2**31 - 1)
    assert len(losses) == 2


@pytest.mark.parametrize("ranks", [1, 2])
def test_four_times_32_is_128(ranks):
    (whole, _), *_ = run_processes(ranks, losses_of, 1.0, 1, False, 128)
    (parts, _), *_ = run_processes(ranks, losses_of, 1.0, 4, False, 128)
    assert len(parts) == 50 and parts == pytest.approx(whole, rel=1e-12)


def test_gradients_are_averaged_over_ranks_once_a_step():
    class Counting(torch.nn.Linear):
        alone = 0

        def no_sync(self):
            Counting.alone += 1
            return torch.no_grad()  # any context will do

    wrapped = Counting(2, 2)
    for part in range(4):
        with micro_batch(wrapped, [], part, 4):
            pass
    assert Counting.alone == 3


def test_running_statistics_end_where_the_whole_batch_moves_them():
    torch.manual_seed(0)
    network, x = tiny.fresh().backbone, torch.randn(24, 3, 8, 8)
    other = start_average(network).train()
    network(x)
    for part, some in enumerate(x.chunk(3)):
        with micro_batch(other, norms_of(other), part, 3):
            other(some)
    for (name, buffer), (_, same) in zip(network.named_buffers(), other.named_buffers()):
        if buffer.is_floating_point():
            torch.testing.assert_close(same, buffer, msg=name)
    assert {momentum for _, momentum in norms_of(other)} == {0.1}


def test_the_running_mean_is_the_mean_it_says():
    network = torch.nn.Linear(1, 1, bias=False)
    average = start_average(network)
    expected = network.weight.item()
    for step in range(30):
        with torch.no_grad():
            network.weight.fill_(step)
        decay = min(0.5, (1 + step) / (10 + step))
        assert decay_at(step, 0.5) == decay
        expected = decay * expected + (1 - decay) * step
        move_average(average, network, decay_at(step, 0.5))
        assert average.weight.item() == pytest.approx(expected, rel=1e-5)


def poisoned(policy, step, log_every):
    state = tiny.fresh(average=True)
    said = []
    try:
        losses, bad = tiny.go_on(
            state, poison=step, non_finite=policy, log_every=log_every, average=0.9, total=12
        )
        said = [sorted(losses), tiny.told(bad)]
    except DivergedError as error:
        said = [str(error)]
    return [said, tiny.everything(state)]


@pytest.mark.parametrize("ranks, step", [(1, 1), (1, 5), (2, 5)])
def test_a_bad_step_is_skipped_as_if_it_had_not_been(ranks, step):
    """All tensors stay what they were before it, statistics of the forward pass included."""
    for said, after in run_processes(ranks, poisoned, "skip", step, 3):
        assert said == [[3, 6, 9, 12], [[step, [ranks - 1]]]]
        assert all(tensor.isfinite().all() for tensor in after.values())


@pytest.mark.parametrize("adamw", [False, True])
def test_skipping_leaves_every_tensor_as_it_was(adamw):
    def until(total, poison):
        state = tiny.fresh(adamw=adamw)
        tiny.go_on(state, poison=poison, non_finite="skip", total=total)
        return tiny.everything(state)

    before, after = until(4, None), until(5, 5)
    for name, tensor in before.items():
        if "num_batches" not in name:
            assert torch.equal(tensor, after[name]), name


@pytest.mark.parametrize("ranks", [1, 2])
def test_stopping_names_the_first_bad_step_and_its_rank(ranks):
    for said, _ in run_processes(ranks, poisoned, "stop", 5, 4):
        assert "at step 5; embeddings of rank " + str(ranks - 1) + " were not finite" in said[0]


def test_skipping_without_end_stops():
    with pytest.raises(DivergedError):
        tiny.go_on(tiny.fresh(), non_finite="skip", clip=0.0, lr=lambda step: float("nan"))


def test_a_loss_over_the_whole_batch_is_told_apart():
    """AdaFace takes its statistics over a micro-batch: near, not equal; the schema says so."""
    whole, _ = tiny.go_on(tiny.fresh(), loss=lambda step: AdaFace(scale=8), total=5)
    parts, _ = tiny.go_on(tiny.fresh(), loss=lambda step: AdaFace(scale=8), total=5, accumulate=2)
    assert list(parts.values()) != pytest.approx(list(whole.values()), rel=1e-6)
    assert list(parts.values()) == pytest.approx(list(whole.values()), rel=0.1)


class NoWaiting(TorchDispatchMode):
    """Refuses what has the host wait for a device: a value that is read, a shape that follows from
    values. `allowed` until the first step is done, and in the moments in which the loop logs."""

    WAITS = ("_local_scalar_dense", "nonzero", "_unique", "unique", "masked_select", "equal")
    allowed = True

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.overloadpacket.__name__
        masks = [one for one in tree_leaves(args[1:]) if isinstance(one, torch.Tensor)]
        by_mask = name.startswith("index") and any(one.dtype == torch.bool for one in masks)
        if not self.allowed and (by_mask or name in self.WAITS):
            raise AssertionError(f"the host waits for {function}")
        return function(*args, **(kwargs or {}))


def remembering(step):
    return LOSSES["curricular"](scale=8)


def without_waiting(changes, rate=1.0):
    state, mode, values = tiny.fresh(rate=rate, average=True), NoWaiting(), tiny.Values()
    take, begin_step = values.scalars, state.head.begin_step

    def on_the_host(label_n, step):
        """Draws of labels that have not left the host, which waits for nothing then."""
        before, mode.allowed = mode.allowed, True
        begin_step(label_n, step)
        mode.allowed = before

    def asked():
        mode.allowed = state.step % 4 == 0
        return False

    def scalars(*words):
        take(*words)
        mode.allowed = False

    values.scalars, state.head.begin_step = scalars, on_the_host
    with mode:
        return tiny.go_on(state, values=values, log_every=4, total=12, asked=asked, **changes)


@pytest.mark.parametrize("ranks", [1, 2])
@pytest.mark.parametrize(
    "changes, rate",
    [
        ({"average": 0.9}, 1.0),
        ({"accumulate": 3, "clip": 0.0}, 0.5),
        ({"non_finite": "skip", "reduction": REDUCTIONS["focal"](gamma=1.0)}, 1.0),
        ({"non_finite": "skip"}, 0.5),
        ({"loss": remembering}, 1.0),
    ],
)
def test_between_two_lines_of_the_log_the_host_waits_for_nothing(ranks, changes, rate):
    for losses, bad in run_processes(ranks, without_waiting, changes, rate):
        assert list(losses) == [4, 8, 12] and not bad


def test_that_test_would_notice():
    def reads(ce_N):
        return ce_N.mean() * float(ce_N.detach().isfinite().all())

    with pytest.raises(AssertionError, match=r"waits for aten._local_scalar_dense"):
        without_waiting({"reduction": reads})


def test_what_a_loss_remembers_goes_on_bit_for_bit(tmp_path):
    loss = {"loss": lambda step: LOSSES["curricular"](scale=8, rate=0.3)}
    whole, _ = tiny.go_on(tiny.fresh(), total=12, **loss)
    tiny.go_on(tiny.fresh(), tmp_path, total=5, **loss)
    rest, _ = tiny.go_on(tiny.resumed(tmp_path), total=12, **loss)
    assert rest == {step: value for step, value in whole.items() if step > 5}
