"""Augmentation: what each change does, and that it does not depend on the ranks."""

import numpy as np
import pytest
import torch
from scipy.ndimage import map_coordinates
from torchvision.transforms.v2 import functional

from data_prep.augment import Augment
from data_prep.transforms import Transform

X = torch.rand(12, 3, 20, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
PLACE = {"seed": 1, "step": 4, "start": 0, "total": 12}
OLDER = {"shift": 0.1, "zoom": 0.1, "rotate": 10, "light": 0.2, "colour": 0.3, "erase": 0.5}
NEWER = {"crop": 0.3, "grey": 0.4, "blur": 0.5, "low_resolution": 0.5}
ALL = Augment(flip=0.5, **OLDER, **NEWER)


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


SQUARE = torch.rand(9, 3, 40, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1
MORE = {"seed": 3, "step": 8, "start": 0, "total": 9}


def drawn(column: int) -> torch.Tensor:
    """The numbers that the newer changes are made of."""
    draws = np.random.default_rng([3, 8, 0, 2]).random((9, 8), dtype=np.float32)
    return torch.from_numpy(draws[:, column])


def test_grey_is_torchvisions():
    grey = Augment(flip=0, grey=1)(SQUARE, **MORE)
    truth = functional.rgb_to_grayscale(SQUARE, num_output_channels=3)
    torch.testing.assert_close(grey, truth, rtol=0, atol=3e-4)  # its weights add up to 0.9999
    some = Augment(flip=0, grey=0.4)(SQUARE, **MORE)
    chosen = drawn(3) < 0.4
    assert 0 < chosen.sum() < 9
    assert torch.equal(some[chosen], grey[chosen]) and torch.equal(some[~chosen], SQUARE[~chosen])


def test_blur_is_torchvisions():
    for share in (1.0, 0.5):
        blurred, chosen = Augment(flip=0, blur=share)(SQUARE, **MORE), drawn(4) < share
        assert 0 < chosen.sum() <= 9
        for x, found, sigma, is_chosen in zip(SQUARE, blurred, drawn(5), chosen):
            truth = functional.gaussian_blur(x, [13, 13], [0.1 + 1.9 * float(sigma)] * 2)
            torch.testing.assert_close(found, truth if is_chosen else x, rtol=0, atol=2e-6)


def test_low_resolution_is_torchvisions_resize_there_and_back():
    for share in (1.0, 0.5):
        low = Augment(flip=0, low_resolution=share)(SQUARE, **MORE)
        chosen = drawn(6) < share
        assert 0 < chosen.sum() <= 9
        for x, found, left, is_chosen in zip(SQUARE, low, drawn(7), chosen):
            sides = [round(side * (0.2 + 0.8 * float(left))) for side in (40, 32)]
            small = functional.resize(x, sides, antialias=True)
            truth = functional.resize(small, [40, 32], antialias=True)
            torch.testing.assert_close(found, truth if is_chosen else x, rtol=0, atol=2e-6)


def test_a_crop_is_a_window_stretched():
    """Against SciPy's bilinear interpolation at the places that the window's pixels come from."""
    cropped = Augment(flip=0, crop=0.5)(SQUARE, **MORE)
    for x, found, cut, across, down in zip(SQUARE, cropped, drawn(0), drawn(1), drawn(2)):
        left = 1 - 0.5 * float(cut)
        y = (1 - left) * 40 * float(down) + left * (np.arange(40) + 0.5) - 0.5
        col = (1 - left) * 32 * float(across) + left * (np.arange(32) + 0.5) - 0.5
        places = np.meshgrid(y, col, indexing="ij")
        for channel, result in zip(x.numpy(), found):
            truth = map_coordinates(channel, places, order=1, mode="grid-constant")
            np.testing.assert_allclose(result, truth, rtol=0, atol=2e-5)


DRAW = torch.Generator().manual_seed(2)  # not torch's own, from which other tests draw too
PIXELS = torch.randint(256, (9, 40, 32, 3), dtype=torch.uint8, generator=DRAW)


def test_pixels_are_mirrored_as_normalised_images_are():
    normalise = Transform(height=40, width=32).normalise
    for changes in ({"flip": 0.5}, {"flip": 0.0}, {"flip": 0.4, "light": 0.1, "grey": 0.3}):
        augment = Augment(**changes)
        truth = augment(normalise(PIXELS), **MORE)
        assert torch.equal(augment.prepare(PIXELS.clone(), normalise, **MORE), truth)


def test_normalising_is_the_same_arithmetic_in_any_number_of_pieces():
    for count in (0, 1, 9):
        pixels = PIXELS[:count]
        x = Transform().normalise(pixels)
        assert torch.equal(x, (pixels.permute(0, 3, 1, 2).float() - 127.5) / 127.5)
        assert x.is_contiguous(memory_format=torch.channels_last) or count == 0


def test_what_was_there_draws_as_it_did_before_the_newer_changes_came():
    """A resumed run goes on with the images that it would have had."""
    draws = np.random.default_rng([3, 8]).random((9, 12), dtype=np.float32)
    flipped = Augment(flip=0.5)(SQUARE, **MORE)
    for x, found, number in zip(SQUARE, flipped, draws[:, 0]):
        assert torch.equal(found, x.flip(2) if number < 0.5 else x)
    darker = Augment(flip=0, light=0.5)(SQUARE, **MORE)
    gain, offset = ((2 * torch.from_numpy(draws[:, k]) - 1) * 0.5 for k in (5, 6))
    truth = SQUARE * (1 + gain).view(-1, 1, 1, 1) + offset.view(-1, 1, 1, 1)
    assert torch.equal(darker, truth)
