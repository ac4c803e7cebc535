"""Sets of every kind are read right; damaged ones are refused or read right, never wrong."""

import multiprocessing
import pickle
from pathlib import Path

import numpy as np
import pytest

from data_prep.records import recordio
from data_prep.records.header import pack
from data_prep.records.reader import RecordSet
from data_prep.records.writer import RecordSetWriter

MAGIC = recordio.MAGIC_BYTES
# Lengths of every remainder by 4, one split in three; none ends in zero, see `test_the_one_limit`.
IMAGES = [b"ABCDE", b"XY", b"aaaa" + MAGIC + MAGIC + b"bbb", b"12345678", b"Q", b"sevenss"]
LABELS = [0, 0, 1, 2, 2, 2]


def write_records(prefix: Path, records: list[tuple[int, bytes]]) -> None:
    """A set as a foreign program may write it, from (key, payload)."""
    frames = [recordio.encode(payload) for _, payload in records]
    offsets = np.cumsum([0, *map(len, frames)])
    prefix.with_suffix(".rec").write_bytes(b"".join(frames))
    lines = [f"{key}\t{offset}\n" for (key, _), offset in zip(records, offsets)]
    prefix.with_suffix(".idx").write_text("".join(lines))


def ours(prefix: Path) -> None:
    with RecordSetWriter(prefix, height=112, width=112) as writer:
        for i, (image, label) in enumerate(zip(IMAGES, LABELS)):
            writer.add(f"person {label}", image, f"person {label}/{i}.jpg")


def insightface(prefix: Path) -> None:
    """The same bytes without our manifest."""
    ours(prefix)
    for name in (f"{prefix.name}.manifest.json", f"{prefix.name}.crc", "property"):
        (prefix.parent / name).unlink()


def im2rec(prefix: Path) -> None:
    """No header record; keys from 0."""
    records = enumerate(zip(LABELS, IMAGES))
    write_records(prefix, [(key, pack(label, key, image)) for key, (label, image) in records])


def contents(prefix: Path) -> tuple[list[bytes], list[int]]:
    records = RecordSet(prefix)
    return [records.image_bytes(i) for i in range(len(records))], records.labels.tolist()


@pytest.mark.parametrize("make", [ours, insightface, im2rec])
def test_images_and_labels(tmp_path, make):
    make(tmp_path / "train")
    assert contents(tmp_path / "train") == (IMAGES, LABELS)
    assert contents(tmp_path / "train.rec") == (IMAGES, LABELS)
    records = RecordSet(tmp_path / "train")
    assert list(records) == IMAGES
    assert records.num_classes == 3
    assert np.array_equal(records.labels, records.labels_in_headers())
    for outside in (-1, 6):
        with pytest.raises(IndexError):
            records.image_bytes(outside)


@pytest.mark.parametrize("make", [ours, insightface, im2rec])
def test_a_missing_index_is_rebuilt(tmp_path, make):
    make(tmp_path / "train")
    (tmp_path / "train.idx").unlink()
    assert contents(tmp_path / "train") == (IMAGES, LABELS)


def test_ids_that_are_not_keys(tmp_path):
    """A shuffled set keeps the ids of the set it came from, here in another order."""
    payloads = [pack(label, 5 - i, image) for i, (label, image) in enumerate(zip(LABELS, IMAGES))]
    write_records(tmp_path / "train", list(enumerate(payloads)))
    assert contents(tmp_path / "train") == (IMAGES, LABELS)


def test_lists_of_labels_and_a_first_record_that_only_looks_like_a_header(tmp_path):
    """im2rec --pack-label: key 0 has flag 2 and is an image (formats.md 2.4, trap 1)."""
    payloads = [pack((label, 9), i, image) for i, (label, image) in enumerate(zip(LABELS, IMAGES))]
    write_records(tmp_path / "train", list(enumerate(payloads)))
    assert contents(tmp_path / "train") == (IMAGES, LABELS)


def test_the_later_of_two_lines_for_a_key_wins(tmp_path):
    payloads = [pack(0, 0, b"old"), pack(0, 1, b"one"), pack(0, 0, b"new")]
    write_records(tmp_path / "train", list(zip([0, 1, 0], payloads)))
    assert contents(tmp_path / "train")[0] == [b"new", b"one"]


def test_identity_records_that_lie_are_not_believed(tmp_path):
    """face2rec2's ranges over images whose labels change inside them."""
    records = [(1, pack(4, 1, b"a")), (2, pack(5, 2, b"b")), (3, pack(4, 3, b"c"))]
    records += [(4, pack((1, 3), 4)), (5, pack((3, 4), 5)), (0, pack((4, 6), 0))]
    write_records(tmp_path / "train", records)
    assert RecordSet(tmp_path / "train").labels.tolist() == [4, 5, 4]


def test_property_states_classes_and_must_have_room(tmp_path):
    im2rec(tmp_path / "train")
    (tmp_path / "property").write_text("10,112,112\n")
    assert RecordSet(tmp_path / "train").num_classes == 10
    (tmp_path / "property").write_text("2,112,112\n")
    with pytest.raises(ValueError, match="expected 2 classes"):
        _ = RecordSet(tmp_path / "train").num_classes


@pytest.mark.parametrize("label", [0.5, -1.0, float("nan"), float("inf")])
def test_labels_that_are_no_class(tmp_path, label):
    write_records(tmp_path / "train", [(0, pack(label, 0, b"x"))])
    with pytest.raises(ValueError, match="key 0: expected a class number"):
        _ = RecordSet(tmp_path / "train").labels


