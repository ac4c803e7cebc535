"""What is verified on while training, as it may be written."""

import pytest

from configs.schema import ValidationConfig


@pytest.mark.parametrize(
    "settings, sets",
    [
        ({}, []),
        ({"images": "crops", "pairs": "p.txt"}, [("crops", "p.txt", "lfw")]),
        ({"images": "a.bin"}, [("a.bin", "a.bin", "lfw")]),
        ({"images": ["a.bin", "b.bin"]}, [("a.bin", "a.bin", "lfw"), ("b.bin", "b.bin", "lfw")]),
        (
            {"images": "crops", "pairs": ["p.txt", "s.txt"], "protocol": ["lfw", "sllfw"]},
            [("crops", "p.txt", "lfw"), ("crops", "s.txt", "sllfw")],
        ),
        (
            {"images": ["crops", "b.bin"], "pairs": ["p.txt", "b.bin"]},
            [("crops", "p.txt", "lfw"), ("b.bin", "b.bin", "lfw")],
        ),
    ],
)
def test_sets(settings, sets):
    assert ValidationConfig(**settings).sets == sets


@pytest.mark.parametrize(
    "settings, expected",
    [
        ({"images": "crops"}, "images and pairs together"),
        ({"images": ["crops", "b.bin"]}, "images and pairs together"),
        ({"pairs": "p.txt"}, "images and pairs together"),
        ({"images": ["a", "b"], "pairs": ["p", "q", "r"]}, "lists of one length"),
    ],
)
def test_what_does_not_go_together_is_refused(settings, expected):
    with pytest.raises(ValueError, match=expected):
        ValidationConfig(**settings)
