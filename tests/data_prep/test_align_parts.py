"""Several processes align into one tree; joined, it is the tree of a single one, byte for byte."""

import json
import shutil
from itertools import chain
from pathlib import Path

import numpy as np
import pytest

from data_prep.align_images import AlignSettings, align_folder
from data_prep.align_parts import Part
from data_prep.faces.detect import DetectSettings
from data_prep.faces.detect.folder import CHUNK
from data_prep.faces.synthetic import write_photos
from data_prep.images import encode
from data_prep.parallel import share
from data_prep.sources.folders import read_images
from tests.conftest import command, done, refused

SETTINGS = AlignSettings(size=(64, 64))


@pytest.fixture(scope="module")
def album(tmp_path_factory) -> Path:
    """51 drawn photographs with landmarks, one without a face, and one that is no picture."""
    root = tmp_path_factory.mktemp("album")
    write_photos(root / "s", people=17, images=3, seed=5, size=100)
    shutil.move(root / "s/photos", root / "photos")
    points = (root / "s/landmarks.txt").read_text()
    broken = points.splitlines()[40].split()[0]
    (root / "photos" / broken).write_bytes(b"no picture")
    (root / "photos/person_00003/blank.png").write_bytes(
        encode(np.full((100, 100, 3), 90, np.uint8), ".png")
    )
    (root / "points.txt").write_text(points)
    return root


