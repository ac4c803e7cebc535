"""The layout of formats.md 2.4, record by record; and nothing half-written."""

import hashlib
import json
import zlib

import numpy as np
import pytest

from data_prep.records import recordio
from data_prep.records.header import IRHeader, unpack
from data_prep.records.writer import RecordSetWriter


def write(prefix, images=(("ann", b"1"), ("ann", b"2"), ("bob", b"3"))):
    with RecordSetWriter(prefix, height=4, width=5, details={"source": "here"}) as out:
        for i, (person, image) in enumerate(images):
            out.add(person, image, f"{person}/{i}.png")


def test_records_are_insightfaces(tmp_path):
    write(tmp_path / "train")
    rec = (tmp_path / "train.rec").read_bytes()
    assert [unpack(payload) for _, payload in recordio.scan(rec)] == [
        (IRHeader(0, (0.0,), 1, 0), b"1"),
        (IRHeader(0, (0.0,), 2, 0), b"2"),
        (IRHeader(0, (1.0,), 3, 0), b"3"),
        (IRHeader(2, (1.0, 3.0), 4, 0), b""),
        (IRHeader(2, (3.0, 4.0), 5, 0), b""),
        (IRHeader(2, (4.0, 6.0), 0, 1), b""),
    ]
    lines = (tmp_path / "train.idx").read_text().splitlines()
    assert [line.split("\t")[0] for line in lines] == ["1", "2", "3", "4", "5", "0"]
    assert (tmp_path / "property").read_text() == "2,4,5\n"
    assert (tmp_path / "train.lst").read_text().splitlines()[2] == "3\t1\tbob/2.png"


def test_the_manifest_tells_the_truth(tmp_path):
    write(tmp_path / "train")
    manifest = json.loads((tmp_path / "train.manifest.json").read_text())
    assert (manifest["images"], manifest["num_classes"]) == (3, 2)
    assert manifest["class_names"] == ["ann", "bob"] and manifest["source"] == "here"
    for role, entry in manifest["files"].items():
        data = (tmp_path / f"train.{role}").read_bytes()
        assert entry == {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    payloads = [payload for _, payload in recordio.scan((tmp_path / "train.rec").read_bytes())]
    crcs = np.fromfile(tmp_path / "train.crc", "<u4")
    assert crcs.tolist() == [zlib.crc32(payload) for payload in payloads[:3]]


def test_a_failure_leaves_the_earlier_set_and_nothing_else(tmp_path):
    write(tmp_path / "train")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(ValueError, match="do not follow each other"):
        write(tmp_path / "train", [("ann", b"1"), ("bob", b"2"), ("ann", b"3")])
    with pytest.raises(ValueError, match="at least one image"):
        write(tmp_path / "train", [])
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_one_set_a_folder(tmp_path):
    write(tmp_path / "train")
    with pytest.raises(ValueError, match=r"no other record set, found train\.rec"):
        write(tmp_path / "test")


@pytest.mark.parametrize(("image", "name"), [(b"", "a.jpg"), (b"x", "a\tb.jpg"), (b"x", "a\nb")])
def test_images_and_names_that_cannot_be_kept(tmp_path, image, name):
    with (
        pytest.raises(ValueError, match="expected"),
        RecordSetWriter(tmp_path / "train", height=1, width=1) as out,
    ):
        out.add("ann", image, name)
    assert list(tmp_path.iterdir()) == []
