"""The command: what it refuses, and what it says."""

import pytest

from experiments.__main__ import main
from tests.conftest import command, done, refused


def test_help():
    said = done(command("experiments", "--help")).stdout
    for word in ("mnist", "faces", "orl", "collect", "tables --check"):
        assert word in said


def test_missing_data_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("LIKENESS_DATA", str(tmp_path))
    said = refused(command("experiments", "mnist", "--only", "mnist_coco", "--out", tmp_path / "o"))
    assert "mnist.npz" in said and "set LIKENESS_DATA" in said
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(
    "words, expected",
    [
        (["mnist", "--seeds", "0"], "expected at least 1"),
        (["mnist", "--workers", "0"], "expected at least 1"),
        (["orl", "--loss", "softmex"], "expected one of softmax, virtual"),
    ],
)
def test_wrong_words(words, expected):
    with pytest.raises(ValueError, match=expected):
        main(words)
