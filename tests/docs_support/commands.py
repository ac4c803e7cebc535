"""Commands of the documentation: which there are, how each is parsed, and how it is run."""

import math
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from tests.conftest import ROOT
from tests.docs_support.pages import Line

SHOWN = {"README.md": "photos ──", "CONTRIBUTING.md": "train", "docs/cleaning.md": "image<TAB>"}
"""How a page's block begins that shows something else than commands."""

REWORDED = {
    # what stands for several, or for one of them
    r"--protocol NAME \.\.\.": "--protocol lfw --pairs pairs.txt --embeddings out/lfw",
    r"faces48 \| faces48_mobile \| faces \| orl \| cifar10": "faces48",
    # a small network in the place of one that takes seconds an image
    r"--backbone iresnet50": "--backbone small_resnet",
    # a host with two processes in the place of many
    r"--nnodes 8 (.*) --rdzv-backend c10d --rdzv-endpoint HOST:29400": r"--standalone \1",
    r"--nproc-per-node \d+": "--nproc-per-node 2",
    r"--dry-batch 128": "--dry-batch 4",
    # as many people as the small world has
    r"--people 100 --images 20": "--people 6 --images 4",
}
"""How commands are adapted before they are run; only the first two also before they are parsed."""

TINY = shlex.split(
    "backbone.name=small_resnet backbone.dim=512 backbone.height=112 backbone.width=112 "
    "backbone.batch_norm_group=0 batch=12 epochs=0.2 optim.accumulate=1 data.classes=50 "
    "data.images=0 data.workers=0 head.sample_rate=1.0 precision=float32 log_every=1"
)
"""Settings that every training takes besides its own: a small network, two steps."""

NOT_RUN = {
    r"make (demo|test)": "run by .ci/run",
    r"scripts/pins\.sh": "half an hour, on real photographs",
    r"python -m experiments": "hours, on data that no test has",
}
"""Commands that are parsed only, and why."""


@dataclass(frozen=True)
class Step:
    """One program of a command line: environment, launcher, module or script, its words."""

    environment: dict[str, str]
    launcher: list[str]
    program: str
    words: list[str]
    into: str = ""


def is_shown(block: list[Line]) -> bool:
    """Whether a block shows something that is no command."""
    beginning = SHOWN.get(block[0].page)
    return beginning is not None and block[0].text.startswith(beginning)


def reworded(text: str, *, to_run: bool) -> str:
    """The text as it is parsed or run."""
    for place, (pattern, instead) in enumerate(REWORDED.items()):
        if to_run or place < 2:
            text = re.sub(pattern, instead, text)
    return text


def steps(text: str) -> list[Step]:
    """The programs of a command line without pipes: parted by &&, perhaps with > FILE."""
    return [_step(part) for part in text.split(" && ")]


def _step(text: str) -> Step:
    words = shlex.split(text)
    environment = {}
    while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
        key, _, value = words.pop(0).partition("=")
        environment[key] = value
    into = ""
    if ">" in words:
        place = words.index(">")
        into, words = words[place + 1], words[:place]
    launcher: list[str] = []
    if words[0] in ("python", "torchrun") and "-m" in words:
        place = words.index("-m")
        launcher, words = words[:place], words[place + 1 :]
    return Step(environment, launcher, words[0], words[1:], into)


def parse(step: Step) -> None:
    """Has the program's own parser read its words.

    Raises:
        SystemExit: the parser refuses them.
        ValueError, OSError: the settings of a training are wrong.
        KeyError: there is no such program.
    """
    if step.launcher[:1] == ["torchrun"]:
        from torch.distributed.run import get_args_parser  # noqa: TID251

        get_args_parser().parse_args([*step.launcher[1:], "-m", step.program])
    PARSED[step.program](step.words)
    if step.program == "train" and step.launcher[:1] == ["torchrun"]:
        _check_batch(step)


def _check_batch(step: Step) -> None:
    """Refuses a batch that the processes of a launcher cannot share, as the run would."""
    from configs.load import load
    from train.arguments import build_parser

    args = build_parser().parse_intermixed_args(step.words)
    config = load(args.config, args.override)
    counts = re.findall(r"--n(?:nodes|proc-per-node) (\d+)", " ".join(step.launcher))
    ranks = math.prod(map(int, counts))
    shared = ranks * config.optim.accumulate * (config.backbone.batch_norm_group or 1)
    assert config.batch % shared == 0, f"batch {config.batch} on {ranks} processes"