def contents(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def aligned(album: Path, out: Path, source: str, *, settings=SETTINGS, **options) -> dict:
    landmarks = album / "points.txt" if source == "list" else DetectSettings(device="cpu")
    return align_folder(album / "photos", out, landmarks, settings, **options)


@pytest.fixture(scope="module")
def whole(album) -> dict[str, dict[str, bytes]]:
    """The trees of a single process."""
    trees = {}
    for source in ("list", "detector"):
        summary = aligned(album, album / source, source)
        assert summary["counts"]["without_landmarks"] == (1 if source == "list" else 2)
        assert summary["counts"]["crops"] == 50
        trees[source] = contents(album / source)
    return trees


@pytest.mark.parametrize("world", [1, 2, 3])
@pytest.mark.parametrize("source", ["list", "detector"])
def test_joined_parts_are_the_tree_of_one_process(album, whole, tmp_path, source, world):
    out = tmp_path / "out"
    parts = Part(0, world).all()
    for part in reversed(parts):
        aligned(album, out, source, part=part, workers=part.rank + 1)
    if world > 1:
        assert not json.loads((out / "align.json").read_text())["complete"]  # so pack refuses it
        done_by = [json.loads((out / part.note).read_text())["counts"]["crops"] for part in parts]
        assert sum(done_by) == 50 and min(done_by) > 0
    for _ in range(2):  # joining what is joined changes nothing
        aligned(album, out, source, join=True)
        assert contents(out) == whole[source]
    for part in parts:  # nor does going on with it
        aligned(album, out, source, part=part, resume=True)
    assert contents(out) == whole[source]


@pytest.mark.parametrize("source", ["list", "detector"])
def test_a_process_that_was_killed_goes_on(album, whole, tmp_path, source):
    out = tmp_path / "out"
    first, second = Part(0, 2), Part(1, 2)
    aligned(album, out, source, part=first)
    note = out / "align.part-1-of-2.json"
    with pytest.raises(ValueError, match=r"part-1-of-2\.json: expected the part .* --nproc-per-"):
        aligned(album, out, source, join=True)
    aligned(album, out, source, part=second)
    # as if it had been killed: no account, half a line, half a crop, a crop less
    note.write_text(json.dumps(json.loads(note.read_text()) | {"complete": False}))
    names = second.share(read_images(album / "photos"))
    lost = out / names[3]
    lost.unlink()
    lost.with_name(f".{lost.name}.99999999.tmp").write_bytes(b"half")
    if source == "detector":
        found = out / "detected.part-1-of-2.jsonl"
        growing = found.rename(f"{found}.partial")
        growing.write_bytes(growing.read_bytes()[:-20])
    with pytest.raises(ValueError, match="expected the part of a process that is done"):
        aligned(album, out, source, join=True)
    with pytest.raises(ValueError, match="expected an empty or new folder; --resume"):
        aligned(album, out, source, part=second)
    aligned(album, out, source, part=first, resume=True)
    aligned(album, out, source, part=second, resume=True)
    aligned(album, out, source, join=True)
    assert contents(out) == whole[source]


def test_a_single_process_finishes_what_several_began(album, whole, tmp_path):
    aligned(album, tmp_path / "out", "list", part=Part(1, 3))
    with pytest.raises(ValueError, match=r"part-1-of-3\.json: expected parts of 2 processes"):
        aligned(album, tmp_path / "out", "list", part=Part(0, 2), resume=True)
    aligned(album, tmp_path / "out", "list", resume=True)
    assert contents(tmp_path / "out") == whole["list"]


def test_parts_of_other_runs_are_refused(album, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(ValueError, match=r"expected align\.part-0-of-2\.json and so on, found no"):
        aligned(album, out, "list", join=True)
    assert not out.exists()
    aligned(album, out, "list", part=Part(0, 2))
    other = AlignSettings(size=(64, 64), quality=80)
    for part, resume in ((Part(1, 2), False), (Part(0, 2), True), (Part(), True)):
        with pytest.raises(ValueError, match="settings was"):
            aligned(album, out, "list", part=part, resume=resume, settings=other)
    aligned(album, out, "list", part=Part(1, 2))
    with pytest.raises(ValueError, match="settings was"):
        aligned(album, out, "list", join=True, settings=other)
    (tmp_path / "full").mkdir()
    (tmp_path / "full/x").write_text("")
    with pytest.raises(ValueError, match="expected an empty or new folder"):
        aligned(album, tmp_path / "full", "list", part=Part(1, 2))
    with pytest.raises(ValueError, match=r"expected align\.json of the run to go on with"):
        aligned(album, tmp_path / "full", "list", part=Part(1, 2), resume=True)


def test_more_processes_than_chunks(album, whole, tmp_path):
    for part in Part(0, 6).all():
        aligned(album, tmp_path / "out", "list", part=part)
    aligned(album, tmp_path / "out", "list", join=True)
    assert contents(tmp_path / "out") == whole["list"]


def test_shares_are_whole_chunks_and_cover_everything():
    names = [str(i) for i in range(5 * CHUNK + 3)]
    for world in (1, 2, 3, 7):
        shares = [part.share(names) for part in Part(0, world).all()]
        assert sorted(chain.from_iterable(shares), key=int) == names
        for own in shares:
            chunks = [own[i : i + CHUNK] for i in range(0, len(own), CHUNK)]
            assert all(names[int(c[0]) : int(c[0]) + CHUNK] == c for c in chunks)
            assert all(int(c[0]) % CHUNK == 0 for c in chunks)


def test_under_torchrun(album, whole, tmp_path):
    words = ["--images", album / "photos", "--landmarks", album / "points.txt", "--size", 64]
    words += ["--out", tmp_path / "out"]
    said = done(command("data_prep", "align", *words, ranks=2)).stdout
    assert "process 0 of 2: " in said and "process 1 of 2: " in said and "with --join" in said
    assert "50 crops in" in done(command("data_prep", "align", *words, "--join")).stdout
    assert contents(tmp_path / "out") == whole["list"]
    environment = {"RANK": "2", "WORLD_SIZE": "2", "PATH": ""}
    assert "'2' and '2'" in refused(command("data_prep", "align", *words, env=environment))
    environment["RANK"] = "1"
    said = refused(command("data_prep", "align", *words, "--join", env=environment))
    assert "--join: expected a single process; leave torchrun out" in said


def test_the_environment(monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert share() == (0, 1)
    monkeypatch.setenv("RANK", "2")
    monkeypatch.setenv("WORLD_SIZE", "3")
    assert share() == (2, 3)
    monkeypatch.setenv("WORLD_SIZE", "-1")
    with pytest.raises(ValueError, match="found '2' and '-1'; unset both"):
        share()
