"""Every `--help` comes without waiting for a heavy library, and has an example that parses."""

import json
import re
import shlex
import subprocess
import sys

import pytest

from data_prep.__main__ import build_parser as data_prep_parser
from eval.__main__ import build_parser as eval_parser
from eval.protocols import PROTOCOLS
from scripts.completion import parsers
from tests.conftest import ROOT
from train.arguments import build_parser as train_parser

HEAVY = ("torch", "cv2", "matplotlib", "sklearn", "scipy", "onnxruntime", "insightface", "PIL")
PLACES = sorted({tuple(place.split()) for place, _ in parsers()})
PROBE = """
import contextlib, io, json, runpy, sys
found = []
for words in json.loads(sys.argv[1]):
    sys.argv[1:] = [*words[1:], "--help"]
    with contextlib.redirect_stdout(io.StringIO()) as out:
        try:
            runpy.run_module(words[0], run_name="__main__", alter_sys=True)
        except SystemExit as end:
            assert end.code == 0, words
    found.append([words, out.getvalue(), sorted(sys.modules)])
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def helps():
    """Words, text, and what is imported by then, of every command; a process for each module."""
    found = []
    for module in ("train", "eval", "data_prep"):
        lines = [list(place) for place in PLACES if place[0] == module]
        if module == "eval":
            lines += [["eval", "run", "--protocol", name] for name in PROTOCOLS]
        words = [sys.executable, "-c", PROBE, json.dumps(lines)]
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        found += json.loads(done.stdout)
    return found


def test_no_help_waits_for_a_heavy_library(helps):
    assert len(helps) > 30
    for words, text, modules in helps:
        assert text.startswith("usage: "), words
        loaded = set(HEAVY) & set(modules)
        assert not loaded, f"python -m {' '.join(words)} --help, or one before it, loads {loaded}"


def test_every_help_has_an_example(helps):
    for words, text, _ in helps:
        assert re.search(r"examples?:\s+\S", text), words


def examples(text: str) -> list[str]:
    """The command lines of a help's last part, without the remarks behind them."""
    text = re.sub(r"\\\n\s+", "", text)
    found = re.findall(r"-m ((?:data_prep|eval|train) [^\n]*)", text)
    return [re.split(r" {3,}| \(or | && ", line)[0] for line in found]


def test_every_example_is_understood(capsys):
    count = 0
    for place, parser in parsers():
        lines = examples(parser.epilog or "")
        assert lines, place
        for line in lines:
            module, *words = shlex.split(line)
            if module == "train":
                train_parser().parse_intermixed_args(words)
            elif "--help" not in words:
                make = data_prep_parser() if module == "data_prep" else eval_parser(words)
                make.parse_args(words)
            count += 1
    assert count > 40 and capsys.readouterr().err == ""
