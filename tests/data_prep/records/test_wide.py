"""Sets past 2^24 (docs/formats.md): float32 labels lose numbers there, the integers keep them."""

import json
import struct

import numpy as np
import pytest

from data_prep.records import header, recordio
from data_prep.records.header import pack, pack_class, pack_range, unpack, unpack_range
from data_prep.records.reader import RecordSet
from data_prep.records.writer import RecordSetWriter

LIMIT = 1 << 24
LABELS = [0, 0, 1, 2, 2, 2, 3, 4, 5, 5, 6, 7, 7]


@pytest.fixture
def small(monkeypatch):
    """A limit that a few records pass: labels, keys and the header's range, each somewhere else."""
    monkeypatch.setattr(header, "EXACT_LIMIT", 6)


def write(prefix, labels=LABELS):
    with RecordSetWriter(prefix, height=4, width=5) as out:
        for i, label in enumerate(labels):
            out.add(f"person {label}", b"image %d" % i, f"{label}/{i}.png")


def contents(prefix):
    records = RecordSet(prefix)
    return list(records), records.labels.tolist(), records.labels_in_headers().tolist()


EXPECTED = ([b"image %d" % i for i in range(len(LABELS))], LABELS, LABELS)


def test_an_exact_number_beside_the_nearest_float():
    found, image = unpack(pack_class(LIMIT + 1, 9, b"image"))
    assert (found.labels, found.id, found.id2, image) == ((float(LIMIT),), 9, LIMIT + 1, b"image")
    assert pack_class(LIMIT - 1, 9, b"image") == pack(LIMIT - 1, 9, b"image")

    found, data = unpack(pack_range(LIMIT + 1, LIMIT + 3, 9, wide=True))
    assert (found.flag, found.labels) == (2, (float(LIMIT), float(LIMIT + 4)))
    assert data == struct.pack("<QQ", LIMIT + 1, LIMIT + 3)
    assert unpack_range(found, data) == (LIMIT + 1, LIMIT + 3)
    assert pack_range(1, 3, 9) == pack((1, 3), 9)
    with pytest.raises(ValueError, match="float32 holds exactly"):
        pack_range(LIMIT + 1, LIMIT + 3, 9)


def test_sixteen_bytes_that_are_not_the_labels_integers_are_no_range():
    found, _ = unpack(pack((3, 4), 0, b"x" * 16))
    assert unpack_range(found, b"x" * 16) is None
    assert unpack_range(found, struct.pack("<QQ", 3, 4)) == (3, 4)


def test_a_wide_set_is_read_by_its_integers(tmp_path, small):
    write(tmp_path / "train")
    records = RecordSet(tmp_path / "train")
    assert records.wide and records.identity_ranges().tolist() == [
        [LABELS.index(label), len(LABELS) - LABELS[::-1].index(label)] for label in range(8)
    ]
    assert contents(tmp_path / "train") == EXPECTED
    assert json.loads((tmp_path / "train.manifest.json").read_text())["wide"] is True
    payloads = [payload for _, payload in recordio.scan((tmp_path / "train.rec").read_bytes())]
    assert [unpack(payload)[0].id2 for payload in payloads[:13]] == [
        label if label >= 6 else 0 for label in LABELS
    ]
    assert unpack(payloads[-1])[1] == struct.pack("<QQ", 14, 22)


def test_the_floats_of_a_wide_set_are_not_looked_at(tmp_path, small):
    """Rounded as they would be past 2^24: the integers alone say what is right."""
    write(tmp_path / "train")
    rec = tmp_path / "train.rec"
    data = bytearray(rec.read_bytes())
    for offset, payload in recordio.scan(bytes(data)):
        found, rest = unpack(payload)
        if found.flag == 2 and unpack_range(found, rest) and found.id > 14:
            data[offset + 32 : offset + 40] = struct.pack("<ff", 1e6, 1e6)
    rec.write_bytes(data)
    assert RecordSet(tmp_path / "train").identity_ranges()[-1].tolist() == [11, 13]


def test_a_wide_set_without_index_and_manifest(tmp_path, small):
    write(tmp_path / "train")
    for name in ("train.manifest.json", "train.idx", "train.crc"):
        (tmp_path / name).unlink()
    assert contents(tmp_path / "train") == EXPECTED


def test_a_set_below_the_limit_is_as_ever(tmp_path, monkeypatch):
    write(tmp_path / "a" / "train")
    monkeypatch.setattr(header, "EXACT_LIMIT", 23)
    write(tmp_path / "b" / "train")
    a, b = ((tmp_path / name / "train.rec").read_bytes() for name in "ab")
    assert a == b and not RecordSet(tmp_path / "b" / "train").wide


def test_float_labels_past_the_limit_are_reported(tmp_path, monkeypatch):
    """A set of another writer: 16777216 in float32 is what 16777217 became."""
    payloads = [pack(float(label), key, b"x") for key, label in enumerate([5, LIMIT])]
    (tmp_path / "train.rec").write_bytes(b"".join(map(recordio.encode, payloads)))
    records = RecordSet(tmp_path / "train")
    with pytest.raises(ValueError, match=r"key 1: found label 16777216, float32 cannot tell"):
        _ = records.labels


@pytest.mark.parametrize("rounding", [-1, 0, 1])
def test_ranges_of_other_writers_past_the_limit_are_counted(tmp_path, monkeypatch, rounding):
    """No float32 range is believed there; the header's own is checked to a rounding error."""
    monkeypatch.setattr(header, "EXACT_LIMIT", 6)
    monkeypatch.setattr(np, "spacing", lambda number: 1)
    images = [pack(key // 3, key, b"a whole image") for key in range(1, 9)]
    identities = [pack((1, 3), 9), pack((3, 6), 10), pack((6, 9), 11)]
    count = 8 + rounding
    payloads = [*images, *identities, pack((count + 1, 12), 0)]
    frames = [recordio.encode(payload) for payload in payloads]
    (tmp_path / "train.rec").write_bytes(b"".join(frames))
    records = RecordSet(tmp_path / "train")
    assert len(records) == 8 and records.identity_ranges() is None
    assert records.labels.tolist() == [0, 0, 1, 1, 1, 2, 2, 2]


def test_a_manifest_that_says_otherwise(tmp_path, small):
    write(tmp_path / "train")
    path = tmp_path / "train.manifest.json"
    path.write_text(path.read_text().replace('"wide": true', '"wide": false'))
    with pytest.raises(ValueError, match="expected 'wide' to be True"):
        RecordSet(tmp_path / "train")


def test_a_header_range_that_is_not_the_sets(tmp_path, small):
    write(tmp_path / "train")
    rec = tmp_path / "train.rec"
    whole = rec.read_bytes()
    rec.write_bytes(whole[:-56] + recordio.encode(pack_range(14, 23, 0, id2=1, wide=True)))
    with pytest.raises(ValueError, match="keys end at 23, there are 22"):
        RecordSet(tmp_path / "train")
