"""Record sets of every maker as a source, and the traps of formats.md 2.4."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from data_prep.clean.centres import people_of
from data_prep.dataset import open_images
from data_prep.files import read_json
from data_prep.images import encode
from data_prep.records import recordio
from data_prep.records.header import pack
from data_prep.records.manifest import manifest_path
from data_prep.records.writer import RecordSetWriter
from data_prep.sources import open_people
from data_prep.sources.people import People, Person
from tests.conftest import ROOT

MXNET = ROOT / ".venv-mxnet/bin/python"


def write_records(prefix: Path, records: list[tuple[int, bytes]]) -> None:
    """A set as a foreign program may write it, from (key, payload)."""
    prefix.parent.mkdir(parents=True, exist_ok=True)
    frames = [recordio.encode(payload) for _, payload in records]
    offsets = np.cumsum([0, *map(len, frames)])
    prefix.with_suffix(".rec").write_bytes(b"".join(frames))
    lines = [f"{key}\t{offset}\n" for (key, _), offset in zip(records, offsets)]
    prefix.with_suffix(".idx").write_text("".join(lines))


def ours(prefix: Path, *people: str) -> None:
    with RecordSetWriter(prefix, height=1, width=1) as writer:
        for person in people:
            for i in range(2):
                writer.add(person, f"{person}{i}".encode(), f"{person}/{i}.png")


def contents(source: People) -> dict[str, list[bytes]]:
    return {
        person.name: [source.encoded(name) for name in person.images] for person in source.people
    }


def test_our_own_sets_keep_their_names(tmp_path):
    ours(tmp_path / "train", "Cy", "Ann")
    source = open_people(tmp_path / "train")
    # the order of the classes, not of the alphabet
    assert source.people == (
        Person("Cy", ("Cy/0.png", "Cy/1.png")),
        Person("Ann", ("Ann/0.png", "Ann/1.png")),
    )
    assert contents(source) == {"Cy": [b"Cy0", b"Cy1"], "Ann": [b"Ann0", b"Ann1"]}
    assert source.where("Ann/0.png") == f"{tmp_path}/train.rec, key 3 (Ann/0.png)"
    assert source.length("Ann/0.png") == 8 + 24 + 4  # frame, header, 4 bytes
    assert open_people(tmp_path / "train.rec").people == source.people


def test_insightfaces_sets(tmp_path):
    """Keys 1 .. N images, N+1 .. N+C people, 0 the header, last; some labels are pairs."""
    images = [(1, pack(0, 1, b"a")), (2, pack((0, 1), 2, b"b")), (3, pack(1, 3, b"c"))]
    people = [(4, pack((1, 3), 4)), (5, pack((3, 4), 5))]
    write_records(tmp_path / "train", [*images, *people, (0, pack((4, 6), 0))])
    (tmp_path / "property").write_text("2,112,112\n")
    source = open_people(tmp_path / "train")
    assert source.people == (
        Person("000000", ("000000/00000001", "000000/00000002")),
        Person("000001", ("000001/00000003",)),
    )
    assert contents(source) == {"000000": [b"a", b"b"], "000001": [b"c"]}


def test_trap_1_an_image_with_several_labels_at_key_0_is_no_header(tmp_path):
    records = [(key, pack((key % 2, 9.0), key, bytes([65 + key]))) for key in range(4)]
    write_records(tmp_path / "train", records)
    source = open_people(tmp_path / "train")
    assert contents(source) == {"000000": [b"A", b"C"], "000001": [b"B", b"D"]}


def test_trap_2_a_person_record_at_every_change_of_label(tmp_path):
    """face2rec2 on an unsorted list: three person records for two people."""
    labels = [0, 1, 1, 0]
    images = [(i + 1, pack(label, i + 1, bytes([65 + i]))) for i, label in enumerate(labels)]
    runs = [(1, 2), (2, 4), (4, 5)]
    people = [(5 + i, pack(run, 5 + i)) for i, run in enumerate(runs)]
    write_records(tmp_path / "train", [*images, *people, (0, pack((5, 8), 0))])
    source = open_people(tmp_path / "train")
    assert contents(source) == {"000000": [b"A", b"D"], "000001": [b"B", b"C"]}


def test_trap_3_a_shuffled_set_without_header(tmp_path):
    """shuffle_rec.py: new keys from 0, ids of the set it came from."""
    records = [(key, pack(key % 2, 4 - key, bytes([65 + key]))) for key in range(4)]
    write_records(tmp_path / "train", records)
    source = open_people(tmp_path / "train")
    assert contents(source) == {"000000": [b"A", b"C"], "000001": [b"B", b"D"]}


def test_trap_4_no_index_and_a_property_of_four_lines(tmp_path):
    records = [(key, pack(key % 2, 0, bytes([65 + key]))) for key in range(4)]
    write_records(tmp_path / "train", records)
    (tmp_path / "train.idx").unlink()
    (tmp_path / "property").write_text("2,112,112\n4\nshuffled\n2018-01-01 00:00:00\n")
    source = open_people(tmp_path / "train")
    assert contents(source) == {"000000": [b"A", b"C"], "000001": [b"B", b"D"]}


def cvlface(prefix: Path, *lines: str) -> People:
    """Trap 5: keys from 0, flag 0, people and names in PREFIX.tsv."""
    records = [(key, pack(label, key, bytes([65 + key]))) for key, label in enumerate([1, 0, 1])]
    write_records(prefix, records)
    prefix.with_suffix(".tsv").write_text("".join(f"{line}\n" for line in lines))
    return open_people(prefix)


def test_trap_5_cvlface_sets(tmp_path):
    source = cvlface(tmp_path / "train", "0\tBob/9.jpg\t1", "1\tAnn/1.jpg\t0", "2\tBob/1.jpg\t1")
    assert source.people == (
        Person("Ann", ("Ann/1.jpg",)),
        Person("Bob", ("Bob/9.jpg", "Bob/1.jpg")),
    )
    assert contents(source) == {"Ann": [b"B"], "Bob": [b"A", b"C"]}
    far = cvlface(
        tmp_path / "far", "0\t/d/Bob/9.jpg\t1", "1\t../Ann/1.jpg\t0", "2\t/d/Bob/1.jpg\t1"
    )
    assert far.people == source.people


def test_paths_of_cvlface_that_end_alike_are_kept_whole(tmp_path):
    lines = [f"{key}\t/d/disk{key}/{'BAB'[key]}/1.jpg\t{key % 2 ^ 1}" for key in range(3)]
    assert cvlface(tmp_path / "train", *lines).people == (
        Person("000000", ("d/disk1/A/1.jpg",)),
        Person("000001", ("d/disk0/B/1.jpg", "d/disk2/B/1.jpg")),
    )


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["0\tB/9.jpg\t1", "1\tA/1.jpg"], r"train\.tsv, line 2: expected key, path, label"),
        (["0\tB/9.jpg\t1", "2\tA/1.jpg\t0"], r"line 2: expected key 1 as in .*, found key 2"),
        (["0\tB/9.jpg\t1", "1\tA/1.jpg\t5"], r"line 2: expected label 0 as in .*, found label 5"),
        (["0\tB/9.jpg\t1", "1\tA/1.jpg\tx"], r"line 2: expected a class number"),
        (["0\tB/9.jpg\t1"], r"train\.tsv: expected 3 lines as in .*, found 1"),
        ([f"{i}\tB/{i}.jpg\t{(i + 1) % 2}" for i in range(4)], r"line 4: expected no further line"),
        (["0\tA/1\t1", "1\tB/1\t0", "2\tA/1\t1"], r"tsv, key 2: .* 'A/1' as at key 0; correct"),
    ],
)
def test_damaged_lists_of_cvlface(tmp_path, lines, message):
    with pytest.raises(ValueError, match=message):
        cvlface(tmp_path / "train", *lines)


def test_shards_with_common_labels(tmp_path):
    write_records(tmp_path / "s/0.rec", [(0, pack(1, 0, b"a")), (1, pack(0, 1, b"b"))])
    write_records(tmp_path / "s/1.rec", [(0, pack(0, 0, b"c")), (1, pack(2, 1, b"d"))])
    source = open_people(tmp_path / "s/*.rec")
    assert contents(source) == {"000000": [b"b", b"c"], "000001": [b"a"], "000002": [b"d"]}
    assert source.people[0].images == ("000000/00000-00000001", "000000/00001-00000000")
    assert source.about()["sets"] == 2


def test_our_shards_are_joined_by_names_of_people(tmp_path):
    ours(tmp_path / "0/train", "Ann", "Bob")
    ours(tmp_path / "1/train", "Cy")
    source = open_people(tmp_path / "*/train.rec")
    assert [person.name for person in source.people] == ["Ann", "Bob", "Cy"]
    assert contents(source)["Cy"] == [b"Cy0", b"Cy1"]
    ours(tmp_path / "2/train", "Bob")
    with pytest.raises(ValueError, match=r"two images are named 'Bob/0\.png'; give shards that"):
        open_people(tmp_path / "*/train.rec")
    write_records(tmp_path / "3/train", [(0, pack(0, 0, b"a"))])
    with pytest.raises(ValueError, match=r"3/train\.rec: has no manifest"):
        open_people(tmp_path / "[03]/train.rec")


def test_a_label_that_the_manifest_does_not_have(tmp_path):
    ours(tmp_path / "train", "Cy", "Ann")
    path = manifest_path(tmp_path / "train")
    path.write_text(json.dumps(read_json(path) | {"num_classes": 1, "class_names": ["Cy"]}))
    for read in (open_people, lambda prefix: people_of(open_images(prefix))):
        with pytest.raises(ValueError, match=r"manifest\.json: expected 1 classes, .* has label 1"):
            read(tmp_path / "train")


def test_damage_is_named_with_key_and_byte(tmp_path):
    ours(tmp_path / "train", "Ann")
    rec = tmp_path / "train.rec"
    rec.write_bytes(rec.read_bytes().replace(b"Ann1", b"Amn1"))
    source = open_people(tmp_path / "train")
    with pytest.raises(ValueError, match=r"train\.rec, key 2, byte 36"):
        source.encoded("Ann/1.png")


WRITE = """
import sys
import numpy as np
from mxnet import recordio
out = recordio.MXIndexedRecordIO(sys.argv[1] + ".idx", sys.argv[1] + ".rec", "w")
magic = bytes.fromhex("0a23d7ce")
for key in range(12):
    label = float(key % 3) if key % 2 else np.array([key % 3, 1.0, 2.0], dtype=np.float32)
    image = b"im" + bytes([65 + key]) + b"." + magic * (key % 3) + b"z"
    out.write_idx(key, recordio.pack(recordio.IRHeader(0, label, key, 0), image))
