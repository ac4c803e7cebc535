"""Extractions that are killed go on to the very bytes of one process that was left alone."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from data_prep.dataset import FolderImages, ImageSource
from data_prep.files import write_text
from data_prep.images import encode
from data_prep.transforms import Transform
from eval import partial
from eval.embedders import TorchEmbedder
from eval.embeddings import load
from eval.extraction import extract
from models import comm
from models.backbones import BACKBONES
from tests.conftest import ROOT, command, done, refused
from tests.dist import run_processes
from train.export import export

IMAGES, BATCH, SIDE = 50, 4, 28
ABOUT = {"model": {"sha256": "abc"}, "transform": {}, "precision": "float32", "threads": 1}


class Noise(ImageSource):
    """Images of noise, in memory."""

    def __init__(self, count=IMAGES) -> None:
        draw = np.random.default_rng(0)
        shape = (count, SIDE, SIDE, 3)
        self.files = [encode(one, ".png") for one in draw.integers(0, 256, shape, dtype=np.uint8)]
        self.names = [f"{i:04d}.png" for i in range(count)]

    def encoded(self, i):
        return self.files[i]

    def where(self, i):
        return self.names[i]


def embedder():
    torch.manual_seed(0)
    net = BACKBONES["lenet_heated"](dim=6).eval()
    transform = Transform(height=SIDE, width=SIDE)
    return TorchEmbedder(net, transform, torch.device("cpu"))


def once(prefix, *, resume=True, about=ABOUT, batch=BATCH, source=None):
    """An extraction, in each of some processes."""
    extract(
        embedder(), source or Noise(), Path(prefix), about, batch=batch, workers=2, resume=resume
    )
    return 0


def mortal_run(prefix, moments):
    """The same, and each rank dies at a call of its own."""
    die_at(moments[comm.rank()])
    return once(prefix)


def die_at(count):
    """SIGKILL to this process at its count-th call that changes a file, before or after it."""
    calls = iter(range(count))
    after = count % 2

    def mortal(function):
        def call(*args, **kwargs):
            last = next(calls, None) == count - 1
            if last and not after:
                os.kill(os.getpid(), signal.SIGKILL)
            result = function(*args, **kwargs)
            if last:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return call

    for name in ("pwrite", "fsync", "posix_fallocate", "replace", "unlink", "rmdir"):
        setattr(os, name, mortal(getattr(os, name)))
    for name in ("replace", "unlink", "mkdir", "write_bytes"):
        setattr(Path, name, mortal(getattr(Path, name)))


def contents(prefix):
    return [Path(f"{prefix}.{suffix}").read_bytes() for suffix in ("npy", "txt", "json")]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """What one process writes that nobody stops."""
    prefix = tmp_path_factory.mktemp("alone") / "x"
    torch.set_num_threads(1)
    once(prefix)
    assert sorted(p.name for p in prefix.parent.iterdir()) == ["x.json", "x.npy", "x.txt"]
    return contents(prefix)


def test_every_rank_count_gives_the_same_bytes(alone, tmp_path):
    for world in (1, 2, 3):
        run_processes(world, once, tmp_path / f"x{world}")
        assert contents(tmp_path / f"x{world}") == alone


def test_killed_at_any_moment_it_goes_on(alone, tmp_path):
    kills = 0
    for seed in range(5):
        draw = random.Random(seed)
        prefix = tmp_path / str(seed) / "x"
        for _ in range(4):
            world = draw.randint(1, 3)
            moments = [draw.randint(1, 24) for _ in range(world)]
            if draw.random() < 0.5:  # one rank, the others find it gone
                one = draw.randrange(world)
                moments = [m if r == one else 10_000 for r, m in enumerate(moments)]
            with contextlib.suppress(AssertionError):
                run_processes(world, mortal_run, prefix, moments)
                continue
            kills += 1
            if prefix.with_suffix(".json").exists():
                assert contents(prefix) == alone
        run_processes(draw.randint(1, 3), once, prefix)
        assert contents(prefix) == alone
        assert sorted(p.name for p in prefix.parent.iterdir()) == ["x.json", "x.npy", "x.txt"]
    assert kills >= 10


def counting(monkeypatch):
    """The batches that are embedded from now on."""
    seen = []
    plain = partial.RowWriter.store
    monkeypatch.setattr(
        partial.RowWriter, "store", lambda self, b, p, e: (seen.append(b), plain(self, b, p, e))
    )
    return seen


def test_what_is_on_disk_is_not_done_again(alone, tmp_path, monkeypatch):
    with pytest.raises(AssertionError):
        # 8 calls begin; a writer that wakes late has 14 for all rows and a flush, then marks one
        run_processes(1, mortal_run, tmp_path / "x", [24])
    left = partial.Partial(tmp_path / "x").todo()
    assert 0 < len(left) < 13
    seen = counting(monkeypatch)
    once(tmp_path / "x")
    assert seen == left and contents(tmp_path / "x") == alone
    once(tmp_path / "x")  # whole already
    assert seen == left
    once(tmp_path / "x", resume=False)
    assert seen == left + list(range(13)) and contents(tmp_path / "x") == alone


def test_a_bad_image_keeps_what_is_done(alone, tmp_path, monkeypatch):
    bad = Noise()
    good = bad.files[30]
    bad.files[30] = b"no image"
    with pytest.raises(ValueError, match=r"0030\.png: 8 bytes that are no image"):
        once(tmp_path / "x", source=bad)
    assert not (tmp_path / "x.npy").exists()
    bad.files[30] = good
    seen = counting(monkeypatch)
    once(tmp_path / "x", source=bad)
    assert len(seen) < 13 and contents(tmp_path / "x") == alone


def test_other_work_is_not_gone_on_with(alone, tmp_path):
    with pytest.raises(AssertionError):
        run_processes(1, mortal_run, tmp_path / "x", [20])
    with pytest.raises(ValueError, match=r"x: was begun with model\.sha256 abc, expected other"):
        once(tmp_path / "x", about={**ABOUT, "model": {"sha256": "other"}})
    with pytest.raises(ValueError, match="was begun with batch 4, expected 8"):
        once(tmp_path / "x", batch=8)
    with pytest.raises(ValueError, match="was begun with names_sha256"):
        once(tmp_path / "x", source=Noise(49))
    once(tmp_path / "x")
    assert contents(tmp_path / "x") == alone
    with pytest.raises(ValueError, match="was begun with batch 4, expected 8"):
        once(tmp_path / "x", batch=8)  # X is whole; it stays
    assert contents(tmp_path / "x") == alone


def test_a_run_that_is_overtaken_does_not_finish_for_the_other(alone, tmp_path, monkeypatch):
    finish = partial.Partial.finish

    def overtaken(self, names, meta):
        self.begin(meta, (IMAGES, 6), 13)  # as another run does without --resume
        finish(self, names, meta)

    monkeypatch.setattr(partial.Partial, "finish", overtaken)
    with pytest.raises(ValueError, match="another run has begun anew here"):
        once(tmp_path / "x")
    assert [p.name for p in tmp_path.iterdir()] == [".x.partial"]
    monkeypatch.undo()
    once(tmp_path / "x")
    assert contents(tmp_path / "x") == alone


def test_a_full_disk_is_said_and_nothing_is_left(tmp_path, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match="No space left") as caught:
        once(tmp_path / "x")
    assert caught.value.filename == str(tmp_path / "x.npy")
    assert not list(tmp_path.iterdir())
    monkeypatch.undo()
    monkeypatch.setattr(os, "pwrite", full)  # later, as on a file system that promises too much
    with pytest.raises(OSError, match="No space left"):
        once(tmp_path / "x")
    monkeypatch.undo()
    once(tmp_path / "x")
    assert load(tmp_path / "x").vectors.shape == (IMAGES, 6)


@pytest.fixture(scope="module")
def many(people, tmp_path_factory):
    """A model, and 1,440 images: the crops, twenty names each."""
    folder = tmp_path_factory.mktemp("many")
    torch.manual_seed(0)
    net = BACKBONES["small_resnet"](dim=16, height=64, width=64).eval()
    transform = Transform(height=64, width=64)
    export(folder / "model", net, name="small_resnet", transform=transform, about={})
    for number in range(20):
        (folder / f"crops/{number:02d}").mkdir(parents=True)
        for i, crop in enumerate(sorted(people.crops.rglob("*.jpg"))):
            (folder / f"crops/{number:02d}/{i:02d}.jpg").symlink_to(crop)
    words = ["--model", folder / "model", "--images", folder / "crops", "--batch", 8, "--out"]
    return [*words, folder / "x"], folder / "x"


GATED = """
import sys, time
from pathlib import Path
from eval.__main__ import main
from eval.partial import RowWriter

