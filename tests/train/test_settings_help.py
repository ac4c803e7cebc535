"""`python -m train --help` lists every setting with its default."""

from dataclasses import fields, is_dataclass
from typing import get_type_hints

from configs.load import load
from configs.schema import TrainConfig
from tests.conftest import command, done
from train.settings_help import settings_text


def test_every_setting_is_listed_with_the_default_that_it_has():
    words = settings_text().split()
    hints, config = get_type_hints(TrainConfig), load(None, [])
    for one in fields(TrainConfig):
        value = getattr(config, one.name)
        if not is_dataclass(hints[one.name]):
            assert any(word.startswith(f"{one.name}=") for word in words), one.name
            continue
        for key in fields(value):
            default = str(getattr(value, key.name)).lower()
            assert f"{one.name}.{key.name}={default}".replace(" ", "") in [
                word.lower() for word in words
            ], key.name


def test_help_shows_them_and_an_example():
    text = done(command("train", "--help")).stdout
    assert settings_text() in text and "python -m train --config" in text
