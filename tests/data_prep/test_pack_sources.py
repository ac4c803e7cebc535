"""Every kind of source is packed to the same records; folders to the bytes they always gave."""

import base64
import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from data_prep.check import find_problems
from data_prep.clean.centres import people_of
from data_prep.dataset import open_images
from data_prep.images import decode, encode
from data_prep.pack import pack_images, report
from data_prep.records import recordio
from data_prep.records.header import pack
from data_prep.records.reader import RecordSet
from data_prep.records.writer import RecordSetWriter
from data_prep.sources import open_people
from data_prep.sources.crc32c import crc32c, masked
from data_prep.unpack import unpack_images
from tests.conftest import ROOT

COUNTS = {"Ann": 3, "Bob_B": 4, "Cy": 2}


def pgm(seed: int) -> bytes:
    """A picture whose bytes no encoder decides."""
    return b"P5 4 4 255\n" + bytes((seed * 37 + 11 * i) % 256 for i in range(16))


IMAGES = {
    f"{person}/{i}.pgm": pgm(i + 10 * count)
    for person, count in COUNTS.items()
    for i in range(count)
}
LABELS = {name: list(COUNTS).index(name.split("/")[0]) for name in IMAGES}


@pytest.fixture
def crops(tmp_path) -> Path:
    for name, image in IMAGES.items():
        (tmp_path / "crops" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "crops" / name).write_bytes(image)
    return tmp_path / "crops"


def files_of(folder: Path) -> str:
    """SHA-256 over names and bytes of what packing wrote."""
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def test_folders_give_the_bytes_they_gave_before_there_were_other_sources(crops, tmp_path):
    (crops / "Ann/bad.pgm").write_bytes(b"no picture")
    note = {"complete": True, "template": "arcface", "counts": {"crops": 9}}
    (crops / "align.json").write_text(json.dumps(note))
    (tmp_path / "names.txt").write_text("Cy\nNobody\n")
    command = "python -m data_prep pack"
    pack_images(crops, tmp_path / "a/train", command=command)
    mixed = {"shuffle": 5, "exclude": tmp_path / "names.txt"}
    pack_images(crops, tmp_path / "b/train", command=command, **mixed)
    assert files_of(tmp_path / "a") == (
        "e03fbe58d8be369298b4a1ced2af6049e76253d02cf366812148c05d60e9a041"
    )
    assert files_of(tmp_path / "b") == (
        "1098174eb20d6ed20af876e9c82dda42a8ebe41b281dc59f1047a01ec2138b2b"
    )


def as_list(root: Path) -> dict:
    lines = [f"{i}\t{LABELS[name]}\t{name}\n" for i, name in enumerate(IMAGES)]
    (root / "list.lst").write_text("".join(lines))
    return {"images": root / "crops", "list_file": root / "list.lst"}


def as_records(root: Path) -> dict:
    with RecordSetWriter(root / "in/train", height=4, width=4) as writer:
        for name, image in IMAGES.items():
            writer.add(name.split("/")[0], image, name)
    return {"images": root / "in/train"}


def as_cvlface(root: Path) -> dict:
    payloads = [pack(LABELS[name], key, IMAGES[name]) for key, name in enumerate(IMAGES)]
    lines = [f"{key}\t{name}\t{LABELS[name]}\n" for key, name in enumerate(IMAGES)]
    (root / "in.rec").write_bytes(b"".join(map(recordio.encode, payloads)))
    (root / "in.tsv").write_text("".join(lines))
    return {"images": root / "in"}


def as_shards(root: Path) -> dict:
    """Foreign shards in turn, without index: names and people are labels."""
    for shard in range(2):
        some = list(enumerate(IMAGES))[shard::2]
        payloads = [pack(LABELS[name], key, IMAGES[name]) for key, name in some]
        (root / f"in{shard}.rec").write_bytes(b"".join(map(recordio.encode, payloads)))
    return {"images": root / "in?.rec"}


def as_table(root: Path) -> dict:
    """MS-Celeb-1M's own seven columns; its images are JPEG, PNG is lossless."""
    lines = []
    for name, image in reversed(IMAGES.items()):
        person, rank = name.removesuffix(".pgm").split("/")
        png = encode(decode(image, name), ".png")
        fields = [person, rank, "u", "p", "FaceId-0", "AAAA", base64.b64encode(png).decode()]
        lines.append("\t".join(fields) + "\n")
    (root / "in.tsv").write_text("".join(lines))
    return {"images": root / "in.tsv"}


def as_tfrecord(root: Path) -> dict:
    (root / "tfr/s").mkdir(parents=True)
    data, lines = b"", []
    for name, image in IMAGES.items():
        feature = b"\x0a" + bytes([len(image) + 2]) + b"\x0a" + bytes([len(image)]) + image
        entry = b"\x0a\x05image\x12" + bytes([len(feature)]) + feature
        features = b"\x0a" + bytes([len(entry)]) + entry
        payload = b"\x0a" + bytes([len(features)]) + features
        length = len(payload).to_bytes(8, "little")
        crcs = [masked(crc32c(part)).to_bytes(4, "little") for part in (length, payload)]
        lines.append(f"s\t0\t{len(data)}\t{LABELS[name]}\n")
        data += length + crcs[0] + payload + crcs[1]
    (root / "tfr/s/s-00000.tfrecord").write_bytes(data)
    (root / "s.index").write_text("".join(lines))
    return {"images": root / "tfr", "list_file": root / "s.index"}


