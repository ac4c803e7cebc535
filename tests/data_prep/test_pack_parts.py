"""Several processes pack shares that together are what one process packs."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from data_prep.pack import pack_images, part_prefix
from data_prep.records.reader import RecordSet
from data_prep.sources.choice import share_of
from data_prep.sources.people import Person
from tests.conftest import ROOT

OF_THE_PART = {"images", "num_classes", "files", "skipped", "class_names"}
"""Fields of a part's manifest that differ from the whole one's, besides `part`."""


@pytest.fixture
def crops(tmp_path):
    for number in range(11):
        for i in range(1 + number * 5 % 7):
            path = tmp_path / f"crops/p{number:02d}/{i}.pgm"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"P5 2 2 255\n" + bytes([i, number, 3, 4]))
    for name in ("p01/0.pgm", "p05/2.pgm", "p10/0.pgm"):
        (tmp_path / "crops" / name).write_bytes(b"no picture")
    return tmp_path / "crops"


def images_of(prefix):
    """Of each image: its person, name, bytes."""
    records = RecordSet(prefix)
    lines = prefix.with_suffix(".lst").read_text().splitlines()
    return [
        (records.manifest["class_names"][label], line.split("\t")[2], records.image_bytes(i))
        for i, (label, line) in enumerate(zip(records.labels, lines))
    ]


@pytest.mark.parametrize("ranks", [2, 3, 11])
@pytest.mark.parametrize("shuffle", [None, 4])
def test_parts_are_the_whole(crops, tmp_path, ranks, shuffle):
    (tmp_path / "names.txt").write_text("p03\n" if ranks < 11 else "nobody\n")
    (tmp_path / "drop.tsv").write_text("image\tp06/1.pgm\tblurred\n")
    options = {
        "exclude": tmp_path / "names.txt",
        "drops": [tmp_path / "drop.tsv"],
        "shuffle": shuffle,
        "command": "the same",
    }
    whole = pack_images(crops, tmp_path / "whole/train", **options)
    prefix = tmp_path / "out/train"
    parts = [pack_images(crops, prefix, part=(r, ranks), **options) for r in range(ranks)]
    prefixes = [part_prefix(prefix, r, ranks) for r in range(ranks)]
    assert prefixes[1] == tmp_path / f"out/train.parts/00001-of-{ranks:05d}/train"
    joined = [image for one in prefixes for image in images_of(one)]
    assert joined == images_of(tmp_path / "whole/train")
    assert sum((one["skipped"] for one in parts), []) == whole["skipped"]  # noqa: RUF017
    assert sum((one["class_names"] for one in parts), []) == whole["class_names"]  # noqa: RUF017
    assert sum(one["images"] for one in parts) == whole["images"]
    for rank, one in enumerate(parts):
        assert one.pop("part") == {"rank": rank, "of": ranks}
        assert list(one) == list(whole)  # the same fields in the same order
        assert {field for field in whole if one[field] != whole[field]} <= OF_THE_PART
    # read as one set again, the parts are the whole's records
    again = pack_images(tmp_path / "out/train.parts/*/train.rec", tmp_path / "again/train")
    assert again["files"] == whole["files"]


def test_a_part_is_gone_on_with(crops, tmp_path, capsys):
    for rank in (0, 1, 1):
        pack_images(crops, tmp_path / "train", part=(rank, 2), resume=True)
    said = capsys.readouterr().out
    assert said.count("left as it is") == 1 and "00001-of-00002" in said


def people_of(counts):
    return [Person(str(i), tuple(map(str, range(count)))) for i, count in enumerate(counts)]


@pytest.mark.parametrize("seed", range(30))
def test_shares_cover_everybody_once(seed):
    draw = np.random.default_rng(seed)
    people = people_of(draw.integers(1, 2 + 100 ** draw.random(), 1 + draw.integers(40)).tolist())
    for ranks in range(1, len(people) + 1):
        shares = [share_of(people, rank, ranks) for rank in range(ranks)]
        assert [person for one in shares for person in one] == people and all(shares)
        counts = [sum(len(person.images) for person in one) for one in shares]
        most = max(len(person.images) for person in people)
        if len(people) > 4 * ranks and most * ranks < sum(counts) / 4:
            assert max(counts) <= sum(counts) / ranks + 2 * most
    with pytest.raises(ValueError, match="expected at least one person a process"):
        share_of(people, 0, len(people) + 1)


def test_one_person_with_nearly_all_images():
    people = people_of([1, 1, 1000, 1, 1])
    shares = [[person.name for person in share_of(people, rank, 3)] for rank in range(3)]
    assert shares == [["0", "1", "2"], ["3"], ["4"]]


def test_the_command_under_torchruns_environment(crops, tmp_path):
    words = ["pack", "--images", crops, "--out", tmp_path / "train"]
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "data_prep", *map(str, words)],
            cwd=ROOT, env=os.environ | {"RANK": str(rank), "WORLD_SIZE": "2"},
            stdout=subprocess.PIPE, text=True,
        )
        for rank in range(2)
    ]  # fmt: skip
    for rank, process in enumerate(running):
        said, _ = process.communicate()
        assert process.returncode == 0 and said.startswith(f"part {rank} of 2: ")
    manifests = [
        json.loads(
            (part_prefix(tmp_path / "train", r, 2).parent / "train.manifest.json").read_text()
        )
        for r in range(2)
    ]
    assert manifests[0]["command"] == manifests[1]["command"]
    assert manifests[0]["source"] == manifests[1]["source"]
    assert not (tmp_path / "train.rec").exists()
