"""Calibrations: thresholds and shares against a count of every pair."""

import json

import numpy as np
import pytest

from eval.calibrate import below, calibration, read_calibration, require_same_model, verdict
from eval.embeddings import load
from eval.protocols.pair_scores import unpacked
from eval.protocols.verification import verify
from eval.report.results import read_result
from tests.conftest import command, done, refused
from tests.eval import fakes


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """A result of 1,100 genuine and 1,100 impostor pairs, with ties."""
    folder = tmp_path_factory.mktemp("calibrate")
    prefix = fakes.embeddings(folder, seed=4)
    (folder / "pairs.txt").write_text(fakes.lfw_text(fakes.pairs(seed=4, each=110)))
    found = verify("lfw", folder / "pairs.txt", load(prefix))
    (folder / "result.json").write_text(json.dumps(found))
    return folder / "result.json"


@pytest.fixture(scope="module")
def scores(result):
    stored = unpacked(json.loads(result.read_text()), "")
    return stored.judged.score_n[stored.same_n], stored.judged.score_n[~stored.same_n]


def test_thresholds_let_no_more_impostors_through_than_the_rate(result, scores):
    found = calibration(str(result))
    genuine, impostor = scores
    assert [row["far"] for row in found["thresholds"]] == [0.1, 0.01, 0.001]
    for row in found["thresholds"]:
        let_through = int((impostor > row["threshold"]).sum())
        assert row["false_accepts"] == let_through <= row["far"] * len(impostor)
        assert row["tar"] == (genuine > row["threshold"]).mean()
        low, high = row["far_ci95"]
        assert low <= let_through / len(impostor) <= high
        # the next threshold down would let too many through
        lower = impostor[impostor < row["threshold"]].max()
        assert (impostor > lower).sum() > row["far"] * len(impostor)


def test_shares_of_lower_scores_are_bounded_by_the_truth(result, scores):
    found = calibration(str(result))
    for side, truth in zip(("genuine", "impostor"), scores):
        stored = found["scores"][side]
        assert len(stored["score"]) <= 1000 < stored["count"] == len(truth)
        between = (np.sort(truth)[1:] + np.sort(truth)[:-1]) / 2
        for score in [-1.0, 1.0, *truth, *between]:
            low, high = below(stored, score)
            assert low <= (truth < score).sum() <= high <= low + 2
        for score in np.sort(truth)[[0, 1, 100, 240, -240, -100, -2, -1]]:  # the ends are exact
            count = int((truth < score).sum())
            assert below(stored, float(score))[0] <= count <= below(stored, float(score))[1]


def test_a_verdict_names_the_rates_on_both_sides(result, scores):
    found = calibration(str(result))
    rows = {row["far"]: row["threshold"] for row in found["thresholds"]}
    high = verdict(found, 1.0)
    assert high["accepted_at"] == 0.001 and high["refused_at"] is None
    assert "accepted at FAR 0.001, the smallest stored (1,100 impostor pairs" in high["text"]
    at = verdict(found, rows[0.01])  # a score equal to a threshold is not above it
    assert (at["accepted_at"], at["refused_at"]) == (0.1, 0.01)
    assert at["text"].startswith("would be accepted at FAR 0.1, not at 0.01")
    low = verdict(found, -1.0)
    assert low["accepted_at"] is None and low["genuine_below"] == low["impostor_below"] == 0
    assert "not be accepted at FAR 0.1, the largest stored" in low["text"]
    middle = float(np.median(scores[0]))
    lower = (scores[0] < middle).mean()
    assert verdict(found, middle)["genuine_below"] == pytest.approx(lower, abs=2 / 1100)


def test_the_command_stores_what_a_score_must_come_from(result, tmp_path):
    out = tmp_path / "m.calibration.json"
    printed = done(
        command("eval", "calibrate", result, "--out", out, "--far", "1e-2", "0.5")
    ).stdout
    found = read_calibration(out)
    assert [row["far"] for row in found["thresholds"]] == [0.5, 0.01]
    assert "FAR=0.01" in printed and found["model"]["sha256"] == "04" * 32
    assert found["fusion"] == "flip-sum" and found["transform"] == {"height": 112, "width": 112}
    assert found["counts"] == {"genuine": 1100, "impostor": 1100}
    assert found["pairs"]["sha256"] and found["result"]["sha256"]


def test_what_cannot_be_calibrated_is_refused(result, tmp_path):
    line = refused(command("eval", "calibrate", result, "--out", tmp_path / "c", "--far", "1e-4"))
    assert "1,100 impostor pairs do not resolve FAR 1e-4; the smallest is 9.1e-4" in line
    assert not (tmp_path / "c").exists()
    whole = calibration(str(result))
    for wrong in ({"kind": "calibration", "schema": 1}, {**whole, "model": {"sha256": None}}):
        (tmp_path / "wrong.json").write_text(json.dumps(wrong))
        with pytest.raises(ValueError, match=r"wrong\.json: expected a calibration"):
            read_calibration(tmp_path / "wrong.json")
    same = result.parent / ".." / result.parent.name / result.name
    assert "is read as the result" in refused(command("eval", "calibrate", result, "--out", same))
    with pytest.raises(ValueError, match="expected a calibration"):
        read_calibration(result)
    other = json.loads(result.read_text())
    del other["pair_scores"]
    (tmp_path / "none.json").write_text(json.dumps(other))
    with pytest.raises(ValueError, match=r"none\.json: expected a result of a list of pairs"):
        calibration(str(tmp_path / "none.json"))
    whole = json.loads(result.read_text())
    nowhere = whole["data"] | {"pairs": None}
    for change in ({"counts": {}}, {"title": None}, {"model": {}}, {"data": nowhere}):
        (tmp_path / "hand.json").write_text(json.dumps(whole | change))
        with pytest.raises(ValueError, match=r"hand\.json: .*(damaged|whole|which model)"):
            calibration(str(tmp_path / "hand.json"))
    (tmp_path / "c.json").write_text(json.dumps(calibration(str(result))))
    with pytest.raises(ValueError, match=r"c\.json: is a calibration; a report takes"):
        read_result(tmp_path / "c.json")
    with pytest.raises(ValueError, match=r"here: is of another model \(runs/fake, SHA-256 0404"):
        require_same_model(calibration(str(result)), "here", "05" * 32)
