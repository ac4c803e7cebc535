"""Configurations: layers of YAML, overrides, and one clear line for each mistake."""

from pathlib import Path

import pytest

from configs.load import load, to_yaml

PRESETS = sorted(p for p in Path("configs/presets").glob("*.yaml") if p.name != "base.yaml")


@pytest.mark.parametrize("preset", PRESETS, ids=lambda p: p.stem)
def test_every_preset_loads_and_survives_its_own_print(preset, tmp_path):
    config = load(preset, ["data.records=[x]"])
    (tmp_path / "again.yaml").write_text(to_yaml(config))
    assert load(tmp_path / "again.yaml", []) == config


def test_a_file_lies_over_the_one_it_extends_and_words_over_both(tmp_path):
    (tmp_path / "base.yaml").write_text(
        "batch: 64\ndata: {records: [a]}\noptim: {lr: 0.3, momentum: 0.8}\n"
        "loss: {name: sv_am, args: {t: 1.3}}\n"
    )
    (tmp_path / "over.yaml").write_text("extends: base.yaml\noptim: {lr: 1e-3}\n")
    config = load(tmp_path / "over.yaml", ["batch=32", "loss.args.margin=0.1"])
    assert (config.batch, config.optim.lr, config.optim.momentum) == (32, 1e-3, 0.8)
    assert config.loss.args == {"t": 1.3, "margin": 0.1}
    # another loss does not inherit the settings of the one it replaces
    assert load(tmp_path / "over.yaml", ["loss.name=softmax"]).loss.args == {}


@pytest.mark.parametrize(
    "word, message",
    [
        ("optim.lrr=1", r"unknown key 'optim.lrr'; did you mean 'optim.lr'"),
        ("backbones.name=x", "did you mean 'backbone'"),
        ("optim.lr=fast", "optim.lr: expected float, got fast"),
        ("optim.decay=cosine", r"optim.decay: expected Literal\['step', 'poly'\], got cosine"),
        ("optim.decay=step", "optim.milestones: expected epochs"),
        ("batch=1.5", "batch: expected int, got 1.5"),
        ("epochs=0", "epochs: expected above 0, got 0.0"),
        ("augment.flip=2", "augment.flip: expected 0 to 1"),
        ("loss=3", "loss is a section"),
        ("batch", "expected key=value"),
        ("validation.pairs=p.txt", "images and pairs together"),
    ],
)
def test_a_wrong_word_gives_one_clear_line(word, message):
    with pytest.raises(ValueError, match=message) as caught:
        load(None, ["data.records=[a]", word])
    assert "\n" not in str(caught.value)


def test_files_are_named(tmp_path):
    bad = tmp_path / "bad.yaml"
    bad.write_text("epochs: 3\nbacth: 4\n")
    with pytest.raises(ValueError, match=r"bad\.yaml: unknown key 'bacth'; did you mean 'batch'"):
        load(bad, [])
    bad.write_text("extends: bad.yaml\n")
    with pytest.raises(ValueError, match="extends itself"):
        load(bad, [])
    bad.write_text("a: [1\n")
    with pytest.raises(ValueError, match=r"bad\.yaml: not YAML"):
        load(bad, [])
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none.yaml", [])
