"""Damaged sets of every kind become whole ones, and nothing in them is wrong."""

import json
import struct
from itertools import cycle
from pathlib import Path

import numpy as np
import pytest

from data_prep.check import find_problems
from data_prep.images import encode
from data_prep.records import header, recordio
from data_prep.records.header import pack
from data_prep.records.reader import RecordSet
from data_prep.records.writer import RecordSetWriter
from data_prep.repair import repair, report
from data_prep.salvage import Damage, Found, salvage

MAGIC = recordio.MAGIC_BYTES
PEOPLE = ["ann", "ann", "bob", "cy", "cy", "cy"]
LABELS = [0, 0, 1, 2, 2, 2]


def image(seed: int, height: int = 16, width: int = 16) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return encode(pixels, ".jpg" if seed % 2 else ".png")


IMAGES = [image(seed) for seed in range(len(PEOPLE))]


def write_records(prefix: Path, records: list[tuple[int, bytes]]) -> list[int]:
    """A set as a foreign program may write it, from (key, payload); the offsets."""
    prefix.parent.mkdir(exist_ok=True)
    frames = [recordio.encode(payload) for _, payload in records]
    offsets = np.cumsum([0, *map(len, frames)]).tolist()
    prefix.with_suffix(".rec").write_bytes(b"".join(frames))
    lines = [f"{key}\t{offset}\n" for (key, _), offset in zip(records, offsets)]
    prefix.with_suffix(".idx").write_text("".join(lines))
    return offsets[:-1]


def ours(prefix: Path) -> None:
    with RecordSetWriter(prefix, height=16, width=16, details={"source": "here"}) as writer:
        for i, (data, person) in enumerate(zip(IMAGES, PEOPLE)):
            writer.add(person, data, f"{person}/{i}.jpg")


def insightface(prefix: Path) -> None:
    ours(prefix)
    for suffix in ("manifest.json", "crc", "lst"):
        prefix.with_name(f"{prefix.name}.{suffix}").unlink()


def im2rec(prefix: Path) -> None:
    rows = enumerate(zip(LABELS, IMAGES))
    write_records(prefix, [(key, pack(label, key, data)) for key, (label, data) in rows])


def contents(prefix: Path) -> list[tuple[int, bytes]]:
    """(label, image) in key order of a set that must be whole."""
    assert find_problems(prefix) == []
    records = RecordSet(prefix)
    return list(zip(records.labels.tolist(), records))


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def change(path: Path, place: int, new: bytes) -> None:
    data = bytearray(path.read_bytes())
    data[place : place + len(new)] = new
    path.write_bytes(data)


@pytest.fixture
def mended(tmp_path):
    """Repairs tmp_path/bad/train; the manifest of the new set."""

    def run(**options) -> dict:
        before = files(tmp_path / "bad")
        manifest = repair(tmp_path / "bad/train", tmp_path / "new/train", **options)
        assert files(tmp_path / "bad") == before
        assert len(files(tmp_path / "new")) == 6
        return manifest

    return run


def reasons(manifest: dict) -> dict:
    return {entry["key"]: entry["kind"] for entry in manifest["repaired"]["dropped"]}


def test_a_whole_set_stays_byte_for_byte(tmp_path, mended):
    (tmp_path / "bad").mkdir()
    ours(tmp_path / "bad/train")
    manifest = mended(workers=3)
    for name in ("train.rec", "train.idx", "train.lst", "train.crc", "property"):
        assert (tmp_path / "bad" / name).read_bytes() == (tmp_path / "new" / name).read_bytes()
    assert manifest["repaired"]["notes"] == manifest["repaired"]["dropped"] == []
    assert manifest["source"] == "here" and manifest["class_names"] == ["ann", "bob", "cy"]
    assert manifest["repaired"]["sha256"] == manifest["files"]["rec"]["sha256"]