def _data_prep(words: list[str]) -> None:
    from data_prep.__main__ import build_parser

    build_parser().parse_args(words)


def _eval(words: list[str]) -> None:
    from eval.__main__ import build_parser

    if "--help" not in words:
        build_parser(words).parse_args(words)


def _train(words: list[str]) -> None:
    from configs.load import load
    from train.arguments import build_parser

    args = build_parser().parse_intermixed_args(words)
    config = load(args.config, args.override)
    from models.backbones import BACKBONES
    from models.losses import LOSSES

    assert config.loss.name in LOSSES and config.backbone.name in BACKBONES


def _experiments(words: list[str]) -> None:
    from data_prep.cli import Parser
    from experiments.__main__ import main

    class _ParsedError(Exception):
        pass

    real = Parser.parse_args

    def parse_only(self: Parser, given: list[str]) -> None:
        real(self, given)
        raise _ParsedError

    with mock.patch.object(Parser, "parse_args", parse_only), suppress(_ParsedError):
        main(words)


def _make(words: list[str]) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(words) <= set(targets), words


def _nothing(count: int) -> Callable[[list[str]], None]:
    def check(words: list[str]) -> None:
        assert len(words) == count, words

    return check


def _evaluate(words: list[str]) -> None:
    protocol, pairs, embeddings, out, *more = words
    given = ["--pairs", pairs, "--embeddings", embeddings, "--out", f"{out}.json"]
    _eval(["run", "--protocol", protocol, *given, *more])


def _source(words: list[str]) -> None:
    assert len(words) == 1 and (ROOT / words[0]).is_file(), words


PARSED: dict[str, Callable[[list[str]], None]] = {
    "data_prep": _data_prep,
    "eval": _eval,
    "train": _train,
    "experiments": _experiments,
    "make": _make,
    "source": _source,
    "scripts/1_prepare.sh": lambda words: _data_prep(
        ["pack", "--images", words[0], "--out", words[2], *words[3:]]
    ),
    "scripts/2_train.sh": _train,
    "scripts/3_extract.sh": lambda words: _eval(["extract", *words]),
    "scripts/4_evaluate.sh": _evaluate,
    "scripts/pins.sh": _nothing(2),
}
"""What reads the words of each program."""


def run(line: Line) -> None:
    """Runs a command in the working folder: modules in this process, all else in a shell.

    Several processes of a launcher are one here, but for alignment and packing, whose processes
    know nothing of each other and follow one another.
    """
    text = reworded(line.text, to_run=True)
    if "|" in text or text.startswith(("source", "scripts/")) or re.match(r"[A-Z]+=", text):
        if "2_train.sh" in text:
            text = f"{text} {shlex.join(TINY)}"
        env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        done = subprocess.run(["bash", "-c", text], env=env, capture_output=True, text=True)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        return
    for step in steps(text):
        try:
            _run_step(step)
        except SystemExit as end:
            assert not end.code, f"{line}: exit status {end.code}"
        except (ValueError, OSError) as error:
            raise AssertionError(f"{line}: {error}") from error


def _run_step(step: Step) -> None:
    from data_prep.__main__ import main as data_prep
    from eval.__main__ import main as evaluate
    from train.__main__ import main as train

    mains = {"data_prep": data_prep, "eval": evaluate, "train": train}
    words = [one for word in step.words for one in (_matches(word) if "*" in word else [word])]
    if step.program == "train" and not {"--page", "--config-schema"} & set(words):
        words += TINY
    world = 2 if step.program == "data_prep" and step.launcher[0] == "torchrun" else 1
    for rank in range(world):
        with ExitStack() as stack:
            if step.into:
                out = Path(step.into)
                stack.enter_context(redirect_stdout(stack.enter_context(out.open("w"))))
            if world > 1:
                os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(world)}
                stack.callback(lambda: [os.environ.pop(key) for key in ("RANK", "WORLD_SIZE")])
            sys.argv[1:] = words  # which results quote
            mains[step.program](words)


def _matches(pattern: str) -> list[str]:
    return sorted(map(str, Path().glob(pattern))) or [pattern]
