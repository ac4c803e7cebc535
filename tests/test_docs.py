"""The documentation says what is: commands run, links lead somewhere, settings and files exist."""

import re
from itertools import groupby

import pytest

from configs.load import dotted_keys
from scripts.completion import parsers, values
from tests.conftest import ROOT
from tests.docs_support.commands import NOT_RUN, PARSED, is_shown, parse, reworded, run, steps
from tests.docs_support.pages import PAGES, code_lines, headings, inline_code, links

BLOCKS = [
    list(lines)
    for page in PAGES
    for _, lines in groupby(code_lines(page), key=lambda line: line.block)
]
COMMANDS = [line for block in BLOCKS if not is_shown(block) for line in block]
CODE = [(page, code) for page in PAGES for code in inline_code(page)]
FOLDERS = (
    "configs/",
    "scripts/",
    "docs/",
    "tests/",
    "eval/",
    "train/",
    "models/",
    "data_prep/",
    "benchmarks/",
)
SECTIONS = ("data", "init", "augment", "backbone", "head", "loss", "optim", "validation")
NO_SETTINGS = {"data.duplicates", "key", "SETTING"}
"""What looks like settings and is none: a result's key, a placeholder."""
OTHERS = {
    *("--max-restarts", "--nproc-per-node", "--pass-through", "--quick"),
    *("--data_root", "--train_file", "--batch_size", "--lr", "--epoches", "--momentum", "--step"),
    *("--backbone_type", "--pretrain_model"),
}
"""Options of programs that are not ours, or of benchmarks."""
FILES = (".py", ".pth", ".html", ".safetensors")
THEIRS = {"configs/base.py"}
"""Files of other projects that the pages speak of."""


def test_there_are_pages_and_commands():
    assert len(PAGES) > 12 and len(COMMANDS) > 80


@pytest.mark.parametrize("page", PAGES)
def test_every_command_is_understood(page, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    for line in COMMANDS:
        if line.page != page:
            continue
        text = reworded(line.text, to_run=False)
        if text.startswith("ls "):  # of the shell alone
            continue
        for step in steps(text):
            assert step.program in PARSED, f"{line}: is it a command? See tests/docs_support"
            try:
                parse(step)
            except (SystemExit, ValueError, OSError) as error:
                pytest.fail(f"{line}: {capsys.readouterr().err or error}")


OPTIONS: dict[str, set[str]] = {}
for _place, _parser in parsers():
    OPTIONS.setdefault(_place, set()).update(_parser._option_string_actions)
EVERYWHERE = set().union(*OPTIONS.values())


def place_of(code: str) -> str | None:
    """The command that code in the text names, in full or not; None where it names none."""
    words = code.removeprefix("python -m ").replace("COMMAND", "align").split()
    starts = [" ".join(words[:count]) for count in (3, 2, 1)]
    found = [place for one in starts for place in (one, f"data_prep {one}") if place in OPTIONS]
    return found[0] if found and (" --" in code or code.startswith("python -m ")) else None


@pytest.mark.parametrize("page", PAGES)
def test_options_in_the_text_exist(page):
    for code in inline_code(page):
        code = re.sub(r"^torchrun .*-m ", "python -m ", code)
        place, options = place_of(code), set(re.findall(r"(?<!\S)--[a-z][a-z_-]*", code))
        if place:
            unknown = options - OPTIONS[place]
            assert not unknown, f"{page}: `{code}`: {place} has no {unknown}"
        elif code.startswith("python -m "):
            module = code.split()[2].split(".")
            assert (ROOT / "/".join(module)).with_suffix(".py").exists() or module[
                0
            ] == "experiments"
        elif code.startswith("--"):
            unknown = options - EVERYWHERE - OTHERS
            assert not unknown, f"{page}: `{code}`: no command has {unknown}"


@pytest.mark.parametrize("page", PAGES)
def test_settings_in_the_text_exist(page):
    known, names = set(dotted_keys()), values()
    for code in inline_code(page):
        for word in re.split(r"\s+(?![^\[{]*[\]}])", code):
            found = re.fullmatch(r"([a-z_]+(?:\.[a-z_]+)*)(?:=(\S.*))?", word)
            if not found or found.group(1) in NO_SETTINGS or word.endswith(FILES):
                continue
            key, value = found.groups()
            section, _, rest = key.partition(".")
            if value is None and (section not in SECTIONS or not rest):
                continue
            if key.startswith(("loss.args.", "loss.reduction_args.")):
                continue
            assert key in known, f"{page}: `{code}`: there is no setting {key}"
            if value and key in names and value.isidentifier() and value.islower():
                assert value in names[key], f"{page}: `{code}`: {key} has no {value}"


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for path, heading in links(page):
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), f"{page}: ({path}) is not there"
        assert not heading or heading in headings(target), f"{page}: {path} has no #{heading}"


@pytest.mark.parametrize("page", PAGES)
def test_files_in_the_text_exist(page):
    for code in inline_code(page):
        path = re.sub(r"^python -m (benchmarks|docs|scripts)\.(\w+)$", r"\1/\2.py", code)
        path = re.sub(r"^(benchmarks)\.(\w+)$", r"\1/\2.py", path)
        if (
            path.startswith(FOLDERS)
            and re.fullmatch(r"[\w./*-]+", path)
            and "NAME" not in path
            and path not in THEIRS
        ):
            assert [*ROOT.glob(path.rstrip("/"))], f"{page}: there is no {path}"


def test_every_preset_is_on_the_page_of_training():
    presets = {path.stem for path in (ROOT / "configs/presets").glob("*.yaml")}
    assert presets - {"base", "large"} <= set(inline_code("docs/training.md"))


def test_every_page_is_reached_from_the_readme():
    reached, left = set(), ["README.md"]
    while left:
        page = left.pop()
        reached.add(page)
        found = [((ROOT / page).parent / path).resolve() for path, _ in links(page) if path]
        pages = [str(path.relative_to(ROOT.resolve())) for path in found if path.suffix == ".md"]
        left += [one for one in pages if one in PAGES and one not in reached]
    assert set(PAGES) <= reached


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    from tests.docs_support.world import build

    folder = tmp_path_factory.mktemp("docs") / "world"
    folder.mkdir()
    build(folder)
    return folder


def commands_to_run(page: str) -> list:
    return [
        line
        for line in COMMANDS
        if line.page == page and not any(re.match(one, line.text) for one in NOT_RUN)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if commands_to_run(page)])
def test_every_command_runs(page, world, tmp_path, monkeypatch):
    from tests.docs_support.world import copy_for, working_in

    copy_for(page, world, tmp_path / "world")
    monkeypatch.setattr("sys.argv", ["python"])
    with working_in(tmp_path / "world"):
        for line in commands_to_run(page):
            run(line)
