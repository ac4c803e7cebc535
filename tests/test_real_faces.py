"""Real photographs and a good network through the whole road, to the figures known for them."""

import json
import tarfile

import numpy as np
import pytest

from eval.embeddings import load
from eval.metrics.roc import tar_at_far
from eval.metrics.tail import enough, tar_rows
from eval.similarity import Plan, Vectors, genuine_pairs, score_pairs, search
from tests.conftest import command, done, real

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def embeddings(tmp_path_factory):
    """LFW, aligned with its landmarks, through a pretrained network (128-d, ONNX)."""
    out = tmp_path_factory.mktemp("lfw")
    network = real("models/embedder_mobilefacenet128.onnx")
    with tarfile.open(real("lfw_photos.tar")) as archive:
        archive.extractall(out)
    source = ["--images", out / "lfw", "--landmarks", real("lists/lfw_landmarks.txt")]
    # PNG: JPEG would be a second compression, worth about 0.0002 on LFW
    done(command("data_prep", "align", *source, "--out", out / "crops", "--format", "png"))
    model = ["--model", network, "--scale", 128]
    done(command("eval", "extract", *model, "--images", out / "crops", "--out", out / "x"))
    return out / "x"


@pytest.mark.parametrize(
    "protocol, pairs, accuracy, within, error",
    [
        ("lfw", "lists/lfw_pairs.txt", 0.9943, 0.001, 0.0009),
        ("sllfw", "lists/pair_similar_LFW.txt", 0.9652, 0.002, 0.0037),
    ],
)
def test_known_figures(embeddings, tmp_path, protocol, pairs, accuracy, within, error):
    out = tmp_path / "result.json"
    words = ["--protocol", protocol, "--pairs", real(pairs), "--embeddings", embeddings]
    done(command("eval", "run", *words, "--out", out))
    result = json.loads(out.read_text())
    assert result["accuracy"]["mean"] == pytest.approx(accuracy, abs=within)
    assert result["accuracy"]["std_error"] == pytest.approx(error, abs=0.0003)
    assert result["counts"]["genuine"] == result["counts"]["impostor"] == 3000
    if protocol == "lfw":
        at_1e_3 = next(p for p in result["tar_at_far"] if p["far"] == 1e-3)
        assert at_1e_3["tar"] == pytest.approx(0.983, abs=0.001)
        assert at_1e_3["false_accepts"] <= 3
    done(command("eval", "report", out, "--out", tmp_path / "report.html"))
    assert "data:image/jpeg;base64," in (tmp_path / "report.html").read_text()


def test_all_pairs_of_lfw_through_the_tail_engine(embeddings):
    """29.6 million pairs: the same TAR at every FAR as from all scores, sorted."""
    fars = ["1e-3", "1e-4", "1e-5", "1e-6"]
    known = load(embeddings)
    people = [name.split("/")[0] for name in known.names]
    label_n = np.unique(people, return_inverse=True)[1]
    i, j = np.triu_indices(len(label_n), 1)
    same = label_n[i] == label_n[j]
    vectors = Vectors(known.vectors)
    impostors = int((~same).sum())
    plan = Plan(tail=enough(fars, impostors))
    found = search(vectors, vectors, plan, labels=(label_n, label_n), pairs="once")
    assert found.impostors == impostors and found.tail is not None
    genuine = score_pairs(vectors, vectors, *genuine_pairs(label_n))
    got = tar_rows(genuine, found.tail.score, impostors, fars)

    unit = known.unit(np.arange(len(label_n)))
    score = (unit @ unit.T)[i, j]
    assert len(score) == 7701 * 7700 // 2
    for ours, full in zip(got, tar_at_far(score[same], score[~same], fars, "exact")):
        for key in ("tar", "false_accepts", "true_accepts", "k"):
            assert ours[key] == full[key], (key, ours, full)
        assert ours["threshold"] == pytest.approx(full["threshold"], abs=1e-12)