gate, marks = map(Path, sys.argv[1:3])
write = RowWriter._write

def one_by_one(self, some):
    for one in some:
        while sum(marks.read_bytes()) >= int(gate.read_text()):
            time.sleep(0.01)
        write(self, [one])

RowWriter._write = one_by_one
main(sys.argv[3:])
"""
"""Runs `eval`, and waits once as many batches are on disk as the file argv[1] says."""


@pytest.mark.slow
def test_the_commands_own_kills(many, tmp_path):
    """SIGKILL to a rank, which torchrun restarts, and to all; the file is one process's."""
    words, out = many
    done(command("eval", "extract", *words, "--threads", 1))
    expected = out.with_suffix(".npy").read_bytes()
    assert "with batch 8, expected 16" in refused(
        command("eval", "extract", *words[:-4], "--batch", 16, "--out", out, "--resume")
    )
    draw, script, gate = random.Random(0), tmp_path / "gated.py", tmp_path / "gate"
    script.write_text(GATED)
    run = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "--max-restarts=9"]
    out.with_suffix(".json").unlink()
    marks = out.with_name(f".{out.name}.partial") / "done"
    run += [script, gate, marks, "extract", *words, "--threads", 1, "--resume"]
    for kill_all in (False, True, True, False):
        before = progress(marks)
        count = before + draw.randint(1, 40)
        write_text(gate, str(count))
        process = subprocess.Popen(
            [sys.executable, *map(str, run)],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        try:
            assert advanced(marks, count, process)
            if not kill_all:
                earlier = ranks_of(process.pid)
                os.kill(draw.choice(earlier), signal.SIGKILL)
                assert restarted(process, earlier)
                write_text(gate, str(count + 10))
                assert advanced(marks, count + 10, process)  # going on
        finally:
            for pid in [process.pid, *ranks_of(process.pid)]:  # the one that restarts others first
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.wait()
        assert progress(marks) >= before
    done(command("eval", "extract", *words, "--resume", ranks=3))  # threads as they were
    assert out.with_suffix(".npy").read_bytes() == expected


def advanced(marks, count, process):
    """Waits until so many batches are on disk; False if the process ended before."""
    while process.poll() is None:
        if progress(marks) >= count:
            return True
        time.sleep(0.01)
    return False


def restarted(process, earlier):
    """Waits until torchrun has as many ranks and none of the earlier ones; False if it ended."""
    while process.poll() is None:
        ranks = ranks_of(process.pid)
        if len(ranks) == len(earlier) and not {*ranks} & {*earlier}:
            return True
        time.sleep(0.01)
    return False


def progress(marks):
    """Batches on disk."""
    with contextlib.suppress(FileNotFoundError):
        return sum(marks.read_bytes())
    return 0


def ranks_of(launcher):
    """The processes that torchrun started; none once it has ended."""
    with contextlib.suppress(FileNotFoundError):
        children = Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split()
        return [int(child) for child in children]
    return []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda x: Path(f"{x}.npy").unlink(),
        lambda x: os.truncate(f"{x}.npy", 300),
        lambda x: Path(f"{x}.txt").unlink(),
        lambda x: Path(f"{x}.txt").write_text("0000.png\n"),
    ],
)
def test_a_set_that_lacks_something_is_made_again(alone, tmp_path, spoil):
    prefix = tmp_path / "x"
    for suffix, content in zip(("npy", "txt", "json"), alone):
        Path(f"{prefix}.{suffix}").write_bytes(content)
    spoil(prefix)
    once(prefix)
    assert contents(prefix) == alone


