"""A slice of `python tests/fuzz/run.py`, and that it notices what it is there to notice."""

import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT

RUN = [sys.executable, str(ROOT / "tests/fuzz/run.py")]


def test_damaged_files_are_read_or_refused(tmp_path):
    words = ["--inputs", "20000", "--seed", "1", "--out", str(tmp_path)]
    result = subprocess.run([*RUN, *words], cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    assert sum(map(int, re.findall(r"([\d,]+) inputs", result.stdout.replace(",", "")))) >= 20000


WRONG = """
import sys
from pathlib import Path
from time import process_time as clock
sys.path.insert(0, {root!r})
from tests.fuzz import run, targets

def read(folder):
    if watch.on:  # not while the good input is read
        {body}
    return []

watch = run.Watch()
target = targets.Target("wrong", 1, [{{"t": b"1 2 3"}}], read)
print(run.fuzz(target, 3, 0, watch, Path("kept")))
"""

WRONGS = {
    "another exception": "raise KeyError(1)",
    "two lines": "raise ValueError('a\\nb')",
    "code": "eval('1 + 1')",
    "a command": "import os; os.system('true')",
    "writing": "open('x', 'w')",
    "memory": "bytearray(len(list(folder.iterdir())) << 27)",
    "time": "run.SECONDS = 0.2; end = clock() + 0.4; any(clock() > end for _ in iter(int, 1))",
}


@pytest.mark.parametrize("wrong", WRONGS)
def test_what_is_wrong_is_noticed_and_kept(tmp_path, wrong):
    script = WRONG.format(root=str(ROOT), body=WRONGS[wrong])
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    # The peak of memory rises with the first input only.
    noticed = 1 if wrong == "memory" else 3
    assert int(result.stdout.split()[-1]) == noticed, result.stdout
    assert len(list((tmp_path / "kept").glob("wrong-0-*/t"))) == noticed
