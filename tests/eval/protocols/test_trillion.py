"""Trillion Pairs against loops over every pair, apart from the engine, in float64."""

import json
import math
from fractions import Fraction

import numpy as np
import pytest

from eval.__main__ import main
from eval.embeddings import save
from eval.features.matrix import write_matrix
from eval.protocols.trillion import read_labels
from tests.conftest import command, done


@pytest.fixture
def matrix(tmp_path):
    """12 people of 1 to 4 images mixed with 50 distractors, some of them copies; 3 rows unlabelled.

    Copies are of another length, so that they tie.
    """
    random = np.random.default_rng(2)
    person = np.concatenate([np.repeat(np.arange(12), random.integers(1, 5, 12)), [-1] * 50])
    rows = random.standard_normal((len(person), 8))
    known = person >= 0
    rows[known] = random.standard_normal((12, 8))[person[known]] + 0.6 * rows[known]
    rows[-1], rows[-2], rows[-3] = 4 * rows[0], rows[1], rows[-4]
    order = random.permutation(len(person))
    rows, person = rows[order].astype(np.float32), person[order]
    person[[3, 10, 20]] = -2
    write_matrix(tmp_path / "m.bin", rows)
    (tmp_path / "l.txt").write_text(
        "".join(f"{row} {label}\n" for row, label in enumerate(person) if label > -2)
    )
    return tmp_path, rows.astype(float), person


def words(folder, *more):
    made = ["run", "--protocol", "trillion", "--features", folder / "m.bin", "--labels"]
    made += [folder / "l.txt", "--far", "2e-2", "1e-1", "1e-9", "--fpr", "1e-1", "2e-1", "1e-3"]
    return [str(word) for word in [*made, "--device", "cpu", "--out", folder / "r.json", *more]]


def judge(folder, *more):
    main(words(folder, *more))
    return json.loads((folder / "r.json").read_text())


def cosine(a, b):
    return round(float(a @ b / math.sqrt((a @ a) * (b @ b))), 12)


def test_every_figure_is_a_count_of_pairs(matrix, capsys):
    folder, rows, person = matrix
    result = judge(folder)
    asked, alone = np.flatnonzero(person >= 0), np.flatnonzero(person == -1)
    score = {(q, d): cosine(rows[q], rows[d]) for q in asked for d in alone}
    best = {q: max(score[q, d] for d in alone) for q in asked}
    trials = [(q, m) for q in asked for m in asked if q != m and person[q] == person[m]]
    mate = {t: cosine(rows[t[0]], rows[t[1]]) for t in trials}
    genuine = [mate[q, m] for q, m in trials if q < m]
    assert result["counts"] == {
        "people": len(set(person[asked])),
        "queries": len(asked),
        "distractors": len(alone),
        "unlabelled": 3,
        "trials": len(trials),
        "genuine": len(genuine),
        "impostor": len(score),
    }
    assert result["rank1"] == sum(mate[t] > best[t[0]] for t in trials) / len(trials)
    assert 0 < result["rank1"] < 1
    falling = sorted(best.values(), reverse=True)
    for row, rate in zip(result["identification"], ("1e-1", "2e-1", "1e-3"), strict=True):
        k = math.floor(Fraction(rate) * len(asked))
        assert (row["k"], row["resolvable"]) == (k, k > 0)
        if k:
            hits = sum(mate[t] > best[t[0]] and mate[t] > falling[k] for t in trials)
            assert (row["hits"], row["tpr"]) == (hits, hits / len(trials))
            assert row["false_queries"] == sum(b > falling[k] for b in best.values()) <= k
            assert row["tau"] == pytest.approx(falling[k], abs=1e-9)
        else:
            assert row["tpr"] is row["tau"] is None
    falling = sorted(score.values(), reverse=True)
    for row, rate in zip(result["tar_at_far"], ("2e-2", "1e-1", "1e-9"), strict=True):
        k = math.floor(Fraction(rate) * len(score))
        assert (row["k"], row["resolvable"]) == (k, k > 0)
        if k:
            assert row["true_accepts"] == sum(g > falling[k] for g in genuine)
            assert row["false_accepts"] == sum(s > falling[k] for s in falling) <= k
    assert "our reconstruction of the closed scorer" in result["title"]
    said = capsys.readouterr().out
    assert "TPR@FPR=0.001  not resolvable with" in said
    assert "TAR@FAR=1e-09  not resolvable with" in said


def test_a_label_a_line_and_embeddings_give_the_same(matrix):
    folder, rows, person = matrix
    wanted = judge(folder)
    kept = person > -2
    names = [f"{n}.jpg" for n in range(kept.sum())]
    save(folder / "X", names, rows[kept].astype(np.float32), {"model": {"path": "m"}})
    (folder / "plain.txt").write_text("".join(f"{label}\n" for label in person[kept]))
    found = judge(folder, "--features", folder / "X", "--labels", folder / "plain.txt")
    for key in ("rank1", "identification", "tar_at_far", "roc"):
        assert found[key] == wanted[key]
    assert found["model"] == {"path": "m"}
    assert found["counts"]["unlabelled"] == 0


def test_two_ranks_write_the_same_bytes(matrix):
    folder, _, _ = matrix
    judge(folder)
    one = (folder / "r.json").read_bytes()
    done(command("eval", *words(folder), ranks=2))
    assert (folder / "r.json").read_bytes() == one


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0 1 2\n", 'line 1: expected "label" or "row label"'),
        ("1\n-1\n", "2 labels for 3 rows of features"),
        ("1\n1 2\n-1\n", 'line 2: expected "label", found'),
        ("0 1\n3 1\n", "line 2: expected a row from 0 to 2, found '3'"),
        ("0 1\n-1 1\n", "line 2: expected a row from 0 to 2, found '-1'"),
        ("0 1\n0 1\n", "line 2: row 0 is on a line above"),
        ("1\n1\n1\n", r"no distractor \(-1\)"),
        ("-1\n-1\n-1\n", "no person"),
        ("1\n\n-1\n", "line 2: blank"),
    ],
)
def test_bad_labels_are_named_by_line(tmp_path, text, message):
    (tmp_path / "l").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_labels(str(tmp_path / "l"), 3)


def test_people_of_one_image_and_bad_rows_are_refused(matrix):
    folder, rows, _ = matrix
    labels = ["a", "b", *["-1"] * (len(rows) - 2)]
    (folder / "one.txt").write_text("".join(f"{label}\n" for label in labels))
    with pytest.raises(ValueError, match=r"one\.txt: no person has two images"):
        judge(folder, "--labels", folder / "one.txt")
    rows[5, 2] = np.nan
    write_matrix(folder / "m.bin", rows.astype(np.float32))
    with pytest.raises(ValueError, match=r"m\.bin, row 5: the embedding has nan at place 2"):
        judge(folder)
    data = bytearray((folder / "m.bin").read_bytes())
    data[12] = 6
    (folder / "m.bin").write_bytes(data)
    with pytest.raises(ValueError, match=r"m\.bin, byte \d+: .* bytes in all"):
        judge(folder)
