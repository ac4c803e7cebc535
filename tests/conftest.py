"""What many tests share: a small set of synthetic people, made once by the real commands."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
os.environ.setdefault("OMP_NUM_THREADS", "1")


def command(*words: object, ranks: int = 0, **kwargs) -> subprocess.CompletedProcess:
    """Runs `python -m words...` in the project's root, or under torchrun with some ranks."""
    launch = [sys.executable]
    if ranks:
        launch += ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}"]
    return subprocess.run(
        [*launch, "-m", *map(str, words)], cwd=ROOT, capture_output=True, text=True, **kwargs
    )


def done(result: subprocess.CompletedProcess) -> subprocess.CompletedProcess:
    """The same, once it is known to have worked."""
    assert result.returncode == 0, result.stdout + result.stderr
    return result


def refused(result: subprocess.CompletedProcess) -> str:
    """The one line of a command that was refused with exit status 2."""
    lines = result.stderr.strip().splitlines()
    assert result.returncode == 2 and len(lines) == 1, result.stdout + result.stderr
    return lines[0]


def real(name: str) -> Path:
    """A file of the real data, which no commit holds; without it the test is skipped."""
    folder = Path(os.environ.get("LIKENESS_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / name).exists():
        pytest.skip(f"{name} is not in {folder}; LIKENESS_DATA names the folder of real data")
    return folder / name


@dataclass(frozen=True)
class People:
    """A packed set of synthetic people: crops (64x64), record prefix, pairs file."""

    crops: Path
    records: Path
    pairs: Path


@pytest.fixture(scope="session")
def people(tmp_path_factory) -> People:
    """12 people x 6 photographs, aligned and packed, with 4 folds of 10 + 10 pairs."""
    out = tmp_path_factory.mktemp("people")
    make = ["--people", 12, "--images", 6, "--size", 128, "--seed", 3]
    make += ["--folds", 4, "--pairs-per-fold", 10]
    done(command("data_prep", "synthetic", "--out", out / "s", *make))
    source = ["--images", out / "s/photos", "--landmarks", out / "s/landmarks.txt"]
    done(command("data_prep", "align", *source, "--out", out / "crops", "--size", 64))
    done(command("data_prep", "pack", "--images", out / "crops", "--out", out / "train"))
    return People(out / "crops", out / "train", out / "s/pairs.txt")
