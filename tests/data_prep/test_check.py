"""Each way in which a set can be wrong is planted, and found under file, key and byte."""

import struct
from pathlib import Path

import numpy as np
import pytest

from data_prep import traps
from data_prep.check import find_problems
from data_prep.images import encode
from data_prep.records import header, recordio
from data_prep.records.header import SIZE, pack
from data_prep.records.reader import RecordSet
from data_prep.records.writer import RecordSetWriter
from tests.conftest import command, refused


def image(seed: int, side: int = 16) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)
    return encode(pixels, ".jpg")


IMAGES = [image(seed) for seed in range(6)]


def write_records(prefix: Path, records: list[tuple[int, bytes]]) -> dict[int, int]:
    """A set as a foreign program may write it, from (key, payload); offsets by key."""
    frames = [recordio.encode(payload) for _, payload in records]
    offsets = np.cumsum([0, *map(len, frames)]).tolist()
    keys = [key for key, _ in records]
    prefix.with_suffix(".rec").write_bytes(b"".join(frames))
    lines = [f"{key}\t{offset}\n" for key, offset in zip(keys, offsets)]
    prefix.with_suffix(".idx").write_text("".join(lines))
    return dict(zip(keys, offsets))


def insightface(
    prefix: Path, labels: list[int], ranges: list[tuple[int, int]], images: list[bytes] = IMAGES
) -> dict[int, int]:
    """Images from key 1, identity records of `ranges`, and the header record."""
    records = [(i + 1, pack(label, i + 1, images[i])) for i, label in enumerate(labels)]
    first = len(labels) + 1
    records += [(first + i, pack(bounds, first + i)) for i, bounds in enumerate(ranges)]
    records.append((0, pack((first, first + len(ranges)), 0)))
    return write_records(prefix, records)


@pytest.fixture
def prefix(tmp_path) -> Path:
    return tmp_path / "train"


@pytest.fixture
def found(prefix):
    """Asserts that a problem of the set has all these words in one line."""

    def look(*words: object, alone: bool = False) -> None:
        problems = find_problems(prefix)
        fits = [line for line in problems if all(str(word) in line for word in words)]
        assert fits and not any("\n" in line for line in problems), problems
        assert not alone or len(problems) == 1, problems

    return look


