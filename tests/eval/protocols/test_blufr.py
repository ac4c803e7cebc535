import json

import numpy as np
import pytest
from scipy.io import savemat

from eval.__main__ import main
from eval.embeddings import load, save
from eval.metrics.roc import tar_at_far
from eval.protocols.blufr import fused, read_config

TRIALS = 3


def cells(items):
    array = np.empty((len(items), 1), dtype=object)
    for place, item in enumerate(items):
        array[place, 0] = item
    return array


@pytest.fixture
def setting(tmp_path):
    """40 people with 4 images; a trial tests 30, gallery 15 of them, probes 15 and 15 others."""
    names = [f"Per_son{p:02d}_{i:04d}.jpg" for p in range(40) for i in range(1, 5)]
    rng = np.random.default_rng(0)
    vectors = np.repeat(rng.normal(size=(40, 6)), 4, axis=0) + 0.7 * rng.normal(size=(160, 6))
    folder = [f"{name[:-9]}/{name}" for name in names]
    save(tmp_path / "X", folder, vectors.astype(np.float32), {"model": {"path": "m"}})
    test, gallery, probes = [], [], []
    for _ in range(TRIALS):
        people = rng.permutation(40)[:30]
        rows = np.sort(np.concatenate([people * 4 + i for i in range(4)]))
        test.append(rows)
        gallery.append(people[:15] * 4)
        probes.append(np.concatenate([people[:15] * 4 + 2, people[15:] * 4 + 1]))
    config = {
        "imageList": cells(names),
        "labels": np.repeat(np.arange(1, 41), 4)[:, None],
        "testIndex": cells([rows[:, None] + 1 for rows in test]),
        "galIndex": cells([rows[:, None] + 1 for rows in gallery]),
        "probIndex": cells([rows[:, None] + 1 for rows in probes]),
    }
    savemat(tmp_path / "config.mat", config)
    return tmp_path, config, (test, gallery, probes)


def test_every_trial_is_counted_and_fused(setting, capsys):
    folder, _, (test, gallery, probes) = setting
    out = folder / "r.json"
    words = ["run", "--protocol", "blufr", "--config", str(folder / "config.mat")]
    words += ["--embeddings", str(folder / "X"), "--out", str(out)]
    main([*words, "--far", "1e-2", "1e-9", "--open-set-far", "0.2"])
    result = json.loads(out.read_text())
    vectors = load(folder / "X").vectors.astype(float)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    person = np.repeat(np.arange(40), 4)
    rates, found = [], []
    for rows, g, p in zip(test, gallery, probes):
        a, b = (rows[side] for side in np.triu_indices(len(rows), 1))
        score, same = (unit[a] * unit[b]).sum(1), person[a] == person[b]
        rates.append(tar_at_far(score[same], score[~same], ["1e-2"])[0]["tar"])
        score = unit[p] @ unit[g].T
        known = np.isin(person[p], person[g])
        threshold = np.sort(score[~known].max(1))[::-1][3]  # a fifth of 15 probes: 3
        hit = (person[g][score.argmax(1)] == person[p]) & (score.max(1) > threshold)
        found.append(hit[known].mean())
    first, second = result["vr_at_far"]
    assert first["trials"] == pytest.approx(rates)
    assert first["mean_less_std"] == pytest.approx(np.mean(rates) - np.std(rates, ddof=1))
    assert (second["resolvable"], second["mean"]) == (False, None)
    assert result["dir_at_far"][0]["trials"] == pytest.approx(found)
    assert 0 < np.mean(found) < 1
    assert result["counts"]["genuine"] == [30 * 6] * TRIALS
    assert result["counts"]["unknown_probes"] == [15] * TRIALS
    said = capsys.readouterr().out
    assert f"VR@FAR=0.01  {first['mean_less_std']:.4f} = mean" in said
    assert "VR@FAR=1e-09  not resolvable in every trial" in said


def test_names_get_their_folder(setting):
    folder, _, (test, _, _) = setting
    config = read_config(str(folder / "config.mat"))
    assert config.names[4] == "Per_son01/Per_son01_0001.jpg"
    np.testing.assert_array_equal(config.trials[1][0], test[1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"galIndex": None}, "expected BLUFR's imageList"),
        ({"labels": np.ones((3, 1))}, "160 images and 3 labels"),
        ({"testIndex": cells([np.array([[1]])])}, r"\[1, 3, 3\] trials"),
        ({"testIndex": cells([np.array([[161]])] * 3)}, "outside 1 to 160"),
        ({"testIndex": cells([np.array([[0]])] * 3)}, "outside 1 to 160"),
    ],
)
def test_a_bad_definition_is_refused(setting, change, message):
    folder, config, _ = setting
    kept = {key: value for key, value in {**config, **change}.items() if value is not None}
    savemat(folder / "bad.mat", kept)
    with pytest.raises(ValueError, match=message):
        read_config(str(folder / "bad.mat"))


def test_a_trial_without_impostors_is_named(setting):
    folder, config, _ = setting
    savemat(folder / "bad.mat", {**config, "testIndex": cells([np.array([[1], [2]])] * 3)})
    words = ["--config", str(folder / "bad.mat"), "--embeddings", str(folder / "X")]
    with pytest.raises(ValueError, match=r"bad\.mat, trial 1: expected genuine and impostor pairs"):
        main(["run", "--protocol", "blufr", *words, "--out", str(folder / "r.json")])
    assert not (folder / "r.json").exists()


def test_a_rate_is_fused_as_mean_less_deviation():
    rows = [{"far": 0.1, "resolvable": True, "tar": tar} for tar in (0.5, 0.7)]
    assert fused(rows)["mean_less_std"] == pytest.approx(0.6 - 0.2 / 2**0.5)