def test_images_that_were_replaced_are_not_gone_on_with(tmp_path):
    (tmp_path / "in").mkdir()
    for name, content in zip(Noise(3).names, Noise(3).files):
        (tmp_path / "in" / name).write_bytes(content)
    once(tmp_path / "x", source=FolderImages(tmp_path / "in"))
    once(tmp_path / "x", source=FolderImages(tmp_path / "in"))
    other = encode(np.zeros((SIDE, SIDE, 3), np.uint8), ".png")
    (tmp_path / "in" / "0001.png").write_bytes(other)
    with pytest.raises(ValueError, match="x: was begun with lengths_sha256"):
        once(tmp_path / "x", source=FolderImages(tmp_path / "in"))


def test_another_bin_is_not_gone_on_with(tmp_path):
    once(tmp_path / "x", about={**ABOUT, "images": {"sha256": "a"}})
    with pytest.raises(ValueError, match=r"x: was begun with images\.sha256 a, expected b"):
        once(tmp_path / "x", about={**ABOUT, "images": {"sha256": "b"}})


def test_what_nothing_can_read_back_is_not_written(tmp_path, monkeypatch):
    source = Noise(9)
    source.names[4] = "a\nb.png"
    with pytest.raises(ValueError, match=r"x\.txt, line 5: 'a\\nb\.png' cannot be an image name"):
        once(tmp_path / "x", source=source)
    assert not list(tmp_path.iterdir())
    start = TorchEmbedder.start

    def broken(self, pixels):
        found = start(self, pixels)().copy()
        found[1:] = np.nan
        return lambda: found

    monkeypatch.setattr(TorchEmbedder, "start", broken)
    with pytest.raises(ValueError, match=r"x\.npy, row 1: the embedding of '0001\.png' has NaN"):
        once(tmp_path / "x")
    assert not (tmp_path / "x.json").exists()