def test_good_sets_have_none(prefix):
    insightface(prefix, [0, 0, 1, 2], [(1, 3), (3, 4), (4, 5)])
    assert find_problems(prefix) == []
    prefix.with_name("property").write_text("3,16,16\n4\n")
    assert find_problems(prefix) == []
    write_records(prefix, [(i, pack(i // 2, i, data)) for i, data in enumerate(IMAGES)])
    prefix.with_name("property").unlink()
    assert find_problems(prefix) == []
    prefix.with_suffix(".idx").unlink()
    assert find_problems(prefix) == []


def test_wide_sets_have_none(prefix, monkeypatch):
    """With the limit lowered: our own sets past it carry exact numbers."""
    monkeypatch.setattr(header, "EXACT_LIMIT", 3)
    with RecordSetWriter(prefix, height=16, width=16) as writer:
        for i, data in enumerate(IMAGES):
            writer.add(f"p{i}", data, f"{i}.jpg")
    assert RecordSet(prefix).wide and find_problems(prefix) == []


def test_no_image_is_whole(prefix, found):
    with RecordSetWriter(prefix, height=16, width=16) as writer:
        writer.add("p", IMAGES[0], "0.jpg")
    rec = prefix.with_suffix(".rec")
    rec.write_bytes(rec.read_bytes().replace(b"\xff\xd9", b"\xff\xd8"))
    found("train.rec, key 1, byte 0: the record's CRC-32 is not the manifest's")


def test_ungrouped_labels(prefix, found):
    insightface(prefix, [0, 1, 0, 1], [(1, 2), (2, 3), (3, 4), (4, 5)])
    found("train.rec, key 3:", "label 0 comes back", "2 labels come in 4 runs")
    found("train.rec: 4 identity records for 2 people", "face2rec2")


def test_class_counts_against_property(prefix, found):
    insightface(prefix, [0, 0, 2], [(1, 3), (3, 4)])
    found("train.rec: states 3 classes", "1 of 3 classes have no image, first 1", alone=True)
    prefix.with_name("property").write_text("5,16,16\n")
    found("property: states 5 classes", "3 of 5 classes have no image, first 1", alone=True)
    prefix.with_name("property").write_text("2,16,16\n")
    found("property: states 2 classes", "train.rec, key 3 has label 2", alone=True)
    prefix.with_name("property").write_text("3,16\n")
    found("property, line 1: expected classes,height,width")


def test_the_second_line_of_property(prefix, found):
    """rec2shufrec writes four lines, RecBuilder two (formats.md 2.4, trap 4)."""
    insightface(prefix, [0, 0, 1], [(1, 3), (3, 4)])
    prefix.with_name("property").write_text("2,16,16\n3\nshuffled\n2019-02-01 10:00\n")
    assert find_problems(prefix) == []
    prefix.with_name("property").write_text("2,16,16\n4\n")
    found("property, line 2: says 4 images, the set has 3", alone=True)


def test_repeated_keys(prefix, found):
    keys = [(0, 0), (1, 1), (0, 2), (2, 3)]
    write_records(prefix, [(key, pack(0, key, IMAGES[i])) for key, i in keys])
    third = len(recordio.encode(pack(0, 0, IMAGES[0])) + recordio.encode(pack(0, 1, IMAGES[1])))
    found("train.idx: key 0 comes 2 times, line 1 (byte 0), line 3", f"(byte {third})", alone=True)


def test_images_that_cannot_be_decoded_or_have_another_size(prefix, found):
    images = [IMAGES[0], IMAGES[1][:-30], b"no picture", image(4, 8), IMAGES[4]]
    insightface(prefix, [0] * 5, [(1, 6)], images)
    found("train.rec, key 2: the JPEG is cut short")
    found("train.rec, key 3: 10 bytes that are no image")
    found("train.rec, key 4: 8x8 pixels (height x width), expected 16x16")
    assert len(find_problems(prefix)) == 3
    prefix.with_name("property").write_text("1,8,8\n")
    found("train.rec, key 1: 16x16 pixels (height x width), expected 8x8")


def test_a_cut_end(prefix, found):
    offsets = insightface(prefix, [0, 0, 1], [(1, 3), (3, 4)])
    rec = prefix.with_suffix(".rec")
    rec.write_bytes(rec.read_bytes()[: offsets[3] + 50])
    found("train.rec: the index names a record at byte")
    found(f"train.rec, byte {offsets[3]}:", "before the end (damaged or cut end)")
    found("train.idx, line 3: gives key 3 the byte", "where no sound record begins")


def test_bytes_changed_in_the_middle(prefix, found):
    offsets = write_records(prefix, [(i, pack(i // 2, i, data)) for i, data in enumerate(IMAGES)])
    rec = prefix.with_suffix(".rec")
    whole = rec.read_bytes()
    rec.write_bytes(whole[: offsets[2]] + b"\0" + whole[offsets[2] + 1 :])
    found(f"train.rec, byte {offsets[2]}: expected the magic 0xced7230a")
    rec.write_bytes(whole[:-100] + b"\0" * 100)
    prefix.with_suffix(".idx").unlink()
    found("train.rec, key 5: the JPEG is cut short")


@pytest.mark.parametrize("with_manifest", [True, False])
def test_an_index_of_another_set(prefix, found, with_manifest):
    """The rest is looked at all the same."""
    with RecordSetWriter(prefix, height=16, width=16) as writer:
        for i, data in enumerate([*IMAGES[:4], b"no picture"]):
            writer.add(f"p{i // 2}", data, f"{i}.jpg")
    if not with_manifest:
        prefix.with_suffix(".manifest.json").unlink()
    idx = prefix.with_suffix(".idx")
    idx.write_text("".join(f"{key}\t{key * 48}\n" for key in range(9)))
    found("train.rec, byte 384: expected the magic")
    found("train.idx, line", "where no sound record begins")
    found("train.rec, key 5, byte", "10 bytes that are no image OpenCV can decode")
    found("states 3 classes", "1 of 3 classes have no image, first 2")
    idx.write_text("no index\n")
    found("train.idx, line 1: expected key, tab, byte offset")
    found("train.rec, key 5, byte", "(undecodable image)")


def test_two_swapped_lines_of_the_index(prefix, found):
    offsets = write_records(prefix, [(i, pack(0, i, data)) for i, data in enumerate(IMAGES)])
    offsets[2], offsets[3] = offsets[3], offsets[2]
    lines = [f"{key}\t{offset}\n" for key, offset in offsets.items()]
    prefix.with_suffix(".idx").write_text("".join(lines))
    found("train.rec, key 2, byte", "expected a record with id 2, found id 3")


def test_a_record_that_the_index_does_not_name(prefix, found):
    offsets = write_records(prefix, [(i, pack(0, i, data)) for i, data in enumerate(IMAGES)])
    lines = [f"{key}\t{offset}\n" for key, offset in offsets.items() if key != 4]
    prefix.with_suffix(".idx").write_text("".join(lines))
    found("train.idx: does not name 1 records, first at byte", offsets[4])


def with_label(payload: bytes, label: float) -> bytes:
    return payload[:4] + struct.pack("<f", label) + payload[8:]


def test_labels_that_float32_cannot_tell_apart(prefix, found):
    """16777217 was stored as 16777216 by whoever wrote it (formats.md 2.3)."""
    labels = [3, 16777216, 16777217]
    payloads = [with_label(pack(0, i, IMAGES[i]), label) for i, label in enumerate(labels)]
    write_records(prefix, list(enumerate(payloads)))
    found("train.rec, key 1: found label 16777216, float32 cannot tell")
    prefix.with_suffix(".idx").write_text("0\t4\n")
    for key in (1, 2):
        found(f"train.rec, key {key}, byte", "float32 cannot tell class 16777216 from others")


def test_labels_that_are_no_class(prefix, found):
    write_records(prefix, [(i, pack(i / 2, i, IMAGES[i])) for i in range(3)])
    found("train.rec, key 1: expected a class number from 0, found label 0.5", alone=True)


def test_ranges_that_float32_cannot_say(prefix, found, monkeypatch):
    """With the limit lowered: ranges beyond it are off by one, as in Glint360K."""
    monkeypatch.setattr(traps, "is_exact", lambda number: number < 4)
    offsets = insightface(prefix, [0, 0, 1, 1, 1], [(1, 3), (3, 5)])
    found(
        f"train.rec, key 7, byte {offsets[7]}: the identity record says keys 3 to 4, the images of "
        "label 1 are 3 to 5; float32 cannot store every number beyond 16777216",
        alone=True,
    )


def test_identity_records_that_lie(prefix, found):
    offsets = insightface(prefix, [0, 0, 1, 2], [(1, 3), (3, 5), (4, 5)])
    found(
        f"train.rec, key 6, byte {offsets[6]}: the identity record says keys 3 to 4, the images of "
        "label 1 are 3 to 3; 1 identity records",
        alone=True,
    )


def test_a_header_record_that_lies(prefix, found):
    offsets = insightface(prefix, [0, 0, 1], [(1, 3), (3, 4)])
    rec = prefix.with_suffix(".rec")
    whole = rec.read_bytes()
    at = offsets[0] + 8 + SIZE
    rec.write_bytes(whole[:at] + struct.pack("<ff", 4, 8) + whole[at + 8 :])
    found("key 0", "says identity keys 4 to 7, they are 4 to 5", alone=True)
    rec.write_bytes(whole[:at] + struct.pack("<ff", 3, 6) + whole[at + 8 :])
    found("train.rec: the header record says images end before key 3, it is one")


@pytest.mark.parametrize("count", [2, 237])
def test_an_image_that_looks_like_a_header(prefix, found, count):
    """im2rec --pack-label (formats.md 2.4, trap 1): two labels, or 237 of a mask."""
    payloads = [pack([0.0, *[9.0] * (count - 1)], i, IMAGES[i]) for i in range(3)]
    write_records(prefix, list(enumerate(payloads)))
    found("train.rec, key 0, byte 0: an image with", f"{count} labels", alone=True)


def test_a_set_that_lost_its_header(prefix, found):
    """shuffle_rec.py keys anew from 0 (formats.md 2.4, trap 3): identity records become images."""
    payloads = [pack(0, 1, IMAGES[0]), pack((1, 2), 2), pack(0, 3, IMAGES[1])]
    offsets = write_records(prefix, list(enumerate(payloads)))
    found(f"train.rec, key 1, byte {offsets[1]}: expected an image, found an empty record")


def test_files_of_our_sets(prefix, found):
    with RecordSetWriter(prefix, height=16, width=16) as writer:
        writer.add("a", IMAGES[0], "a/0.jpg")
    prefix.with_name("property").write_text("2,16,16\n")
    found("property: says (2, 16, 16), the manifest (1, 16, 16)", alone=True)
    prefix.with_name("property").unlink()
    found("property: missing", alone=True)


def test_the_command_prints_each_problem_and_says_how_many(prefix):
    insightface(prefix, [0, 1, 0], [(1, 2), (2, 3), (3, 4)])
    result = command("data_prep", "check", prefix)
    assert refused(result).endswith(f"{len(result.stdout.splitlines())} problems, listed above")