def test_wide_sets(tmp_path, mended, monkeypatch):
    """With the limit lowered: sets past it carry exact numbers."""
    monkeypatch.setattr(header, "EXACT_LIMIT", 2)
    (tmp_path / "bad").mkdir()
    ours(tmp_path / "bad/train")
    (tmp_path / "bad/train.idx").unlink()
    assert mended()["repaired"]["dropped"] == [] and RecordSet(tmp_path / "new/train").wide
    assert contents(tmp_path / "new/train") == list(zip(LABELS, IMAGES))
    assert files(tmp_path / "new")["train.rec"] == files(tmp_path / "bad")["train.rec"]


@pytest.mark.parametrize("make", [ours, insightface, im2rec])
@pytest.mark.parametrize("index", ["right", "missing", "cut", "another's"])
def test_the_index_is_made_anew(tmp_path, mended, make, index):
    (tmp_path / "bad").mkdir()
    make(tmp_path / "bad/train")
    idx = tmp_path / "bad/train.idx"
    if index == "missing":
        idx.unlink()
    elif index == "cut":
        idx.write_bytes(idx.read_bytes()[:-2])
    elif index == "another's":
        idx.write_text("".join(f"{key}\t{key * 44}\n" for key in range(9)))
    manifest = mended()
    assert contents(tmp_path / "new/train") == list(zip(LABELS, IMAGES))
    assert bool(manifest["repaired"]["notes"]) == (index != "right")
    assert manifest["repaired"]["dropped"] == []


def test_damage_costs_the_records_it_hits_and_no_other(tmp_path, mended):
    im2rec(tmp_path / "bad/train")
    rec = tmp_path / "bad/train.rec"
    offsets = [int(line.split("\t")[1]) for line in
               rec.with_suffix(".idx").read_text().splitlines()]  # fmt: skip
    change(rec, offsets[1] + 1, b"\0")  # the magic
    change(rec, offsets[3] + 4, struct.pack("<I", 60))  # the length
    with rec.open("ab") as file:
        file.write(MAGIC + struct.pack("<I", 5000) + b"a record that was cut")
    manifest = mended()
    assert contents(tmp_path / "new/train") == [
        (label, data) for i, (label, data) in enumerate(zip(LABELS, IMAGES)) if i not in (1, 3)
    ]
    dropped = manifest["repaired"]["dropped"]
    assert {entry["byte"] for entry in dropped} >= {offsets[1], offsets[3]}
    assert dropped[-1]["kind"] == "damaged or cut end"
    assert "5000 bytes" in dropped[-1]["reason"]


@pytest.mark.parametrize(
    ("make", "with_index"), [(ours, True), (insightface, False), (im2rec, True), (im2rec, False)]
)
def test_no_damage_to_the_framing_gives_a_wrong_image(tmp_path, make, with_index):
    """Whatever byte of a frame is changed: what comes out are images that went in, and of these
    all but the one that was hit, and one more at most."""
    (tmp_path / "bad").mkdir()
    make(tmp_path / "bad/train")
    rec = tmp_path / "bad/train.rec"
    if not with_index:
        rec.with_suffix(".idx").unlink()
    whole = rec.read_bytes()
    known = {data.rstrip(b"\0") for data in IMAGES}
    flips = cycle([1, 4, 0x20, 0x80, 3])
    for offset, _ in recordio.scan(whole):
        for place in range(offset, offset + 8):
            change(rec, place, bytes([whole[place] ^ next(flips)]))
            repair(tmp_path / "bad/train", tmp_path / "new/train")
            found = [data.rstrip(b"\0") for data in RecordSet(tmp_path / "new/train")]
            assert set(found) <= known and len(set(found)) == len(found) >= len(known) - 2
            rec.write_bytes(whole)


