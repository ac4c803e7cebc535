"""Signatures: the same photograph stays near itself, other ones stay far."""

import cv2
import numpy as np
import pytest

from data_prep.clean.signatures import _MIRROR, SIDE, frequencies, signatures_of, small_grey
from data_prep.dataset import FolderImages, open_images
from data_prep.images import encode


@pytest.fixture
def folder(people, tmp_path):
    """The crops of the synthetic people, and changed copies of one of them."""
    for path in sorted(people.crops.glob("*/*.png")) + sorted(people.crops.glob("*/*.jpg")):
        target = tmp_path / path.relative_to(people.crops)
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(path.read_bytes())
    first = FolderImages(tmp_path)
    pixels = first[0]
    copies = tmp_path / "copies"
    copies.mkdir()
    larger = cv2.resize(pixels, (90, 90), interpolation=cv2.INTER_CUBIC)
    darker = (pixels * 0.6 + 10).astype(np.uint8)
    shifted = np.roll(pixels, 1, axis=1)
    for name, changed in {
        "0_same": pixels,
        "1_larger": larger,
        "2_darker": darker,
        "3_shifted": shifted,
        "4_mirrored": np.ascontiguousarray(pixels[:, ::-1]),
    }.items():
        (copies / f"{name}.jpg").write_bytes(encode(changed, ".jpg", 60))
    (copies / "5_flat.png").write_bytes(encode(np.full((64, 64, 3), 90, np.uint8), ".png"))
    (copies / "6_broken.jpg").write_bytes(b"\xff\xd8no image")
    return FolderImages(tmp_path)


def distance(one, other):
    return int(np.bitwise_count(one ^ other).sum())


def test_changed_copies_are_near_and_others_far(folder, tmp_path):
    found = signatures_of(folder, tmp_path)
    copies = {name: i for i, name in enumerate(folder.names) if name.startswith("copies/")}
    original = next(i for i in range(len(folder)) if i not in copies.values())
    for name, place in copies.items():
        mirrored = "mirrored" in name
        if "flat" in name or "broken" in name:
            assert not found.usable[place]
            continue
        signs = found.mirrored if mirrored else found.signs
        assert distance(found.signs[original], signs[place]) <= 24, name
        value = found.correlation(np.array([original]), np.array([place]), np.array([mirrored]))[0]
        assert value > 0.85, name
    assert found.broken == 1
    others = [i for i in range(len(folder)) if i not in copies.values() and i != original]
    far = [distance(found.signs[original], found.signs[i]) for i in others]
    assert min(far) > 24 and 40 < np.median(far) < 90


def test_mirrored_signs_are_those_of_the_mirrored_image(folder, tmp_path):
    pixels = folder[3]
    plain = frequencies(small_grey(pixels))
    turned = frequencies(small_grey(np.ascontiguousarray(pixels[:, ::-1])))
    np.testing.assert_allclose(plain * _MIRROR, turned, atol=1e-5)


def test_damaged_records_are_broken_and_not_the_same_file(people, tmp_path):
    for path in people.records.parent.glob("train.*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    source = open_images(tmp_path / "train")
    data = bytearray((tmp_path / "train.rec").read_bytes())
    for place in (3, 9):
        data[data.index(source.encoded(place)) + 60] ^= 1
    (tmp_path / "train.rec").write_bytes(data)
    found = signatures_of(open_images(tmp_path / "train"), tmp_path)
    assert found.broken == 2 and np.flatnonzero(~found.usable).tolist() == [3, 9]
    assert len(np.unique(found.digest, axis=0)) == len(source)


def test_correlation_is_that_of_numpy(folder, tmp_path):
    found = signatures_of(folder, tmp_path)

    def reference(i, turn):
        grey = np.asarray(found.grey[i], float)
        grey = (grey[:, ::-1] if turn else grey).ravel()
        grey = grey - grey.mean()
        return grey / np.linalg.norm(grey) - found.usual.grey

    for i, j, turn in ((0, 15, False), (21, 9, True), (14, 14, False)):
        expected = np.corrcoef(reference(i, False), reference(j, turn))[0, 1]
        value = found.correlation(np.array([i]), np.array([j]), np.array([turn]))
        assert value[0] == pytest.approx(expected, abs=1e-5)
    assert found.grey.shape == (len(folder), SIDE, SIDE)


def test_workers_change_nothing_and_the_scratch_file_has_no_name(folder, tmp_path):
    one, other = signatures_of(folder, tmp_path), signatures_of(folder, tmp_path, workers=3)
    for name in ("digest", "signs", "mirrored", "usable", "grey"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert not [path for path in tmp_path.iterdir() if path.is_file()]
