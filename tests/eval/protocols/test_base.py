"""A protocol is one file and one row: a new one runs without a change anywhere else."""

import json

import pytest

from eval.__main__ import main
from eval.protocols import PROTOCOLS
from eval.protocols.base import Protocol
from tests.conftest import command, done
from tests.eval import fakes


class Toy(Protocol):
    title = "Toy"
    about = "counts letters"

    def add_arguments(self, parser):
        parser.add_argument("--letters", required=True, nargs="+")
        parser.add_argument("--device", default="cpu")

    def judge(self, args, command):
        return {"protocol": args.protocol, "count": len("".join(args.letters)), "command": command}

    def summary(self, result):
        return f"{result['count']} letters"


@pytest.fixture
def toy(monkeypatch):
    monkeypatch.setitem(PROTOCOLS, "toy", Toy())


def test_a_new_row_has_its_own_options_result_and_words(toy, tmp_path, capsys):
    out = tmp_path / "r.json"
    main(["run", "--letters", "ab", "c", "--out", str(out), "--protocol=toy"])
    assert json.loads(out.read_text())["count"] == 3
    assert capsys.readouterr().out == f"3 letters\nwrote {out}\n"


def help_of(capsys, *words):
    with pytest.raises(SystemExit) as stop:
        main(["run", *words, "--help"])
    assert stop.value.code == 0
    return capsys.readouterr().out


def test_help_shows_the_options_of_the_protocol_that_is_named(toy, capsys):
    said = help_of(capsys, "--protocol", "toy")
    assert "--letters" in said
    assert "--pairs" not in said
    assert "toy" in help_of(capsys)
    assert "--pairs" in help_of(capsys)


@pytest.mark.parametrize("name", [*PROTOCOLS])
def test_every_protocol_shows_its_help(name, capsys):
    said = " ".join(help_of(capsys, "--protocol", name).split())
    assert f"Options of {PROTOCOLS[name].title}" in said
    assert f"python -m eval run --protocol {name} {PROTOCOLS[name].example} --out" in said
    assert PROTOCOLS[name].example


def test_options_of_another_protocol_are_refused(toy, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["run", "--protocol", "toy", "--letters", "a", "--pairs", "p", "--out", "r.json"])
    assert stop.value.code == 2
    assert "unrecognized arguments: --pairs p" in capsys.readouterr().err


def test_nothing_that_is_read_is_written_over(toy, tmp_path):
    source = tmp_path / "letters"
    source.write_text("kept")
    with pytest.raises(ValueError, match="is read as --letters"):
        main(["run", "--protocol", "toy", "--letters", "x", str(source), "--out", str(source)])
    (tmp_path / "letters.npy").touch()
    for prefix in (source, f"{source}.npy"):
        with pytest.raises(ValueError, match="is the description of the embeddings"):
            main(["run", "--protocol", "toy", "--letters", str(prefix), "--out", f"{source}.json"])
    for suffix, what in ((".npy", "array"), (".txt", "list")):
        with pytest.raises(ValueError, match=f"is the {what} of the embeddings read as --letters"):
            main(
                ["run", "--protocol", "toy", "--letters", str(source), "--out", f"{source}{suffix}"]
            )
    with pytest.raises(IsADirectoryError, match="is a folder, expected a file to write"):
        main(["run", "--protocol", "toy", "--letters", "a", "--out", str(tmp_path)])
    assert source.read_text() == "kept"


def test_a_result_may_be_called_like_its_protocol(toy, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    main(["run", "--protocol", "toy", "--letters", "a", "--out", "toy.json"])
    main(["run", "--protocol", "toy", "--letters", "a", "--out", "toy.json"])


def test_under_torchrun_one_rank_writes(tmp_path):
    (tmp_path / "p.txt").write_text(fakes.lfw_text(fakes.pairs()))
    prefix = fakes.embeddings(tmp_path)
    words = ["--protocol", "lfw", "--pairs", tmp_path / "p.txt", "--embeddings", prefix]
    alone, many = tmp_path / "1.json", tmp_path / "2.json"
    done(command("eval", "run", *words, "--out", alone))
    said = done(command("eval", "run", *words, "--out", many, ranks=2)).stdout
    assert said.count("wrote") == 1
    results = [json.loads(path.read_text()) for path in (alone, many)]
    for result in results:
        del result["command"]
    assert results[0] == results[1]
