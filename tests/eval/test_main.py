import json

import pytest

from eval.__main__ import main
from tests.eval import fakes


@pytest.fixture
def pairs(tmp_path):
    path = tmp_path / "pairs.txt"
    path.write_text(fakes.lfw_text(fakes.pairs()))
    return path


def run(tmp_path, pairs, *more):
    out = tmp_path / "r.json"
    prefix = fakes.embeddings(tmp_path)
    main(
        ["run", "--protocol", "lfw", "--pairs", str(pairs), "--embeddings", str(prefix),
         "--out", str(out), *more]
    )  # fmt: skip
    return json.loads(out.read_text())


def test_run_writes_a_result_and_says_the_figures(tmp_path, pairs, capsys):
    result = run(tmp_path, pairs, "--far", "0.05", "1e-3")
    printed = capsys.readouterr().out
    accuracy = result["accuracy"]
    assert f"accuracy  {accuracy['mean']:.4f} ± {accuracy['std_error']:.4f} (standard" in printed
    assert "TAR@FAR=0.05" in printed
    assert "of 60 accepted" in printed
    assert "TAR@FAR=0.001  not resolvable with 60 impostors" in printed
    assert result["command"].startswith("python -m eval run --protocol lfw --pairs")


def test_run_with_a_peers_rule_says_whose(tmp_path, pairs, capsys):
    assert run(tmp_path, pairs, "--compat", "insightface")["compat"] == "insightface"
    printed = capsys.readouterr().out
    assert "rule of insightface" in printed
    assert "VAL " in printed


def test_report_draws_results(tmp_path, pairs, capsys):
    run(tmp_path, pairs)
    out = tmp_path / "report.html"
    main(["report", str(tmp_path / "r.json"), "--out", str(out), "--title", "A & B"])
    assert "<h1>A &amp; B</h1>" in out.read_text()
    assert "wrote" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flag", "word", "nearest"), [("--protocol", "lwf", "lfw"), ("--compat", "facez", "facex")]
)
def test_an_unknown_name_is_answered_with_the_nearest(capsys, flag, word, nearest):
    with pytest.raises(SystemExit) as stop:
        main(["run", flag, word])
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"did you mean '{nearest}'?" in said


@pytest.mark.parametrize("command", ["run", "report"])
def test_help_says_what_it_does_with_an_example(capsys, command):
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0
    said = capsys.readouterr().out
    assert "example:" in said
    assert f"python -m eval {command}" in said


def test_bad_input_leaves_no_result(tmp_path, pairs):
    pairs.write_text("10\t6\n")
    with pytest.raises(ValueError, match="line 1: promises 10 folds"):
        run(tmp_path, pairs)
    assert not (tmp_path / "r.json").exists()