def test_a_cut_at_any_place_keeps_what_is_before_it(tmp_path):
    im2rec(tmp_path / "bad/train")
    rec = tmp_path / "bad/train.rec"
    whole = rec.read_bytes()
    offsets = [offset for offset, _ in recordio.scan(whole)]
    for length in range(offsets[1], len(whole) + 1, 83):
        rec.write_bytes(whole[:length])
        repair(tmp_path / "bad/train", tmp_path / "new/train")
        count = sum(end <= length for end in [*offsets[1:], len(whole)])
        assert list(RecordSet(tmp_path / "new/train")) == IMAGES[:count]


def test_salvage_covers_every_byte():
    random = np.random.default_rng(5)
    payloads = [b"aaaa" + MAGIC + b"bbb", b"x" * 9, MAGIC * 3, b""]
    whole = b"".join(recordio.encode(payload) for payload in payloads)
    assert [found.payload for found in salvage(whole)] == payloads
    for _ in range(300):
        damaged = bytearray(whole[: random.integers(1, len(whole) + 1)])
        for place in random.integers(0, len(damaged), random.integers(0, 4)):
            damaged[place] = random.integers(256)
        pieces = list(salvage(bytes(damaged)))
        assert [piece.offset for piece in pieces[1:]] == [piece.end for piece in pieces[:-1]]
        assert pieces[0].offset == 0 and pieces[-1].end == len(damaged)
        assert all(isinstance(piece, Found | Damage) for piece in pieces)


def test_what_cannot_be_mended_is_dropped_with_its_reason(tmp_path, mended):
    records = [
        (0, pack(5, 0, IMAGES[0])),
        (1, pack(5, 1, b"no picture")),
        (2, pack(5, 2, image(9, 8, 8))),
        (3, pack(float("nan"), 3, IMAGES[1])),
        (4, pack(0.5, 4, IMAGES[1])),
        (5, b"short"),
        (6, pack(7, 6)),
        (7, pack(7, 7, IMAGES[2])),
        (8, pack(7, 8, IMAGES[3][:-40])),
    ]
    write_records(tmp_path / "bad/train", records)
    (tmp_path / "bad/property").write_text("3,16,16\n")
    manifest = mended()
    assert contents(tmp_path / "new/train") == [(0, IMAGES[0]), (1, IMAGES[2])]
    assert reasons(manifest) == {
        1: "undecodable image",
        2: "other size",
        3: "no class number",
        4: "no class number",
        5: "no image",
        6: "no image",
        8: "undecodable image",
    }
    assert (tmp_path / "new/property").read_text() == "2,16,16\n"
    assert manifest["repaired"]["old_labels"] == [5, 7]
    lines = report(manifest)
    assert "dropped 2, undecodable image: 'key 1', 'key 8' (see the manifest)" in lines
    assert any("property" in line and "has label 7" in line for line in lines)


def test_the_later_of_two_records_with_a_key_counts(tmp_path, mended):
    order = [(0, 0), (1, 1), (0, 2), (2, 3)]
    write_records(tmp_path / "bad/train", [(key, pack(0, key, IMAGES[i])) for key, i in order])
    assert reasons(mended()) == {0: "repeated key"}
    assert contents(tmp_path / "new/train") == [(0, IMAGES[i]) for i in (2, 1, 3)]


def test_ids_that_are_all_equal_are_no_keys(tmp_path, mended):
    write_records(tmp_path / "bad/train", [(i, pack(0, 0, IMAGES[i])) for i in range(4)])
    (tmp_path / "bad/train.idx").unlink()
    assert mended()["repaired"]["dropped"] == []
    assert contents(tmp_path / "new/train") == [(0, data) for data in IMAGES[:4]]


def test_a_changed_pixel_is_noticed_where_there_are_checksums(tmp_path, mended):
    (tmp_path / "bad").mkdir()
    ours(tmp_path / "bad/train")
    rec = tmp_path / "bad/train.rec"
    place = rec.read_bytes().find(IMAGES[3]) + 700
    change(rec, place, bytes([rec.read_bytes()[place] ^ 1]))
    manifest = mended()
    assert reasons(manifest)[4] in ("wrong CRC-32", "undecodable image")
    assert manifest["images"] == 5 and manifest["class_names"] == ["ann", "bob", "cy"]


