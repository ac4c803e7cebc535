"""MegaFace and Trillion Pairs as they are run: over ranks, and killed in the middle of a search."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from eval.__main__ import main
from eval.embeddings import save
from eval.features.matrix import write_matrix
from eval.similarity import engine
from eval.synthetic_embeddings import NOBODY, people
from tests.conftest import ROOT, command, done

KILLED = """
import os, signal, sys
from eval.__main__ import main
from eval.similarity import engine

engine.SAVE_EVERY = 0.0
Tile, left = engine.Tile, [int(sys.argv[1])]

def counted(*args):
    left[0] -= 1
    if left[0] < 0 and os.environ.get("RANK", "1") == "1":
        os.kill(os.getpid(), signal.SIGKILL)
    return Tile(*args)

engine.Tile = counted
main(sys.argv[2:])
"""
"""Runs `eval`, notes every tile, and dies without a word as it begins tile number argv[1]."""


def planted(folder, protocol, probes, distractors, dim):
    """Options of a run on people among distractors, some of which are copies of people's images."""
    shown, person = people(probes // 10, 10, dim, concentration=1.2 * dim, seed=1)
    others = np.random.default_rng(2).standard_normal((distractors, dim), dtype=np.float32)
    places = np.linspace(0, distractors - 1, probes).astype(int)
    others[places[::4]] = shown[::4]  # ties across ranks and tiles
    words = ["run", "--protocol", protocol, "--device", "cpu", "--out", folder / "r.json"]
    if protocol == "megaface":
        names = [f"p{who}/{row}.jpg" for row, who in enumerate(person)]
        save(folder / "P", names, shown, {"model": {"path": "m"}})
        save(folder / "D", [f"d/{row}.jpg" for row in range(distractors)], others, {})
        words += ["--probes", folder / "P", "--distractors", folder / "D"]
        return [*map(str, words), "--far", "1e-3", "1e-5", "1e-6"]
    write_matrix(folder / "m.bin", np.concatenate([shown, others]))
    labels = np.concatenate([person, np.full(distractors, NOBODY)])
    (folder / "l.txt").write_text("".join(f"{label}\n" for label in labels))
    words += ["--features", folder / "m.bin", "--labels", folder / "l.txt"]
    return [*map(str, words), "--far", "1e-3", "1e-5", "1e-7", "--fpr", "1e-2"]


def bytes_of(folder):
    """The result's bytes, which are taken away so that the next run must write its own."""
    found = (folder / "r.json").read_bytes()
    (folder / "r.json").unlink()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["megaface", "trillion"])
def test_one_rank_and_two_write_the_same_bytes(tmp_path, protocol):
    words = planted(tmp_path, protocol, 200, 50_000, 128)
    found = []
    for ranks in (1, 2):
        done(command("eval", *words, ranks=ranks))
        found.append(bytes_of(tmp_path))
    assert found[0] == found[1]
    result = json.loads(found[0])
    assert 0 < result["rank1"] < 1
    assert result["counts"]["impostor"] == 200 * 50_000
    assert all(row["resolvable"] for row in result["tar_at_far"])


def resumed(folder, words, monkeypatch):
    """Goes on in this process; returns the result's bytes and the number of tiles it made."""
    made = []
    original = engine.Tile

    def counted(*args):
        made.append(1)
        return original(*args)

    monkeypatch.setattr(engine, "Tile", counted)
    main(words)
    return bytes_of(folder), len(made)


@pytest.mark.parametrize(("protocol", "tiles"), [("megaface", 6), ("trillion", 3)])
def test_a_run_that_was_killed_goes_on_to_the_same_bytes(tmp_path, monkeypatch, protocol, tiles):
    words = planted(tmp_path, protocol, 60, 40_000 if protocol == "trillion" else 20_000, 16)
    words += ["--state", str(tmp_path / "notes")]
    main(words)
    wanted = bytes_of(tmp_path)
    assert not list((tmp_path / "notes").glob("*"))
    before = tiles - 1
    run = [sys.executable, "-c", KILLED, str(before), *words]
    killed = subprocess.run(run, cwd=ROOT, capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert len(list((tmp_path / "notes").glob("*.npz"))) == 1
    assert not (tmp_path / "r.json").exists()
    assert resumed(tmp_path, words, monkeypatch) == (wanted, tiles - before)
    assert not list((tmp_path / "notes").glob("*"))


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["megaface", "trillion"])
def test_two_ranks_of_which_one_was_killed_go_on_to_the_same_bytes(tmp_path, protocol):
    words = [*planted(tmp_path, protocol, 60, 80_000, 16), "--state", str(tmp_path / "notes")]
    main(words)
    wanted = bytes_of(tmp_path)
    (tmp_path / "killed.py").write_text(KILLED)
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    killed = subprocess.run(
        [*run, tmp_path / "killed.py", "1", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert killed.returncode != 0 and "SIGKILL" in killed.stderr
    notes = {path.name.split("-")[-1] for path in (tmp_path / "notes").glob("*.npz")}
    assert "1of2.npz" in notes
    assert not (tmp_path / "r.json").exists()
    done(command("eval", *words, ranks=2))
    assert bytes_of(tmp_path) == wanted
