import json

import numpy as np
import pytest

from data_prep.files import sha256_file
from data_prep.sources.verification_bin import write_bin
from eval.__main__ import main
from eval.embeddings import load, save
from eval.protocols.rfw import group_name, spread
from eval.protocols.verification import verify
from tests.eval import fakes


@pytest.fixture
def lists(tmp_path):
    paths = []
    for seed, name in enumerate(("African", "Asian", "Caucasian")):
        path = tmp_path / f"{name}_pairs.txt"
        path.write_text(fakes.lfw_text(fakes.pairs(seed), header=False))
        paths.append(str(path))
    return paths


def run(tmp_path, lists, *embeddings):
    out = tmp_path / "r.json"
    words = ["--pairs", *lists, "--embeddings", *map(str, embeddings), "--out", str(out)]
    main(["run", "--protocol", "rfw", *words])
    return json.loads(out.read_text())


def test_each_list_is_judged_alone_and_their_spread_given(tmp_path, lists, capsys):
    prefix = fakes.embeddings(tmp_path)
    result = run(tmp_path, lists, prefix)
    alone = [verify("rfw_group", path, load(prefix), command=result["command"]) for path in lists]
    assert [group["result"] for group in result["groups"]] == alone
    assert [group["group"] for group in result["groups"]] == ["African", "Asian", "Caucasian"]
    means = [one["accuracy"]["mean"] for one in alone]
    assert result["spread"]["mean"] == pytest.approx(np.mean(means))
    assert result["spread"]["std"] == pytest.approx(np.std(means, ddof=1))
    errors = [1 - mean for mean in means]
    assert result["spread"]["skewed_error_ratio"] == pytest.approx(max(errors) / min(errors))
    said = capsys.readouterr().out
    assert "Asian\nRFW: 60 genuine" in said
    assert f"average accuracy {np.mean(means):.4f}" in said


def test_embeddings_may_be_one_a_list(tmp_path, lists):
    prefixes = [fakes.embeddings(tmp_path, seed, sha256="5" * 64) for seed in range(3)]
    result = run(tmp_path, lists, *prefixes)
    used = [group["result"]["data"]["embeddings"]["path"] for group in result["groups"]]
    assert used == [str(prefix) for prefix in prefixes]
    with pytest.raises(ValueError, match="3 lists and 2 embeddings; expected one X for all"):
        run(tmp_path, lists, *prefixes[:2])
    other = fakes.embeddings(tmp_path, 3)
    with pytest.raises(ValueError, match=r"X3: expected the model of SHA-256 5{12} like .*X0"):
        run(tmp_path, lists, *prefixes[:2], other)


def bins(tmp_path, count=20):
    """Two .bin, and X of the first as extract notes it."""
    paths = [tmp_path / f"{name}.bin" for name in "ab"]
    for path in paths:
        write_bin(path, [path.name.encode()] * 2 * count, [True, False] * (count // 2))
    vectors = np.random.default_rng(0).normal(size=(2 * count, 8)).astype(np.float32)
    images = {"source": str(paths[0]), "sha256": sha256_file(paths[0])}
    save(tmp_path / "B", [f"{i:06d}" for i in range(2 * count)], vectors, {"images": images})
    return [str(path) for path in paths]


def test_a_bin_is_judged_with_its_own_images(tmp_path):
    first, second = bins(tmp_path)
    assert run(tmp_path, [first, first], tmp_path / "B")["counts"]["pairs"] == 40
    with pytest.raises(ValueError, match=r"b\.bin: expected embeddings of its own, found .*/B"):
        run(tmp_path, [first, second], tmp_path / "B")
    for protocol in ("rfw", "lfw"):
        words = ["--pairs", second, "--embeddings", str(tmp_path / "B")]
        with pytest.raises(ValueError, match=r"b\.bin: .*B holds the images of another \.bin"):
            main(["run", "--protocol", protocol, *words, "--out", str(tmp_path / "r2.json")])


def test_spread_of_one_or_of_the_perfect_is_undefined():
    assert spread([0.9]) == {"mean": 0.9, "std": None, "skewed_error_ratio": 1.0}
    assert spread([1.0, 0.9])["skewed_error_ratio"] is None


def test_groups_are_called_like_their_lists():
    assert [group_name(p) for p in ("txts/African/African_pairs.txt", "Asian.bin")] == [
        "African",
        "Asian",
    ]
