"""The committed completion is that of the parsers, and bash completes by it."""

import shutil
import subprocess

import pytest

from scripts.completion import script
from tests.conftest import ROOT

COMMITTED = ROOT / "scripts" / "completion.sh"
ASK = """
source "$0"
for line in "$@"; do
  COMP_LINE="$line"; COMP_POINT=${#line}; _likeness; echo "${COMPREPLY[*]}"
done
"""


def completed(*lines: str) -> list[list[str]]:
    if shutil.which("bash") is None:
        pytest.skip("there is no bash")
    words = ["bash", "--norc", "-c", ASK, COMMITTED, *lines]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return [line.split() for line in done.stdout.split("\n")[:-1]]


def test_the_committed_script_is_up_to_date():
    assert script() == COMMITTED.read_text(), "python -m scripts.completion > scripts/completion.sh"


def test_what_is_completed():
    cases = {
        "python -m ": ["data_prep", "eval", "train"],
        "python3 -m ev": ["eval"],
        "python -m eval comp": ["compare"],
        "python -m data_prep clean n": ["noise"],
        "python -m data_prep clean noise --min": ["--min-images"],
        "python -m data_prep align --detector ": ["mtcnn", "scrfd"],
        "python -m eval run --protocol megaf": ["megaface"],
        "torchrun --nproc-per-node 2 -m train --untr": ["--untrained"],
        "python -m train --config x.yaml optim.mom": ["optim.momentum="],
        "python -m train loss.name=virt": ["virtual"],
        "python -m train optim.decay=": ["step", "poly"],
        "python -m train head.projected=t": ["true"],
    }
    assert completed(*cases) == list(cases.values())


def test_what_is_left_to_the_shell():
    lines = ["python -m train --config ", "python x.py -", "python -m http.server --dir"]
    assert completed(*lines) == [[]] * len(lines)


def test_every_command_completes_its_options():
    places = ["train", "eval run", "eval compare", "data_prep pack"]
    for found in completed(*(f"python -m {place} --he" for place in places)):
        assert found == ["--help"]