out.close()
"""


@pytest.mark.skipif(not MXNET.exists(), reason="no .venv-mxnet; make venv installs it")
def test_mxnets_set_of_mixed_labels(tmp_path):
    done = subprocess.run([MXNET, "-c", WRITE, tmp_path / "train"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    magic = bytes.fromhex("0a23d7ce")
    assert contents(open_people(tmp_path / "train")) == {
        f"{label:06d}": [
            b"im" + bytes([65 + key]) + b"." + magic * label + b"z" for key in range(label, 12, 3)
        ]
        for label in range(3)
    }


@pytest.mark.skipif(not MXNET.exists(), reason="no .venv-mxnet; make venv installs it")
def test_im2recs_own_list_and_records(tmp_path):
    """MXNet's im2rec lists a tree, mixes the list, packs it: both are the tree's people."""
    images = {}
    for i, name in enumerate(["Bob/0.png", "Bob/1.png", "Ann/0.png", "Ann/1.png", "Ann/2.png"]):
        images[name] = encode(np.full((4, 4, 3), 50 * i, np.uint8), ".png")
        (tmp_path / "crops" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "crops" / name).write_bytes(images[name])
    (tool,) = MXNET.parents[1].glob("lib/*/site-packages/mxnet/tools/im2rec.py")
    for options in (["--list", "--recursive"], ["--pass-through"]):
        words = [MXNET, tool, *options, tmp_path / "train", tmp_path / "crops"]
        done = subprocess.run(words, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    listed = open_people(tmp_path / "crops", tmp_path / "train.lst")
    assert {person.name: sorted(person.images) for person in listed.people} == {
        "Ann": ["Ann/0.png", "Ann/1.png", "Ann/2.png"],
        "Bob": ["Bob/0.png", "Bob/1.png"],
    }
    # keys are the list's indices, which number the tree in its order
    assert contents(open_people(tmp_path / "train")) == {
        "000000": [images[f"Ann/{i}.png"] for i in range(3)],
        "000001": [images[f"Bob/{i}.png"] for i in range(2)],
    }
