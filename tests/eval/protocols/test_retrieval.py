import json

import numpy as np
import pytest

from eval.__main__ import main
from eval.embeddings import load
from eval.protocols.retrieval import labelled
from tests.eval import fakes


def run(tmp_path, *more):
    out = tmp_path / "r.json"
    words = ["run", "--protocol", "retrieval", "--embeddings", str(fakes.embeddings(tmp_path))]
    main([*words, "--out", str(out), *more])
    return json.loads(out.read_text())


def test_folders_are_classes_and_every_figure_is_a_count(tmp_path, capsys):
    result = run(tmp_path, "--recall", "1", "5")
    embeddings = load(tmp_path / "X0")
    unit = embeddings.vectors / np.linalg.norm(embeddings.vectors, axis=1, keepdims=True)
    person = np.repeat(np.arange(fakes.PEOPLE), fakes.EACH)
    hits = {1: 0, 5: 0}
    for query in range(len(unit)):
        order = np.argsort(-(unit @ unit[query]))
        order = order[order != query]
        for k in hits:
            hits[k] += (person[order[:k]] == person[query]).any()
    assert result["counts"] == {"images": 48, "classes": 12, "queries": 48}
    assert {row["k"]: row["hits"] for row in result["recall"]} == hits
    assert 0.3 < result["recall"][0]["recall"] < result["recall"][1]["recall"] < 1
    nmi = result["nmi"]
    assert 0.5 < nmi["arithmetic"] <= nmi["geometric"] <= 1
    said = capsys.readouterr().out
    assert f"Recall@1    {result['recall'][0]['recall']:.4f}" in said
    assert "NMI" in said


def test_a_tab_ends_the_name_so_that_labels_may_have_spaces(tmp_path):
    labels = tmp_path / "labels.txt"
    names = fakes.names()
    labels.write_text("".join(f"{n}\t{'ab'[i % 2]} Smith\n" for i, n in enumerate(names[:10])))
    result = run(tmp_path, "--labels", str(labels), "--no-nmi")
    assert result["counts"] == {"images": 10, "classes": 2, "queries": 10}
    with pytest.raises(ValueError, match="--seed -3: expected 0 or more"):
        run(tmp_path, "--seed", "-3")


def test_labels_choose_images_and_name_classes(tmp_path):
    labels = tmp_path / "labels.txt"
    names = fakes.names()
    labels.write_text("".join(f"{name}\t{'ab'[n % 2]}\n" for n, name in enumerate(names[:10])))
    result = run(tmp_path, "--labels", str(labels), "--no-nmi")
    assert result["counts"] == {"images": 10, "classes": 2, "queries": 10}
    assert result["nmi"] is None
    assert len(result["data"]["labels"]["sha256"]) == 64


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("P00/P00_0001.jpg\n", 'line 1: expected "name label"'),
        ("P00/P00_0001.jpg a\nP99/P99_0001.jpg b\n", "line 2: image 'P99/P99_0001.jpg' is not"),
        ("P00/P00_0001.jpg a\nP00/P00_0001.jpg b\n", "line 2: .* is on a line above already"),
        ("P00/P00_0001.jpg a\nP01/P01_0001.jpg b\n", "no class has two images"),
    ],
)
def test_bad_labels_are_refused_and_named(tmp_path, text, message):
    labels = tmp_path / "labels.txt"
    labels.write_text(text)
    with pytest.raises(ValueError, match=message):
        run(tmp_path, "--labels", str(labels), "--no-nmi")
    assert not (tmp_path / "r.json").exists()


def test_images_in_no_folder_need_labels(tmp_path):
    embeddings = load(fakes.embeddings(tmp_path))
    flat = type(embeddings)(["000000"], embeddings.vectors[:1], {}, "X")
    with pytest.raises(ValueError, match="give --labels"):
        labelled(flat, None)
    with pytest.raises(ValueError, match="--recall 0: expected 1 or more"):
        run(tmp_path, "--recall", "0")
