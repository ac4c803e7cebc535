"""A full disk, or a place that cannot be written to: one line, and what was there stays."""

import ctypes
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from data_prep.faces.align import TEMPLATE
from data_prep.images import encode
from data_prep.pack import pack_images
from tests.conftest import command, done, refused


def contents(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def full_after(*words: object, limit: int) -> str:
    """What a command says whose files cannot grow beyond `limit` bytes: as on a full disk, the
    system refuses to write on in the middle of a file."""

    def confine() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    env = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    return refused(command("data_prep", *words, preexec_fn=confine, env=env))


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """Photographs, crops, a set of them, the same in parts, and one that needs repair."""
    out = tmp_path_factory.mktemp("made")
    coarse = np.random.default_rng(1).integers(0, 256, (9, 9, 3), np.uint8)
    lines = []
    for i in range(8):
        path = out / f"photos/p{i // 2}/{i}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(cv2.resize(coarse, (160, 160)), ".jpg"))
        points = (TEMPLATE * (1 + i / 20) + i).ravel()
        lines.append(" ".join([f"p{i // 2}/{i}.jpg", *map(str, points)]))
    (out / "points.txt").write_text("\n".join(lines) + "\n")
    words = ["--images", out / "photos", "--landmarks", out / "points.txt", "--out", out / "crops"]
    done(command("data_prep", "align", *words))
    pack_images(out / "crops", out / "set/train")
    for rank in range(2):
        pack_images(out / "crops", out / "parts/train", shuffle=3, part=(rank, 2))
    shutil.copytree(out / "set", out / "bad")
    rec = out / "bad/train.rec"
    rec.write_bytes(rec.read_bytes()[:-1500])
    return out


@pytest.fixture
def earlier(made, tmp_path) -> Path:
    """A place in which a set lies already."""
    shutil.copytree(made / "set", tmp_path / "out")
    return tmp_path / "out"


def test_align_on_a_full_disk_goes_on_later(made, tmp_path):
    words = ["align", "--images", made / "photos", "--landmarks", made / "points.txt"]
    words += ["--out", tmp_path / "crops"]
    largest = max(path.stat().st_size for path in (made / "crops").rglob("*.jpg"))
    for limit in (100, largest - 1):
        line = full_after(*words, "--resume", limit=limit)
        assert line.endswith("File too large") and str(tmp_path / "crops") in line
        assert not line.endswith(".tmp: File too large")
        written = contents(tmp_path / "crops")
        expected = contents(made / "crops")
        written.pop("align.json", None)
        assert written.items() <= expected.items()
    done(command("data_prep", *words, "--resume"))
    assert contents(tmp_path / "crops") == contents(made / "crops")


@pytest.mark.parametrize("share", [0.01, 0.5, 0.85])
@pytest.mark.parametrize("step", ["pack", "merge", "repair"])
def test_sets_on_a_full_disk(made, earlier, step, share):
    words = {
        "pack": ["pack", "--images", made / "crops", "--out", earlier / "train", "--shuffle", 4],
        "merge": ["merge", earlier / "train"],
        "repair": ["repair", made / "bad/train", "--out", earlier / "train"],
    }[step]
    if step == "merge":
        shutil.copytree(made / "parts/train.parts", earlier / "train.parts")
    source = "bad" if step == "repair" else "set"
    before = contents(earlier)
    limit = int((made / source / "train.rec").stat().st_size * share)
    line = full_after(*words, limit=limit)
    assert line.endswith(f"{earlier / 'train.rec'}: File too large")
    assert contents(earlier) == before


def test_unpack_on_a_full_disk(made, tmp_path):
    words = ["unpack", made / "set/train", "--out", tmp_path / "again"]
    line = full_after(*words, limit=1000)
    assert line.endswith(f"{tmp_path / 'again'}: File too large")
    assert list(tmp_path.iterdir()) == []


def test_a_manifest_that_does_not_fit(made, earlier):
    """It is written last, when the disk may be full; a set without it would be half a set."""
    crops = earlier.parent / "crops"
    shutil.copytree(made / "crops/p0", crops / "p0")
    for i in range(200):
        (crops / f"p0/{i:03d}{'x' * 80}.jpg").write_bytes(b"no picture")
    before = contents(earlier)
    line = full_after("pack", "--images", crops, "--out", earlier / "train", limit=20_000)
    assert line.endswith("File too large") and str(earlier / "train.") in line
    assert contents(earlier) == before


def obey_modes() -> None:
    """Takes the superuser's right to pass over file modes away, where there is one to take."""
    drop, pass_over_modes = 24, 1  # PR_CAPBSET_DROP, CAP_DAC_OVERRIDE
    ctypes.CDLL(None).prctl(drop, pass_over_modes, 0, 0, 0)


def is_writable(folder: Path) -> bool:
    code = "import os, sys; sys.exit(os.access(sys.argv[1], os.W_OK))"
    words = [sys.executable, "-c", code, str(folder)]
    return subprocess.run(words, preexec_fn=obey_modes).returncode == 1


@pytest.mark.parametrize("place", ["file/train", "read_only/train", "read_only/new/train"])
@pytest.mark.parametrize("step", ["align", "pack", "merge", "repair", "unpack"])
def test_places_that_cannot_be_written_to(made, tmp_path, place, step):
    """Below a file, or in a folder without write permission."""
    (tmp_path / "file").write_text("no folder")
    (tmp_path / "read_only").mkdir()
    out = tmp_path / place
    if step == "merge" and out.parent.is_dir():
        shutil.copytree(made / "parts/train.parts", out.with_name("train.parts"))
    (tmp_path / "read_only").chmod(0o555)
    if is_writable(tmp_path / "read_only"):
        pytest.skip("this user may write everywhere")
    words = {
        "align": ["align", "--images", made / "photos", "--landmarks", made / "points.txt"],
        "pack": ["pack", "--images", made / "crops"],
        "merge": ["merge", out],
        "repair": ["repair", made / "bad/train"],
        "unpack": ["unpack", made / "set/train"],
    }[step]
    words += [] if step == "merge" else ["--out", out]
    before = contents(tmp_path)
    line = refused(command("data_prep", *words, preexec_fn=obey_modes))
    assert str(out.parent) in line and ".tmp" not in line
    said = {"file": "Not a directory", "read_only": "Permission denied"}[place.split("/")[0]]
    assert said in line or (step == "merge" and "found none; pack first" in line)
    assert contents(tmp_path) == before