@pytest.mark.parametrize("kind", [as_list, as_records, as_cvlface, as_tfrecord, as_shards])
def test_every_source_gives_the_records_of_the_folder(crops, tmp_path, kind):
    """Where a source keeps the order of images, .rec, .idx and .crc are the same, byte for byte."""
    pack_images(crops, tmp_path / "a/train")
    source = kind(tmp_path)
    manifest = pack_images(source.pop("images"), tmp_path / "b/train", workers=2, **source)
    assert find_problems(tmp_path / "b/train") == []
    named = kind in (as_list, as_records, as_cvlface)
    if kind is not as_shards:
        for suffix in ("rec", "idx", "crc") + (("lst",) if named else ()):
            a, b = tmp_path / f"a/train.{suffix}", tmp_path / f"b/train.{suffix}"
            assert a.read_bytes() == b.read_bytes(), suffix
    names = list(COUNTS) if named else ["000000", "000001", "000002"]
    assert manifest["class_names"] == names
    found = RecordSet(tmp_path / "b/train")
    images = [found.image_bytes(i) for i in range(len(found))]
    assert sorted(images) == sorted(IMAGES.values())
    assert all(LABELS[name] == found.labels[images.index(IMAGES[name])] for name in IMAGES)


@pytest.mark.parametrize(
    "kind", [as_list, as_records, as_cvlface, as_tfrecord, as_shards, as_table]
)
def test_unpacked_and_packed_again(crops, tmp_path, kind):
    """SOURCE -> tree -> set is SOURCE -> set, since names, order and bytes survive."""
    source = kind(tmp_path)
    images, list_file = source["images"], source.get("list_file")
    assert unpack_images(images, tmp_path / "tree", list_file) == len(IMAGES)
    pack_images(images, tmp_path / "a/train", list_file=list_file)
    pack_images(tmp_path / "tree", tmp_path / "b/train")
    for suffix in ("rec", "idx", "crc"):
        a, b = tmp_path / f"a/train.{suffix}", tmp_path / f"b/train.{suffix}"
        assert a.read_bytes() == b.read_bytes(), suffix


def test_images_without_a_folder_go_to_their_person(tmp_path):
    (tmp_path / "flat").mkdir()
    (tmp_path / "flat/1.pgm").write_bytes(pgm(1))
    (tmp_path / "list").write_text("1.pgm\t7\n")
    assert unpack_images(tmp_path / "flat", tmp_path / "tree", tmp_path / "list") == 1
    assert (tmp_path / "tree/000007/1.pgm").read_bytes() == pgm(1)


def test_repacking_our_set_keeps_the_account_of_alignment(crops, tmp_path):
    note = {"complete": True, "template": "arcface", "counts": {"crops": 9}}
    (crops / "align.json").write_text(json.dumps(note))
    first = pack_images(crops, tmp_path / "a/train")
    again = pack_images(tmp_path / "a/train", tmp_path / "b/train")
    assert again["source"]["alignment"] == first["source"]["alignment"]
    assert again["source"]["records_sha256"] == [first["files"]["rec"]["sha256"]]


def test_options_work_for_every_source(crops, tmp_path, capsys):
    source = as_records(tmp_path)["images"]
    (tmp_path / "names.txt").write_text("bob b\n")
    out = tmp_path / "out/train"
    options = {"exclude": tmp_path / "names.txt", "shuffle": 3, "size": (4, 4), "resume": True}
    manifest = pack_images(source, out, **options)
    assert manifest["class_names"] == ["Ann", "Cy"]
    assert manifest["excluded"]["people"] == ["Bob_B"]
    pack_images(source, out, **options)
    assert "left as it is" in capsys.readouterr().out
    with pytest.raises(
        ValueError, match=r"train\.rec, key 1 \(Ann/0\.pgm\): expected 5x5 .* align"
    ):
        pack_images(source, tmp_path / "other/train", size=(5, 5))


def test_images_that_cannot_be_decoded(crops, tmp_path):
    with RecordSetWriter(tmp_path / "in/train", height=4, width=4) as writer:
        for name, image in {"Ann/0.pgm": b"none", "Ann/1.pgm": pgm(1)}.items():
            writer.add("Ann", image, name)
    manifest = pack_images(tmp_path / "in/train", tmp_path / "a/train")
    assert [entry["image"] for entry in manifest["skipped"]] == ["Ann/0.pgm"]
    line = (
        "skipped 1 of 2 images, damaged or no image: 'Ann/0.pgm' (see the manifest); the first: 4"
    )
    assert report(manifest)[-1].startswith(f"{line} bytes that are no")
    with pytest.raises(ValueError, match=r"train\.rec, key 1 \(Ann/0\.pgm\): 4 bytes that are no"):
        pack_images(tmp_path / "in/train", tmp_path / "b/train", strict=True)


