"""Dry runs: what is told of memory is what is there, and the largest presets fit this machine."""

import re
from pathlib import Path

import pytest
import torch

from configs.load import load
from tests.conftest import command, done
from train import build
from train.dry_run import Sizes, _kept, dry_run, report

DEMO = "configs/presets/demo.yaml"
CPU = torch.device("cpu")


def settings(*words):
    return load(DEMO, ["data.classes=50", "data.images=1000", *words])


@pytest.mark.parametrize(
    "words, states, mean",
    [([], 1, False), (["head.optimiser=adamw", "optim.ema=0.9", "head.sample_rate=0.5"], 2, True)],
)
def test_sizes_are_those_of_what_is_built(words, states, mean):
    config = settings(*words)
    found = dry_run(config, CPU, 4)
    state = build.build_state(config, 50, CPU)
    sizes = found.sizes.of(1, 4)
    bytes_of = lambda tensors: sum(t.numel() * t.element_size() for t in tensors)  # noqa: E731
    backbone = bytes_of(state.backbone.parameters())
    assert sizes["backbone: weights"] == backbone
    trained = bytes_of(p for p in state.backbone.parameters() if p.requires_grad)
    momentum = bytes_of(s["momentum_buffer"] for s in state.optimiser.state.values())
    assert sizes["backbone: gradient, moments"] == trained + momentum
    assert sizes["backbone: running mean"] == (backbone if mean else 0)
    assert sizes["head: weights"] == bytes_of([state.head.weight_cD])
    kept = [t for t in state.head_optimiser.state.values() if t.shape == state.head.weight_cD.shape]
    assert len(kept) == states and sizes["head: moments"] == bytes_of(kept)
    assert len(found.losses) == 2 and found.peak > 0


def test_activations_are_counted_once_and_grow_with_images():
    few, many = (dry_run(settings(), CPU, images).sizes.activation for images in (4, 8))
    assert few == pytest.approx(many, rel=0.02)

    class Square(torch.nn.Module):
        """Keeps its input once, though two operations ask for it, and no weights."""

        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(3, 1, 1))

        def forward(self, x):
            return (x * self.weight + x**2).mean(dim=(2, 3))

    assert _kept(Square(), torch.zeros(2, 3, 8, 8), None) == 2 * 3 * 8 * 8 * 4


def test_what_a_rank_of_eight_holds():
    sizes = Sizes(
        parameters=10,
        trained=9,
        state=1,
        activation=7,
        classes=1001,
        dim=4,
        sample_rate=0.2,
        head_state=1,
        average=False,
    ).of(8, 3)
    assert sizes["head: weights"] == 126 * 4 * 4  # the largest part
    assert sizes["head: gradient"] == pytest.approx(2 * 0.2 * 126 * 4 * 4)
    assert sizes["activations"] == 21


def test_the_command_writes_nothing_and_needs_no_records(tmp_path):
    words = ["--config", DEMO, "--dry-run", "--classes", 300, f"out={tmp_path / 'run'}"]
    printed = done(command("train", *words, "data.images=20000")).stdout
    assert "300 classes" in printed and "12 epochs of 20,000 images" in printed
    assert not list(tmp_path.iterdir())


def test_without_a_number_of_classes_it_says_so():
    with pytest.raises(ValueError, match=r"data\.classes: expected the number of people, got 0"):
        dry_run(load(DEMO, []), CPU, 4)


def test_the_time_of_a_run_is_between_its_bounds():
    config = settings("data.images=36000", "epochs=1", "batch=64")
    found = dry_run(config, CPU, 2)
    object.__setattr__(found, "seconds", 2.0)  # 2 images: 1 s backbone, 1 s the rest
    object.__setattr__(found, "backbone_seconds", 1.0)
    least = (36000 / 2 * 1 + 36000 / 64 * 1) / 3600
    assert f"{least:.1f} hours to 10.0 hours" in report(config, found, 2, CPU)


@pytest.mark.slow
def test_two_ranks_halve_the_head():
    words = ["--config", DEMO, "--dry-run", "--classes", 200_000, "--dry-batch", 2]
    printed = done(command("train", *words, ranks=2)).stdout
    head = 200_000 * 128 * 4 / 1e9
    found = float(re.search(r"head: weights +([\d.]+)", printed)[1])
    assert found == pytest.approx(head / 2, abs=0.005) and "2 process(es)" in printed


def available() -> float:
    """Bytes of memory that are free or can be freed."""
    found = re.search(r"MemAvailable:\s+(\d+)", Path("/proc/meminfo").read_text())
    return int(found[1]) * 1024


@pytest.mark.slow
@pytest.mark.parametrize(
    "preset, classes, needs",
    [("ms1mv3_r50", "93,431", 3e9), ("webface42m_r100_pfc02", "2,059,906", 13e9)],
)
def test_the_largest_presets_step_within_24_gb(preset, classes, needs):
    if available() < needs:
        pytest.skip(f"needs {needs / 1e9:.0f} GB of memory, {available() / 1e9:.1f} are free")
    words = ["--config", f"configs/presets/{preset}.yaml", "--dry-run", "--dry-batch", 2]
    printed = done(command("train", *words)).stdout
    assert f"{classes} classes" in printed
    peak = float(re.search(r"measured here: ([\d.]+) GB", printed)[1])
    told = float(re.search(r"  sum +([\d.]+)", printed)[1])
    assert told < peak < min(24, told + 2)


def full_size():
    """Presets of the published sets whose head is no larger than MS1M's."""
    presets = sorted(Path("configs/presets").glob("*.yaml"))
    return [path for path in presets if 0 < load(path, []).data.classes < 100_000]


@pytest.mark.slow
@pytest.mark.parametrize("preset", full_size(), ids=lambda path: path.stem)
def test_every_full_size_preset_steps(preset):
    found = dry_run(load(preset, []), CPU, 2)
    assert len(found.losses) == 2 and all(loss > 0 for loss in found.losses)
