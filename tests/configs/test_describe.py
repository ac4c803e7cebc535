"""Every setting is explained once, in its docstring, and read from there wherever it is shown."""

import dataclasses

import pytest
import yaml

from configs import schema
from configs.describe import about, explanations, to_commented_yaml
from configs.load import dotted_keys, load, to_yaml
from models.losses import LOSSES

SECTIONS = [kind for kind in vars(schema).values() if dataclasses.is_dataclass(kind)]


@pytest.mark.parametrize("kind", SECTIONS, ids=lambda kind: kind.__name__)
def test_what_is_explained_is_what_there_is(kind):
    hints = {field.name: field.default_factory for field in dataclasses.fields(kind)}
    plain = {name for name, make in hints.items() if not dataclasses.is_dataclass(make)}
    assert set(explanations(kind)) == plain
    assert all(text.endswith(".") for text in explanations(kind).values())
    assert about(kind)


def test_losses_inherit_explanations():
    for kind in LOSSES.values():
        assert set(explanations(kind)) >= {field.name for field in dataclasses.fields(kind)}
    assert explanations(LOSSES["sv_am"])["margin"].startswith("m")


def test_comments_change_nothing_and_explain_every_setting(tmp_path):
    config = load("configs/presets/ms1m_v1c_coco.yaml", ["data.records=[a, b]", "loss.args.x=1e-3"])
    text = to_commented_yaml(config)
    assert yaml.safe_load(text) == yaml.safe_load(to_yaml(config))
    (tmp_path / "again.yaml").write_text(text)
    assert load(tmp_path / "again.yaml", []) == config
    lines = text.splitlines()
    assert max(map(len, lines)) <= 100
    for key in dotted_keys():
        name = key.rpartition(".")[2]
        place = next(i for i, line in enumerate(lines) if line.strip().startswith(f"{name}:"))
        assert lines[place - 1].strip().startswith("#"), key


def test_a_field_named_together_with_another_has_the_same_text():
    texts = explanations(schema.BackboneConfig)
    assert (
        texts["height"] == texts["width"] == "of the crops, pixels; they must be the records' own."
    )