def test_labels_are_grouped_and_gaps_closed_and_names_kept(tmp_path, mended):
    labels = [9, 4, 9, 4, 4]
    rows = enumerate(zip(labels, IMAGES))
    records = [(i + 1, pack(label, i + 1, data)) for i, (label, data) in rows]
    records += [(6, pack((1, 2), 6)), (7, pack((2, 6), 7)), (0, pack((6, 8), 0))]
    write_records(tmp_path / "bad/train", records)
    (tmp_path / "bad/property").write_text("10,16,16\n")
    lines = [f"{i + 1}\t{label:.6f}\tp{label}/{i}.jpg\n" for i, label in enumerate(labels)]
    (tmp_path / "bad/train.lst").write_text("".join(lines))
    manifest = mended()
    assert contents(tmp_path / "new/train") == [(int(i in (0, 2)), IMAGES[i]) for i in
                                                (1, 3, 4, 0, 2)]  # fmt: skip
    assert manifest["class_names"] == ["000004", "000009"]
    names = [line.split("\t")[2] for line in (tmp_path / "new/train.lst").read_text().splitlines()]
    assert names == ["p4/1.jpg", "p4/3.jpg", "p4/4.jpg", "p9/0.jpg", "p9/2.jpg"]
    notes = "\n".join(manifest["repaired"]["notes"])
    assert "not grouped by person" in notes and "8 of 10 classes have no image" in notes


def test_a_class_whose_images_are_gone(tmp_path, mended):
    (tmp_path / "bad").mkdir()
    ours(tmp_path / "bad/train")
    rec = tmp_path / "bad/train.rec"
    change(rec, rec.read_bytes().find(IMAGES[2]), b"no image any more")
    manifest = mended()
    assert manifest["class_names"] == ["ann", "cy"]
    assert manifest["repaired"]["dropped"][0]["image"] == "bob/2.jpg"
    assert [label for label, _ in contents(tmp_path / "new/train")] == [0, 0, 1, 1, 1]
    assert json.loads((tmp_path / "new/train.manifest.json").read_text()) == manifest


def test_the_size_is_what_is_stated_or_most_have(tmp_path, mended):
    images = [image(0, 8, 8), image(1, 8, 8), image(2), image(3, 8, 8)]
    write_records(tmp_path / "bad/train", [(i, pack(i, i, data)) for i, data in enumerate(images)])
    assert mended()["height"] == 8
    assert mended(size=(16, 16))["images"] == 1
    (tmp_path / "bad/property").write_text("4,16,16\n")
    assert mended()["images"] == 1
    (tmp_path / "bad/property").write_text("4,112,112\n")
    assert mended()["images"] == 3


def test_nothing_usable_and_wrong_places(tmp_path):
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad/train.rec").write_bytes(b"\0" * 100)
    with pytest.raises(ValueError, match=r"no image can be used \(1 damaged stretch of bytes\)"):
        repair(tmp_path / "bad/train", tmp_path / "new/train")
    (tmp_path / "bad/train.rec").write_bytes(b"")
    with pytest.raises(ValueError, match="no image can be used"):
        repair(tmp_path / "bad/train", tmp_path / "new/train")
    write_records(tmp_path / "bad/train", [(0, pack(0, 0, b"no picture"))])
    with pytest.raises(ValueError, match=r"\(1 undecodable image\)"):
        repair(tmp_path / "bad/train", tmp_path / "new/train")
    for out in ("bad/train", "bad/other", "bad/../bad/train.rec"):
        with pytest.raises(ValueError, match="expected another folder"):
            repair(tmp_path / "bad/train", tmp_path / out)
    with pytest.raises(FileNotFoundError):
        repair(tmp_path / "none", tmp_path / "new/train")
    assert not (tmp_path / "new").exists() or files(tmp_path / "new") == {}
