import numpy as np
import pytest

from data_prep.files import read_json, write_json
from eval.__main__ import main
from eval.embeddings import load
from eval.metrics.paired import compare, number_people
from eval.protocols.pair_scores import unpacked
from eval.protocols.verification import verify
from eval.versus import versus
from tests.eval import fakes


@pytest.fixture
def results(tmp_path):
    """Two models on one list; the paths of their results and the rows of the list."""
    pairs = tmp_path / "pairs.txt"
    rows = fakes.pairs(each=30)
    pairs.write_text(fakes.lfw_text(rows))
    paths = []
    for name, noise in (("a", 1.2), ("b", 0.6)):
        embeddings = load(fakes.embeddings(tmp_path, seed=4, noise=noise, model=f"runs/{name}"))
        result = verify("lfw", pairs, embeddings, fars=["0.1", "0.05", "1e-6"])
        write_json(tmp_path / f"{name}.json", result)
        paths.append(str(tmp_path / f"{name}.json"))
    return paths, rows


def test_a_result_gives_back_every_score_and_verdict(results):
    (path, _), rows = results
    result = read_json(path)
    scores = unpacked(result, path)
    np.testing.assert_array_equal(scores.same_n, [a == b for a, _, b, _ in rows])
    first, second = number_people([str(r[0]) for r in rows], [str(r[2]) for r in rows])
    np.testing.assert_array_equal(scores.people, (first, second))
    assert scores.judged.correct_n.mean() == pytest.approx(result["accuracy"]["mean"])
    point = result["tar_at_far"][0]
    genuine = scores.judged.score_n[scores.same_n]
    assert (genuine > point["threshold"]).sum() == point["true_accepts"]
    hardest = [pair["score"] for pair in result["hardest"]["genuine"]]
    assert sorted(genuine)[: len(hardest)] == hardest


def test_the_comparison_holds_both_models_and_their_difference(results, tmp_path, capsys):
    (a, b), _ = results
    main(["versus", a, b, "--out", str(tmp_path / "ab.json")])
    found = read_json(tmp_path / "ab.json")
    stored = [read_json(path) for path in (a, b)]
    scores = [unpacked(result, "x") for result in stored]
    expected = compare(
        scores[0].judged, scores[1].judged, scores[0].same_n, scores[0].people, [0.1, 0.05]
    )
    assert found["accuracy"] == expected["accuracy"]
    assert found["accuracy"]["first"] == pytest.approx(stored[0]["accuracy"]["mean"])
    assert [row["far"] for row in found["tar_at_far"]] == [0.1, 0.05]
    for place, row in enumerate(found["tar_at_far"]):
        tars = [result["tar_at_far"][place]["tar"] for result in stored]
        assert (row["first"], row["second"]) == tuple(tars)
        assert row["difference"] == tars[1] - tars[0]
        assert row["ci95"][0] <= row["difference"] <= row["ci95"][1]
    said = capsys.readouterr().out
    assert f"McNemar's exact p = {found['accuracy']['mcnemar_p']:.3g}" in said
    assert "draws of people" in said
    assert found["accuracy"]["mcnemar_p"] < 1e-3
    assert "does not hold 0" in said


def test_another_list_or_no_result_is_refused(results, tmp_path):
    (a, _), rows = results
    other = tmp_path / "other.txt"
    other.write_text(fakes.lfw_text(rows) + "\n")
    embeddings = load(tmp_path / "X4")
    write_json(tmp_path / "c.json", verify("lfw", other, embeddings))
    with pytest.raises(ValueError, match="results of different pair lists"):
        versus(a, str(tmp_path / "c.json"))
    with pytest.raises(ValueError, match="is read as a result; choose another name"):
        main(["versus", a, a, "--out", a])
    write_json(tmp_path / "d.json", {"schema": 1, "recall": []})
    with pytest.raises(ValueError, match=r"d\.json: expected a result of a protocol of pairs"):
        versus(a, str(tmp_path / "d.json"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: None, "holds no scores of single pairs; run the protocol again"),
        (lambda p: {**p, "score": p["score"][:-8]}, "pair_scores are damaged"),
        (lambda p: {**p, "score": "%"}, "pair_scores are damaged"),
        (lambda p: {**p, "correct": 3}, "pair_scores are damaged"),
        (lambda p: {**p, "correct": ""}, "pair_scores are damaged"),
        (lambda p: {**p, "genuine": p["genuine"][:4]}, "pair_scores are damaged"),
        (lambda p: {**p, "people": [p["people"][0], "AAAA"]}, "pair_scores are damaged"),
        (lambda p: {"score": p["score"]}, "pair_scores are damaged"),
    ],
)
def test_missing_or_damaged_scores_are_refused(results, tmp_path, change, message):
    (a, b), _ = results
    result = read_json(b)
    result["pair_scores"] = change(result["pair_scores"])
    write_json(b, result)
    with pytest.raises(ValueError, match=rf"b\.json: .*{message}"):
        versus(a, b)


@pytest.mark.parametrize(
    "change",
    [
        {"tar_at_far": 5},
        {"tar_at_far": [{"far": 0.1}]},
        {"counts": {}},
        {"counts": None},
        {"data": {"pairs": None}},
        {"data": []},
    ],
)
def test_a_result_changed_by_hand_is_refused(results, change):
    (a, b), _ = results
    write_json(b, read_json(b) | change)
    with pytest.raises(ValueError, match=r"b\.json: expected a result of a protocol of pairs"):
        versus(a, b)
