"""Images with labels, and images with names, from every kind of place."""

import shutil

import numpy as np
import pytest

from data_prep.dataset import FaceDataset, open_images
from data_prep.images import encode
from data_prep.records import recordio
from data_prep.records.header import pack
from data_prep.records.reader import RecordSet
from data_prep.records.writer import RecordSetWriter
from data_prep.sources.verification_bin import write_bin

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 20, 16, 3), np.uint8)
NAMES = ["a/0.png", "a/1.png", "b/0.png", "c/0.png", "c/1.png"]


@pytest.fixture
def prefix(tmp_path):
    with RecordSetWriter(tmp_path / "set/train", height=20, width=16) as writer:
        for name, pixels in zip(NAMES, PIXELS):
            writer.add(name[0], encode(pixels, ".png"), name)
    return tmp_path / "set/train"


def test_pixels_are_rgb_and_labels_the_records(prefix):
    faces = FaceDataset(prefix)
    assert len(faces) == 5 and faces.num_classes == 3
    assert faces.labels.tolist() == [0, 0, 1, 2, 2]
    for (pixels, label), expected, stored in zip(faces, PIXELS, faces.labels):
        assert np.array_equal(pixels, expected) and pixels.dtype == np.uint8
        assert label == stored and type(label) is int
    pixels, labels = np.zeros((2, 20, 16, 3), np.uint8), np.zeros(2, np.int64)
    faces.read(np.array([4, 0]), pixels, labels)
    assert labels.tolist() == [2, 0] and np.array_equal(pixels, PIXELS[[4, 0]])


def test_several_sets_are_different_people(prefix):
    faces = FaceDataset([prefix, RecordSet(prefix)])
    assert faces.labels.tolist() == [0, 0, 1, 2, 2, 3, 3, 4, 5, 5] and faces.num_classes == 6
    assert faces.groups == [range(5), range(5, 10)]
    assert np.array_equal(faces[7][0], PIXELS[2]) and faces[7][1] == 4
    faces.expect(range(10))
    for outside in (-1, 10):
        with pytest.raises(IndexError):
            faces[outside]
        with pytest.raises(IndexError):
            faces.expect([outside])
    with pytest.raises(ValueError, match="empty list"):
        FaceDataset([])


def test_a_damaged_image_is_named(tmp_path):
    with RecordSetWriter(tmp_path / "train", height=20, width=16) as writer:
        writer.add("a", b"no image", "a/0.png")
    with pytest.raises(ValueError, match=r"train\.rec, key 1: 8 bytes that are no image"):
        FaceDataset(tmp_path / "train")[0]


def test_in_place_of_an_image_that_cannot_be_read(tmp_path):
    """Read into a batch: no image, another size, cut short; as the caller says, or an error."""
    jpeg = encode(PIXELS[3], ".jpg")
    cases = [
        (b"no image", r"key 2: 8 bytes that are no image"),
        (encode(PIXELS[0, :10], ".png"), r"key 3: expected 20x16 .* found 10x16; align first"),
        (jpeg[:-20], r"key 4: the JPEG is cut short"),
        (jpeg[:60] + b"\xff\xd9", r"key 5: 62 bytes that are no image"),
    ]
    with RecordSetWriter(tmp_path / "train", height=20, width=16) as writer:
        writer.add("a", encode(PIXELS[0], ".png"), "a/0.png")
        for number, (bad, _) in enumerate(cases):
            writer.add("b", bad, f"b/{number}.png")
        writer.add("c", jpeg, "c/0.jpg")
    faces = FaceDataset(tmp_path / "train")
    pixels, labels = np.zeros((3, 20, 16, 3), np.uint8), np.zeros(3, np.int64)
    for place, (_, message) in enumerate(cases, start=1):
        with pytest.raises(ValueError, match=rf"train\.rec, {message}"):
            faces.read(np.array([0, 5, place]), pixels, labels)
    told = []

    def following(place: int, reason: str) -> int:
        told.append((place, reason))
        return place + 1

    places = np.array([0, 2, 5])
    faces.read(places, pixels, labels, following)
    assert labels.tolist() == [0, 2, 2] and places.tolist() == [0, 2, 5]
    assert np.array_equal(pixels[0], PIXELS[0]) and np.array_equal(pixels[1], faces[5][0])
    assert np.array_equal(pixels[2], faces[5][0])
    assert [place for place, _ in told] == [2, 3, 4]
    assert all(f"key {place + 1}" in reason for place, reason in told)


def test_folders_records_and_bins_give_the_same_images(prefix, tmp_path):
    for name, pixels in zip(NAMES, PIXELS):
        (tmp_path / "crops" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "crops" / name).write_bytes(encode(pixels, ".png"))
    encoded = [encode(pixels, ".png") for pixels in PIXELS[:4]]
    write_bin(tmp_path / "lfw.bin", encoded, [True, False])
    for path, names in [
        (tmp_path / "crops", NAMES),
        (prefix, NAMES),
        (prefix.with_suffix(".rec"), NAMES),
        (tmp_path / "lfw.bin", ["000000", "000001", "000002", "000003"]),
    ]:
        images = open_images(path)
        assert images.names == names and len(images) == len(names) and images.size == (20, 16)
        assert all(np.array_equal(found, pixels) for found, pixels in zip(images, PIXELS))


