"""Runs ended by SIGKILL at any moment go on to the very bytes of a run that was left alone."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from data_prep.faces.align import TEMPLATE
from data_prep.images import encode
from tests.conftest import ROOT, command, done

pytestmark = pytest.mark.slow

KILLS = 50
PEOPLE, IMAGES = 12, 16

# Ends the process at the n-th call of those that change what stands in a folder.
DRIVER = """
import os, signal, sys

left = int(sys.argv[1])

def counted(function):
    def run(*args, **kwargs):
        global left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return function(*args, **kwargs)
    return run

for name in ("replace", "rename", "unlink", "rmdir", "mkdir", "fsync"):
    setattr(os, name, counted(getattr(os, name)))

from data_prep.__main__ import main
main(sys.argv[2:])
"""


def contents(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def folders(root: Path) -> set[str]:
    return {str(p.relative_to(root)) for p in root.rglob("*") if p.is_dir()}


def make_photos(out: Path, people: int, images: int, side: int) -> list[object]:
    """Photographs with faces in different places; the words of `align` for them."""
    coarse = np.random.default_rng(1).integers(0, 256, (9, 9, 3), np.uint8)
    photo = encode(cv2.resize(coarse, (side, side)), ".jpg")
    draw = np.random.default_rng(2)
    lines = []
    for person in range(people):
        for i in range(images):
            path = out / f"photos/p{person:02d}/{i:03d}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(photo)
            points = TEMPLATE * draw.uniform(1, side / 150) + draw.uniform(0, side / 4, 2)
            lines.append(" ".join([f"p{person:02d}/{i:03d}.jpg", *map(str, points.ravel())]))
    (out / "points.txt").write_text("\n".join(lines) + "\n")
    return ["align", "--images", out / "photos", "--landmarks", out / "points.txt"]


@pytest.fixture(scope="module")
def align_words(tmp_path_factory) -> list[object]:
    out = tmp_path_factory.mktemp("photos")
    return [*make_photos(out, PEOPLE, IMAGES, 700), "--size", 336]


@pytest.fixture(scope="module")
def pack_words(align_words, tmp_path_factory) -> list[object]:
    out = tmp_path_factory.mktemp("crops")
    done(command("data_prep", *align_words, "--out", out / "crops"))
    return ["pack", "--images", out / "crops", "--shuffle", 5]


def crops_begun(out: Path) -> bool:
    return (out / "align.json").exists()


def crops_done(out: Path) -> bool:
    return json.loads((out / "align.json").read_text())["complete"]


def records_begun(out: Path) -> bool:
    return any(out.glob(".train.rec.*.tmp"))


def records_done(out: Path) -> bool:
    return (out / "train.manifest.json").exists()


class Run:
    """A command, of which the life is what lies after the first trace of its output."""

    def __init__(self, words: list[object], out: Path, begun: Callable[[Path], bool]):
        self.out, self.begun = out, begun
        self.process = subprocess.Popen(
            [sys.executable, "-m", "data_prep", *map(str, words)],
            cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        while self.process.poll() is None and not begun(out):
            time.sleep(0.001)

    def life(self) -> float:
        """Seconds that it goes on."""
        started = time.monotonic()
        assert self.process.wait() == 0
        return time.monotonic() - started

    def kill(self, delay: float) -> bool:
        """Ends it after a while; whether it was still running."""
        time.sleep(delay)
        self.process.kill()
        return self.process.wait() == -signal.SIGKILL


@pytest.mark.parametrize("step", ["align", "pack"])
def test_killed_at_random_moments(step, align_words, pack_words, tmp_path):
    out = tmp_path / "out"
    if step == "align":
        words, begun, is_done = [*align_words, "--out", out], crops_begun, crops_done
    else:
        words, begun, is_done = [*pack_words, "--out", out / "train"], records_begun, records_done
    seconds = min(Run(words, out, begun).life(), 20)
    whole, tree = contents(out), folders(out)
    shutil.rmtree(out)
    draw = np.random.default_rng(7)
    inside = 0
    for _ in range(KILLS):
        moment = draw.uniform(0, seconds)
        was_running = Run([*words, "--resume"], out, begun).kill(moment)
        if was_running and not is_done(out):
            inside += 1
        else:
            seconds = moment  # this run was quicker than the one that was timed
        done(command("data_prep", *words, "--resume"))
        assert contents(out) == whole and folders(out) == tree
        shutil.rmtree(out)
    assert inside >= KILLS // 2


def kill_everywhere(words: list[object], again: list[object], place: Callable[[], Path]) -> int:
    """Kills a command before each change of a folder, and goes on with it; how many kills.

    Args:
        words: the command.
        again: the one that goes on.
        place: makes everything as it is before the command; the folder to compare.
    """
    out = place()
    done(command("data_prep", *words))
    whole, tree = contents(out), folders(out)
    for count in range(200):
        out = place()
        result = subprocess.run(
            [sys.executable, "-c", DRIVER, str(count), *map(str, words)],
            cwd=ROOT, capture_output=True, text=True,
        )  # fmt: skip
        if result.returncode == 0:
            assert contents(out) == whole
            return count
        assert result.returncode == -signal.SIGKILL, result.stderr
        done(command("data_prep", *again))
        assert contents(out) == whole and folders(out) == tree
    raise AssertionError("the command does not end")


@pytest.fixture
def small(tmp_path) -> list[object]:
    """The words of `align` for a few photographs."""
    return make_photos(tmp_path, 2, 2, 200)


def fresh(out: Path, *earlier: list[object]) -> Callable[[], Path]:
    """Makes `out` what some commands leave there."""
    kept = out.with_name("kept")
    for words in earlier:
        done(command("data_prep", *words))
    if earlier:
        shutil.copytree(out, kept)

    def place() -> Path:
        shutil.rmtree(out, ignore_errors=True)
        if earlier:
            shutil.copytree(kept, out)
        return out

    return place


def test_align_killed_at_every_step(small, tmp_path):
    out = tmp_path / "out"
    words = [*small, "--out", out]
    assert kill_everywhere(words, [*words, "--resume"], fresh(out)) > 10


def test_pack_killed_at_every_step_over_an_earlier_set(small, tmp_path):
    out = tmp_path / "out"
    done(command("data_prep", *small, "--out", tmp_path / "crops"))
    pack = ["pack", "--images", tmp_path / "crops", "--out", out / "train"]
    words = [*pack, "--shuffle", 2]
    assert kill_everywhere(words, [*words, "--resume"], fresh(out, pack)) > 10


def test_repair_killed_at_every_step_over_an_earlier_set(small, tmp_path):
    out = tmp_path / "out"
    done(command("data_prep", *small, "--out", tmp_path / "crops"))
    pack = ["pack", "--images", tmp_path / "crops", "--out"]
    done(command("data_prep", *pack, tmp_path / "bad/train"))
    rec = tmp_path / "bad/train.rec"
    rec.write_bytes(rec.read_bytes()[:-2000])
    words = ["repair", tmp_path / "bad/train", "--out", out / "train"]
    assert kill_everywhere(words, words, fresh(out, [*pack, out / "train"])) > 10


def test_merge_killed_at_every_step(small, tmp_path):
    out = tmp_path / "out"
    done(command("data_prep", *small, "--out", tmp_path / "crops"))
    pack = ["data_prep", "pack", "--images", tmp_path / "crops", "--out", out / "train"]
    for rank in range(2):
        part = {"RANK": str(rank), "WORLD_SIZE": "2"}
        done(command(*pack, env=os.environ | part))
    shutil.copytree(out, tmp_path / "parts")

    def place() -> Path:
        shutil.rmtree(out)
        shutil.copytree(tmp_path / "parts", out)
        return out

    words = ["merge", out / "train"]
    assert kill_everywhere(words, words, place) > 20
