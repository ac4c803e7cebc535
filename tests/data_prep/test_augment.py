"""Augmentation: what each change does, and that it does not depend on the ranks."""

import pytest
import torch

from data_prep.augment import Augment

X = torch.rand(12, 3, 20, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
PLACE = {"seed": 1, "step": 4, "start": 0, "total": 12}
ALL = Augment(flip=0.5, shift=0.1, zoom=0.1, rotate=10, light=0.2, colour=0.3, erase=0.5)


def test_a_batch_is_the_same_for_any_number_of_ranks():
    whole = ALL(X, **PLACE)
    for start in (0, 4, 8):
        part = ALL(X[start : start + 4], **{**PLACE, "start": start})
        torch.testing.assert_close(part, whole[start : start + 4], rtol=0, atol=1e-6)


def test_steps_and_seeds_differ_and_the_input_stays():
    before = X.clone()
    assert not torch.equal(ALL(X, **PLACE), ALL(X, **{**PLACE, "step": 5}))
    assert not torch.equal(ALL(X, **PLACE), ALL(X, **{**PLACE, "seed": 2}))
    assert torch.equal(X, before)


def test_off_is_off_and_a_sure_flip_mirrors():
    assert torch.equal(Augment(flip=0)(X, **PLACE), X)
    assert torch.equal(Augment(flip=1)(X, **PLACE), X.flip(3))
    # as part of a resampling that moves nothing else, the flip is the same one
    resampled = Augment(flip=1, shift=1e-9)(X, **PLACE)
    torch.testing.assert_close(resampled, X.flip(3), rtol=0, atol=1e-4)


def test_a_rotation_keeps_shapes_round_on_images_that_are_not_square():
    """A disc stays a disc: rotating in normalised coordinates alone would shear it."""
    y, x = torch.meshgrid(torch.arange(60) - 29.5, torch.arange(40) - 19.5, indexing="ij")
    disc = ((x**2 + y**2) < 12**2).float().expand(8, 3, 60, 40)
    turned = Augment(flip=0, rotate=90)(disc, **PLACE)
    assert (turned - disc).abs().mean() < 0.02


def test_erasing_blanks_between_5_and_25_percent():
    x = torch.ones(400, 3, 100, 100)
    erased = (Augment(flip=0, erase=1)(x, seed=0, step=0, start=0, total=400) == 0)[:, 0]
    share = erased.float().mean(dim=(1, 2))
    assert (
        share.min() > 0.04 and share.max() < 0.27 and share.mean() == pytest.approx(0.15, abs=0.02)
    )
    half = Augment(flip=0, erase=0.5)(x, seed=0, step=0, start=0, total=400)
    assert (half[:, 0] == 0).flatten(1).any(1).float().mean() == pytest.approx(0.5, abs=0.08)