def test_images_of_another_size_are_named(tmp_path):
    (tmp_path / "a.png").write_bytes(encode(PIXELS[0], ".png"))
    (tmp_path / "b.png").write_bytes(encode(PIXELS[0, :10], ".png"))
    images = open_images(tmp_path)
    with pytest.raises(ValueError, match=r"b\.png: expected 20x16 .* found 10x16"):
        images[1]


def test_places_without_images(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected a folder of images, a record set"):
        open_images(tmp_path / "none")
    (tmp_path / "x.txt").write_text("x")
    with pytest.raises(ValueError, match="expected a folder of images, a record set"):
        open_images(tmp_path / "x.txt")
    with pytest.raises(ValueError, match="found none at any depth"):
        open_images(tmp_path)


def write_shards(folder, labels):
    """Shards as other programs write them: keys from 0 in each, labels in common."""
    folder.mkdir()
    images = iter(PIXELS)
    for number, shard in enumerate(labels):
        payloads = [
            pack(label, key, encode(next(images), ".png")) for key, label in enumerate(shard)
        ]
        frames = b"".join(map(recordio.encode, payloads))
        (folder / f"shard-{number}.rec").write_bytes(frames)


def test_shards_share_their_labels(prefix, tmp_path):
    write_shards(tmp_path / "shards", [[0, 3], [3, 1], [5]])
    pattern = str(tmp_path / "shards/*.rec")
    faces = FaceDataset(pattern)
    assert faces.labels.tolist() == [0, 3, 3, 1, 5] and faces.num_classes == 6
    assert all(np.array_equal(pixels, known) for (pixels, _), known in zip(faces, PIXELS))
    both = FaceDataset([prefix, pattern.removesuffix(".rec"), prefix])
    assert both.labels.tolist() == [0, 0, 1, 2, 2, 3, 6, 6, 4, 8, 9, 9, 10, 11, 11]
    assert both.num_classes == 12 and len(both.sets) == 5
    assert both.groups == [range(5), range(5, 10), range(10, 15)]
    shard, place = both.find(8)
    assert shard.rec.name == "shard-1.rec" and place == 1
    assert both[7][1] == 6 and np.array_equal(both[7][0], PIXELS[2])
    (tmp_path / "shards/property").write_text("8,20,16\n")
    assert FaceDataset(tmp_path / "shards/*.rec").num_classes == 8


def test_images_of_shards(tmp_path):
    write_shards(tmp_path / "shards", [[0, 3], [3, 1], [5]])
    images = open_images(tmp_path / "shards/shard-?.rec")
    assert images.names == [
        "000000/00000-00000000",
        "000003/00000-00000001",
        "000003/00001-00000000",
        "000001/00001-00000001",
        "000005/00002-00000000",
    ]
    assert all(np.array_equal(found, known) for found, known in zip(images, PIXELS))
    assert images.where(3).endswith("shard-1.rec, key 1 (000001/00001-00000001)")


def test_a_pattern_that_fits_nothing(tmp_path):
    for function in (FaceDataset, open_images):
        with pytest.raises(FileNotFoundError, match=r"none/\*\.rec: expected a pattern of \.rec"):
            function(tmp_path / "none/*.rec")


def test_a_name_that_only_looks_like_a_pattern(prefix, tmp_path):
    prefix.parent.rename(tmp_path / "set[1]")
    assert len(FaceDataset(tmp_path / "set[1]/train")) == 5
    assert len(open_images(tmp_path / "set[1]/train.rec")) == 5


def test_sets_packed_apart_are_no_shards(prefix, tmp_path):
    with RecordSetWriter(tmp_path / "other/train", height=20, width=16) as writer:
        writer.add("d", encode(PIXELS[0], ".png"), "d/0.png")
    with pytest.raises(ValueError, match=r"the people of .*other/train\.rec, .* names others"):
        FaceDataset(tmp_path / "*/train.rec")


def test_shards_that_overlap_have_no_names(prefix, tmp_path):
    shutil.copytree(prefix.parent, tmp_path / "set2")
    assert FaceDataset(tmp_path / "set*/train").num_classes == 3
    with pytest.raises(ValueError, match=r"two images are named 'a/0\.png'"):
        open_images(tmp_path / "set*/train")


def test_a_damaged_list_of_names_is_named(prefix):
    lst = prefix.with_suffix(".lst")
    lst.write_bytes(lst.read_bytes().replace(b"a/0", b"\xff/0"))
    with pytest.raises(ValueError, match=r"train\.lst: expected names in UTF-8, byte 4 is not"):
        open_images(prefix)