@pytest.mark.parametrize("label", ["0100807f", "0000a07f", "ffffffff"])
def test_labels_that_are_other_kinds_of_nan(tmp_path, label):
    payload = bytearray(pack(0, 0, b"x"))
    payload[4:8] = bytes.fromhex(label)
    write_records(tmp_path / "train", [(0, bytes(payload))])
    with pytest.raises(ValueError, match="key 0: expected a class number"):
        _ = RecordSet(tmp_path / "train").labels


@pytest.mark.parametrize("range_", [(1, float("inf")), (-float("inf"), 2), (float("nan"), 3)])
def test_a_header_record_without_a_range_is_an_empty_image(tmp_path, range_):
    write_records(tmp_path / "train", [(1, pack(0, 1, b"x")), (0, pack(range_, 0))])
    records = RecordSet(tmp_path / "train")
    with pytest.raises(ValueError, match="key 0, byte 36: expected an image, found an empty"):
        records.image_bytes(0)
    assert records.image_bytes(1) == b"x"


def read_last(records: RecordSet) -> bytes:
    return records.image_bytes(len(records) - 1)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_worker_processes_read_too(tmp_path, method):
    ours(tmp_path / "train")
    records = RecordSet(tmp_path / "train")
    assert read_last(pickle.loads(pickle.dumps(records))) == IMAGES[-1]  # noqa: TID251
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map(read_last, [records] * 4) == [IMAGES[-1]] * 4


def wrong_readings(prefix: Path, path: Path, damaged: bytes) -> list[tuple[bytes, bytes]]:
    """Images (as stored, as read) that differ when the file at `path` has other bytes."""
    whole = path.read_bytes()
    path.write_bytes(damaged)
    wrong = []
    try:
        records = RecordSet(prefix)
        assert len(records) == len(IMAGES)
        for i, image in enumerate(IMAGES):
            try:
                if (read := records.image_bytes(i)) != image:
                    wrong.append((image, read))
            except ValueError as error:
                assert str(prefix) in str(error) and "\n" not in str(error)
        try:
            assert records.labels.tolist() == LABELS
        except ValueError as error:
            assert str(prefix) in str(error)
    except ValueError as error:
        assert str(prefix) in str(error) and "\n" not in str(error)
    finally:
        path.write_bytes(whole)
    return wrong


def framing_bytes(rec: bytes) -> list[int]:
    """Positions of magic, length and padding of every frame."""
    places, at = [], 0
    while at < len(rec):
        _, start, stop = recordio.read_frame(rec, at, "")
        at = stop + -stop % 4
        places += [*range(start - 8, start), *range(stop, at)]
    return places


@pytest.mark.parametrize("with_index", [True, False])
@pytest.mark.parametrize("make", [ours, insightface, im2rec])
def test_no_damage_to_the_framing_gives_a_wrong_record(tmp_path, make, with_index):
    prefix = tmp_path / "train"
    make(prefix)
    rec = prefix.with_suffix(".rec")
    whole = rec.read_bytes()
    if not with_index:
        prefix.with_suffix(".idx").unlink()
    for place in framing_bytes(whole):
        for change in (1, 3, 4, 0x20, 0x80, 0xFF):
            damaged = bytearray(whole)
            damaged[place] ^= change
            for stored, read in wrong_readings(prefix, rec, bytes(damaged)):
                # The limit of a set without checksums: padding counted as payload.
                assert (
                    make is not ours
                    and stored == read.rstrip(b"\0")
                    and len(read) - len(stored) < 4
                )


@pytest.mark.parametrize("make", [ours, insightface, im2rec])
def test_no_cut_gives_a_wrong_record(tmp_path, make):
    prefix = tmp_path / "train"
    make(prefix)
    for suffix in (".rec", ".idx"):
        path = prefix.with_suffix(suffix)
        whole = path.read_bytes()
        for length in range(len(whole)):
            assert not wrong_readings(prefix, path, whole[:length])
            with pytest.raises(ValueError, match="train"):
                path.write_bytes(whole[:length])
                contents(prefix)
        path.write_bytes(whole)


@pytest.mark.parametrize("make", [ours, insightface, im2rec])
def test_no_damage_to_the_index_gives_a_wrong_record(tmp_path, make):
    prefix = tmp_path / "train"
    make(prefix)
    path = prefix.with_suffix(".idx")
    whole = path.read_bytes()
    for place in range(len(whole)):
        for byte in b"0123456789\t\n \r-x\0\xff":
            damaged = bytearray(whole)
            damaged[place] = byte
            assert not wrong_readings(prefix, path, bytes(damaged))


def test_every_changed_byte_of_an_image_is_noticed_in_our_sets(tmp_path):
    prefix = tmp_path / "train"
    ours(prefix)
    rec = prefix.with_suffix(".rec")
    whole = rec.read_bytes()
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 0x10
        rec.write_bytes(damaged)
        try:
            records = RecordSet(prefix)
            read = [records.image_bytes(i) for i in range(len(records))]
        except ValueError:
            continue
        assert read == IMAGES


def test_missing_and_empty_files(tmp_path):
    with pytest.raises(FileNotFoundError):
        RecordSet(tmp_path / "none")
    (tmp_path / "train.rec").write_bytes(b"")
    with pytest.raises(ValueError, match="empty file"):
        RecordSet(tmp_path / "train")
