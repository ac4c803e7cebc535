"""Every preset can be built, and its schedule is the published one."""

import re
from pathlib import Path

import pytest
import torch
from torch import device

from configs.load import load
from data_prep.faces.align import template
from models.backbones import BACKBONES
from models.lookup import lookup
from train.build import build_loss, build_plan, build_reduction
from train.build_data import build_dataset

FOLDER = Path("configs/presets")
PRESETS = sorted(FOLDER.glob("*.yaml"))
SETS = {
    "casia_r50": (10_572, 490_623),
    "ms1m_v1c_attention56_sv_am": (86_876, 3_923_399),
    "ms1mv2_r100": (85_742, 5_822_653),
    "ms1mv3_r50": (93_431, 5_179_510),
    "glint360k_r100": (360_232, 17_091_657),
    "webface4m_r100": (205_990, 4_235_242),
    "webface12m_r100": (617_970, 12_720_066),
    "webface42m_r100_pfc02": (2_059_906, 42_474_557),
}


@pytest.mark.parametrize("preset", PRESETS, ids=lambda path: path.stem)
def test_every_preset_can_be_built(preset):
    config = load(preset, ["data.records=[x]"])
    classes = config.data.classes or 10
    build_loss(config.loss, classes)
    build_reduction(config.loss)
    size = config.backbone
    make = lookup(BACKBONES, size.name, "backbone")
    with torch.device("meta"):
        assert make(dim=size.dim, height=size.height, width=size.width).dim == size.dim
    template((size.height, size.width))
    assert config.batch % (config.optim.accumulate * (size.batch_norm_group or 1)) == 0
    images = config.data.images or 1000
    plan = build_plan(config, images=images, num_classes=classes, device=device("cpu"))
    assert plan.lr(0) > 0 and plan.loss(plan.total - 1) is not None


@pytest.mark.parametrize("preset", PRESETS, ids=lambda path: path.stem)
def test_every_preset_names_its_schema(preset):
    first = preset.read_text().splitlines()[0]
    found = re.fullmatch(r"# yaml-language-server: \$schema=(.+)", first)
    assert found and (FOLDER / found[1]).resolve() == Path("configs/train.schema.json").resolve()


@pytest.mark.parametrize("name", SETS)
def test_sizes_of_the_published_sets(name):
    data = load(FOLDER / f"{name}.yaml", []).data
    assert (data.classes, data.images) == SETS[name]


@pytest.mark.parametrize(
    "name, steps, falls",
    [
        ("ms1m_v1c_attention56_sv_am", 240_000, [100_000, 160_000, 220_000]),
        ("ms1m_v1c_coco", 400_000, [156_250, 234_375, 312_500, 350_000]),
        ("casia_r50", 32_000, [20_000, 28_000]),
        ("casia_sphereface20_am", 28_000, [16_000, 24_000]),
    ],
)
def test_steps_are_those_of_the_source(name, steps, falls):
    config = load(FOLDER / f"{name}.yaml", [])
    data = config.data
    plan = build_plan(config, images=data.images, num_classes=data.classes, device=device("cpu"))
    assert plan.total == pytest.approx(steps, rel=1e-3)
    for fall in falls:  # within a tenth of an epoch
        near = data.images / config.batch / 10
        ratio = plan.lr(round(fall + near)) / plan.lr(round(fall - near))
        assert ratio == pytest.approx(config.optim.gamma)


def test_heat_and_rate_change_together():
    config = load(FOLDER / "casia_r50_heated.yaml", [])
    plan = build_plan(config, images=490_623, num_classes=10_572, device=device("cpu"))
    before, after = (plan.total * 3 // 4 + step for step in (-10, 10))
    assert [plan.loss(step).alpha for step in (before, after)] == [16, 4]
    assert plan.lr(after) == pytest.approx(plan.lr(before) / 10)


def test_without_records_nothing_is_trained():
    with pytest.raises(ValueError, match=r"data\.records: expected at least one record prefix"):
        build_dataset(load(FOLDER / "casia_r50.yaml", []))
