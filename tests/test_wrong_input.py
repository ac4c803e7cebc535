"""Every command, given something wrong: one clear line, exit status 2, nothing half-written."""

import shutil

import numpy as np
import pytest

from data_prep.files import write_json
from tests.conftest import command, refused


@pytest.fixture
def broken(people, tmp_path):
    """A folder of wrong things, and where the good ones are."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "flat").mkdir()
    shutil.copy(next(people.crops.rglob("*.jpg")), tmp_path / "flat")
    for file in people.records.parent.glob("train.*"):
        shutil.copy(file, tmp_path)
    shutil.copy(people.records.parent / "property", tmp_path)
    whole = (tmp_path / "train.rec").read_bytes()
    (tmp_path / "train.rec").write_bytes(whole[: len(whole) // 2])
    names = sorted(str(p.relative_to(people.crops)) for p in people.crops.rglob("*.jpg"))
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((71, 4), dtype=np.float32))
    (tmp_path / "x.txt").write_text("".join(f"{name}\n" for name in names[:-1]))  # one is missing
    write_json(tmp_path / "x.json", {"schema": 1, "dim": 4, "fusion": "none"})
    lines = people.pairs.read_text().splitlines()
    lines[6] = "person_00011\t5\t6"  # of which the second is the one without embedding
    (tmp_path / "pairs.txt").write_text("\n".join(lines) + "\n")
    (tmp_path / "bad.yaml").write_text("optim: {lrr: 1}\n")
    return tmp_path


CASES = {
    "missing photographs": (
        "data_prep align --images {t}/none --landmarks {t}/pairs.txt --out {t}/out",
        ["{t}/none: expected a folder of images, found nothing there"],
    ),
    "missing landmarks": (
        "data_prep align --images {crops} --landmarks {t}/none --out {t}/out",
        ["{t}/none"],
    ),
    "landmarks that are none": (
        "data_prep align --images {crops} --landmarks {t}/pairs.txt --out {t}/out",
        ["{t}/pairs.txt, line 1"],
    ),
    "a folder without anything": (
        "data_prep pack --images {t}/empty --out {t}/out/train",
        ["{t}/empty", "person"],
    ),
    "a folder without people": (
        "data_prep pack --images {t}/flat --out {t}/out/train",
        ["{t}/flat", "person"],
    ),
    "half a record file, to train on": (
        "train data.records=[{t}/train] out={t}/out",
        ["{t}/train.rec", "cut"],
    ),
    "half a record file, to unpack": (
        "data_prep unpack {t}/train --out {t}/out",
        ["{t}/train"],
    ),
    "no configuration": (
        "train --config {t}/none.yaml out={t}/out",
        ["{t}/none.yaml: expected settings", "found no such file"],
    ),
    "no result": (
        "eval report {t}/none.json --out {t}/out/r.html",
        ['{t}/none.json: expected a result of "python -m eval run", found no such file'],
    ),
    "an unknown key": (
        "train --config {t}/bad.yaml out={t}/out",
        ["{t}/bad.yaml", "'optim.lrr'", "did you mean 'optim.lr'"],
    ),
    "an unknown protocol": (
        "eval run --protocol lfv --pairs {pairs} --embeddings {t}/x --out {t}/out/r.json",
        ["'lfv'", "did you mean 'lfw'"],
    ),
    "a pair of an image that is not there": (
        "eval run --protocol lfw --pairs {t}/pairs.txt --embeddings {t}/x --out {t}/out/r.json",
        ["{t}/pairs.txt, line 7", "person_00011_0006.jpg"],
    ),
    "no embeddings": (
        "eval run --protocol lfw --pairs {pairs} --embeddings {t}/none --out {t}/out/r.json",
        ["{t}/none"],
    ),
    "a report of no result": ("eval report {t}/x.json --out {t}/out/r.html", ["{t}/x.json"]),
    "an unknown command": ("data_prep algn", ["'algn'", "did you mean 'align'"]),
}


@pytest.mark.parametrize("case", CASES)
def test_one_line_and_nothing_written(people, broken, case):
    places = {"t": broken, "crops": people.crops, "pairs": people.pairs}
    words, expected = CASES[case]
    line = refused(command(*words.format(**places).split()))
    for part in expected:
        assert part.format(**places) in line
    out = broken / "out"
    assert not out.exists() or not list(out.iterdir())


def test_check_lists_what_is_wrong_with_half_a_record_file(broken):
    result = command("data_prep", "check", broken / "train")
    assert result.returncode == 2 and str(broken / "train.rec") in result.stdout + result.stderr
    assert "Traceback" not in result.stderr
