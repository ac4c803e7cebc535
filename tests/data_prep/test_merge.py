"""Parts become what one process packs, byte for byte, or are refused."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from data_prep import merge as merging
from data_prep.check import find_problems
from data_prep.images import encode
from data_prep.merge import merge
from data_prep.pack import pack_images, part_prefix
from data_prep.records.manifest import manifest_path
from data_prep.records.writer import RecordSetWriter
from tests.conftest import command, done, refused


def contents(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


@pytest.fixture
def crops(tmp_path) -> Path:
    """Seven people with one to four crops each, one of which cannot be decoded."""
    draw = np.random.default_rng(2)
    for number in range(7):
        for i in range(1 + number % 4):
            path = tmp_path / f"crops/p{number}/{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode(draw.integers(0, 256, (12, 10, 3), np.uint8), ".png"))
    (tmp_path / "crops/p3/1.png").write_bytes(b"no picture")
    return tmp_path / "crops"


def pack_parts(crops: Path, prefix: Path, ranks: int, **options) -> None:
    for rank in range(ranks):
        pack_images(crops, prefix, part=(rank, ranks), **options)


@pytest.fixture
def parts(crops, tmp_path) -> Path:
    """The prefix of a set in three parts."""
    pack_parts(crops, tmp_path / "set/train", 3)
    return tmp_path / "set/train"


def change(prefix: Path, rank: int, **fields) -> None:
    path = manifest_path(part_prefix(prefix, rank, 3))
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


@pytest.mark.parametrize("ranks", [1, 2, 3, 6])
def test_the_result_is_that_of_one_process(crops, tmp_path, ranks):
    (tmp_path / "names.txt").write_text("p5\n")
    options = {"shuffle": 4, "exclude": tmp_path / "names.txt", "command": "pack it"}
    whole = pack_images(crops, tmp_path / "whole/train", **options)
    assert len(whole["skipped"]) == 1
    if ranks > 1:
        pack_parts(crops, tmp_path / "set/train", ranks, **options)
    else:  # a part that is all of it, which pack itself does not make
        with_part(crops, tmp_path / "set/train", whole)
    assert merge(tmp_path / "set/train") == whole
    assert contents(tmp_path / "set") == contents(tmp_path / "whole")
    assert [path.name for path in (tmp_path / "set").iterdir() if path.is_dir()] == []
    assert find_problems(tmp_path / "set/train") == []


def with_part(crops: Path, prefix: Path, whole: dict) -> None:
    fields = ("source", "transform_version", "shuffle", "excluded", "command")
    details = {field: whole[field] for field in fields}
    details |= {"part": {"rank": 0, "of": 1}, "skipped": whole["skipped"]}
    folder = prefix.parent.parent / "whole"
    names = [line.split("\t") for line in (folder / "train.lst").read_text().splitlines()]
    part = part_prefix(prefix, 0, 1)
    with RecordSetWriter(part, height=12, width=10, details=details) as writer:
        for _, label, name in names:
            writer.add(whole["class_names"][int(label)], (crops / name).read_bytes(), name)


def test_parts_stay_if_asked_and_a_second_call_does_the_same(parts):
    merge(parts, keep_parts=True)
    before = contents(parts.parent)
    assert any("-of-00003" in name for name in before)
    merge(parts)
    after = contents(parts.parent)
    assert after.items() <= before.items() and len(after) == 6
    merge(parts)
    assert contents(parts.parent) == after


@pytest.mark.parametrize("removed", [[0], [1, 2]])
def test_missing_parts(parts, removed):
    for rank in removed:
        shutil.rmtree(part_prefix(parts, rank, 3).parent)
    before = contents(parts.parent)
    names = ", ".join(repr(part_prefix(parts, rank, 3).parent.name) for rank in removed)
    with pytest.raises(ValueError, match=rf"train\.parts: expected 3 parts, {names} missing"):
        merge(parts)
    assert contents(parts.parent) == before


def test_unfinished_parts(parts):
    manifest_path(part_prefix(parts, 1, 3)).unlink()
    with pytest.raises(ValueError, match="the part is not finished"):
        merge(parts)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"shuffle": 9}, r"part 2 of 3: 'shuffle' is 9, in part 0 it is None"),
        ({"source": {"images": "x"}}, r"part 2 of 3: 'source' is .*; pack all parts from the same"),
        ({"excluded": {}}, r"part 2 of 3: 'excluded' is \{\}, in part 0 it is None"),
        ({"height": 13}, r"part 2 of 3: 'height' is 13"),
        ({"part": {"rank": 1, "of": 3}}, r"part 2 of 3: its manifest says part \{'rank': 1"),
    ],
)
def test_parts_of_different_runs(parts, fields, said):
    change(parts, 2, **fields)
    before = contents(parts.parent)
    with pytest.raises(ValueError, match=said):
        merge(parts)
    assert contents(parts.parent) == before


def test_parts_of_runs_of_other_sizes(crops, parts):
    pack_parts(crops, parts, 2)
    with pytest.raises(ValueError, match=r"found those of \[2, 3\] processes"):
        merge(parts)


def test_one_person_in_two_parts(parts):
    names = json.loads(manifest_path(part_prefix(parts, 2, 3)).read_text())["class_names"]
    change(parts, 2, class_names=["p0", *names[1:]])
    with pytest.raises(ValueError, match="'p0' is in part 0 too"):
        merge(parts)


def test_a_damaged_part_leaves_all_as_it_was(crops, parts):
    pack_images(crops, parts, shuffle=1)
    rec = part_prefix(parts, 2, 3).with_suffix(".rec")
    data = bytearray(rec.read_bytes())
    data[100] ^= 1
    rec.write_bytes(data)
    before = contents(parts.parent)
    with pytest.raises(ValueError, match="CRC-32"):
        merge(parts)
    assert contents(parts.parent) == before


def test_parts_vanish_at_once_and_what_a_kill_leaves_goes(parts, monkeypatch):
    def killed(path):
        raise KeyboardInterrupt

    monkeypatch.setattr(merging.shutil, "rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        merge(parts)
    monkeypatch.undo()
    assert sorted(path.name for path in parts.parent.iterdir() if path.is_dir())[0][0] == "."
    whole = merge(parts)
    assert whole["num_classes"] == 7 and len(list(parts.parent.iterdir())) == 6


def test_the_command(crops, tmp_path):
    words = ["pack", "--images", crops, "--out", tmp_path / "set/train"]
    done(command("data_prep", *words))
    before = contents(tmp_path / "set")
    done(command("data_prep", *words, ranks=2))
    result = done(command("data_prep", "merge", tmp_path / "set/train"))
    assert "15 images of 7 people" in result.stdout
    assert contents(tmp_path / "set") == before
    assert "expected the parts" in refused(command("data_prep", "merge", tmp_path / "none/train"))