def test_commands(crops, tmp_path):
    source = as_list(tmp_path)
    (tmp_path / "drop.tsv").write_text("image\tCy/0.pgm\tblurred\n")
    where = ["--images", source["images"], "--list", source["list_file"]]
    for words, said in [
        (["pack", *where, "--out", tmp_path / "a/train", "--drop", tmp_path / "drop.tsv"], "8 im"),
        (["unpack", tmp_path / "a/train", "--out", tmp_path / "tree"], "8 images"),
        (["unpack", *where[1:], "--out", tmp_path / "tree2"], "9 images"),
    ]:
        result = subprocess.run(
            [sys.executable, "-m", "data_prep", *map(str, words)],
            cwd=ROOT, capture_output=True, text=True,
        )  # fmt: skip
        assert result.returncode == 0 and said in result.stdout, result.stdout + result.stderr


@pytest.mark.parametrize("kind", [as_list, as_records, as_cvlface, as_shards])
def test_cleaners_name_images_and_people_as_packing_does(crops, tmp_path, kind):
    source = kind(tmp_path)
    if kind is as_list:
        pack_images(source["images"], tmp_path / "in/train", list_file=source["list_file"])
        source = {"images": tmp_path / "in/train"}
    owner = {name: one.name for one in open_people(source["images"]).people for name in one.images}
    images = open_images(source["images"])
    assert len(owner) == len(IMAGES) == len(images)
    assert dict(zip(images.names, people_of(images))) == owner


def test_an_image_that_is_damaged_where_it_is_stored_is_skipped(crops, tmp_path):
    table = as_table(tmp_path)["images"]
    lines = table.read_text().splitlines()
    table.write_text("\n".join([*lines[:3], lines[3][:-4] + "!!!!", *lines[4:]]) + "\n")
    shards = as_tfrecord(tmp_path)
    shard = shards["images"] / "s/s-00000.tfrecord"
    whole = bytearray(shard.read_bytes())
    whole[-9] ^= 1  # in the last image
    shard.write_bytes(whole)
    records = as_records(tmp_path)
    rec = tmp_path / "in/train.rec"
    rec.write_bytes(rec.read_bytes().replace(IMAGES["Ann/1.pgm"], pgm(99)))
    places = ("in.tsv, line 4 ", "s-00000.tfrecord, byte ", "train.rec, key 2")
    for number, (source, place) in enumerate(zip(({"images": table}, shards, records), places)):
        manifest = pack_images(**source, prefix=tmp_path / f"{number}/train")
        (skipped,) = manifest["skipped"]
        assert manifest["images"] == 8 and place in skipped["reason"]
        with pytest.raises(ValueError, match=rf"^[^ ]*/{place}.*; mend .* without --strict"):
            pack_images(**source, prefix=tmp_path / "strict/train", strict=True)


def test_what_is_the_file_s_fault_is_no_skipped_image(crops, tmp_path):
    """A shard that is cut, an index that is another file's: images after it would all be lost."""
    shards = as_tfrecord(tmp_path)
    shard = shards["images"] / "s/s-00000.tfrecord"
    shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(
        ValueError, match=r"s-00000\.tfrecord, byte \d+: expected .* before the end"
    ):
        pack_images(**shards, prefix=tmp_path / "a/train")
    for number in range(70):  # more than are looked at when a set is opened
        shutil.copy(crops / "Bob_B/2.pgm", crops / f"Bob_B/more{number:02d}.pgm")
    pack_images(crops, tmp_path / "in/train")
    index = tmp_path / "in/train.idx"
    (one, first), (other, second), *rest = map(str.split, index.read_text().splitlines()[30:])
    rest = [[one, second], [other, first], *rest]
    begin = index.read_text().splitlines()[:30]
    index.write_text("\n".join([*begin, *map("\t".join, rest)]) + "\n")
    for made_by in ("us", "another program"):
        with pytest.raises(
            ValueError, match=r"expected .* id 31, found id 32; the \.idx is another"
        ):
            pack_images(tmp_path / "in/train", tmp_path / "b/train")
        if made_by == "us":
            (tmp_path / "in/train.manifest.json").unlink()


def test_a_set_with_skips_is_whole_until_they_are_mended(crops, tmp_path, capsys):
    table = as_table(tmp_path)["images"]
    whole = table.read_text()
    lines = whole.splitlines()
    table.write_text("\n".join([*lines[:3], lines[3][:-4] + "!!!!", *lines[4:]]) + "\n")
    for text, images, said in [(None, 8, ""), (None, 8, "left as it is"), (whole, 9, "")]:
        if text:
            table.write_text(text)
        assert pack_images(table, tmp_path / "out/train", resume=True)["images"] == images
        assert ("left as it is" in capsys.readouterr().out) == bool(said)
