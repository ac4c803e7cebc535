"""Configurations: layers of YAML, overrides, and one clear line for each mistake."""

from pathlib import Path

import pytest

from configs.load import load, to_yaml

PRESETS = sorted(Path("configs/presets").glob("*.yaml"))


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
        ("optim.lrr=1", r"word 'optim.lrr=1': unknown key 'optim.lrr'; did you mean 'optim.lr'"),
        ("lr=1", "unknown key 'lr'; did you mean 'head.lr' or 'optim.lr'?"),
        ("data.sample_rate=1", "did you mean 'head.sample_rate'?"),
        ("backbone.height=[1", "word 'backbone.height=.1', line 1: not YAML"),
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
    with pytest.raises(
        ValueError, match=r"bad\.yaml, line 2: unknown key 'bacth'; did you mean 'batch'"
    ):
        load(bad, [])
    bad.write_text("extends: bad.yaml\n")
    with pytest.raises(ValueError, match="extends itself"):
        load(bad, [])
    bad.write_text("a: [1\n")
    with pytest.raises(ValueError, match=r"bad\.yaml, line 2: not YAML"):
        load(bad, [])
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none.yaml", [])


@pytest.mark.parametrize(
    "text, message",
    [
        ("seed: 1\noptim:\n  lr: 0.1\n  lrr: 2\n", "line 4: unknown key 'optim.lrr'; did you mean"),
        ("seed: 1\noptim:\n  lr: fast\n", "line 3: optim.lr: expected float, got fast"),
        (
            "optim: {lr: 1,\n  momentum: 3}\n",
            "line 2: optim.momentum: expected 0 to below 1, got 3",
        ),
        ("seed: 1\noptim: 3\n", "line 2: optim is a section, expected keys, got 3"),
        ("seed: 1\nbatch: 2\nseed: 3\n", "line 3: seed is given twice, first on line 1"),
        ("loss: {name: am}\nextends: [a]\n", "line 2: extends: expected a file's path"),
    ],
)
def test_the_line_of_a_mistake(tmp_path, text, message):
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(ValueError) as caught:
        load(path, [])
    assert f"{path}, {message}" in str(caught.value) and "\n" not in str(caught.value)


def test_a_mistake_is_where_it_was_made_last(tmp_path):
    (tmp_path / "base.yaml").write_text("optim:\n  lr: -1\n")
    (tmp_path / "over.yaml").write_text("extends: base.yaml\nseed: 1\n")
    with pytest.raises(ValueError, match=r"base\.yaml, line 2: optim.lr: expected above 0"):
        load(tmp_path / "over.yaml", [])
    with pytest.raises(ValueError, match=r"^word 'optim.lr=-2': optim.lr: expected above 0"):
        load(tmp_path / "over.yaml", ["optim.lr=-2"])


def test_numbers_with_an_exponent_are_numbers(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("optim: {lr: 1e-3}\nloss: {args: {margin: 5e-1, t: -.5E2}}\n")
    config = load(path, ["loss.args.scale=1e1"])
    assert config.optim.lr == 1e-3
    assert config.loss.args == {"margin": 0.5, "t": -50.0, "scale": 10.0}
