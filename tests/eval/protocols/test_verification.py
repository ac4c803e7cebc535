import base64
import json

import cv2
import numpy as np
import pytest

from data_prep.sources.verification_bin import write_bin
from eval.embeddings import load, save
from eval.metrics.compat import COMPAT
from eval.protocols.hardest import EACH, thumbnail
from eval.protocols.verification import verify
from tests.eval import fakes, oracle


@pytest.fixture
def setting(tmp_path):
    """Embeddings, an LFW list and its rows."""
    pairs = tmp_path / "pairs.txt"
    rows = fakes.pairs()
    pairs.write_text(fakes.lfw_text(rows))
    return load(fakes.embeddings(tmp_path)), pairs, rows


def cosines(embeddings, rows):
    """Each pair's cosine, one at a time."""
    scores = []
    for a, i, b, j in rows:
        x, y = (
            embeddings.vectors[p * fakes.EACH + n - 1].astype(float) for p, n in ((a, i), (b, j))
        )
        scores.append(float(x @ y / np.sqrt((x @ x) * (y @ y))))
    return scores


def test_every_figure_equals_the_count_of_every_pair(setting):
    embeddings, pairs, rows = setting
    result = verify("lfw", pairs, embeddings, fars=["0.05", "0.001"])
    scores, same = cosines(embeddings, rows), [a == b for a, _, b, _ in rows]
    genuine = [s for s, y in zip(scores, same) if y]
    impostor = [s for s, y in zip(scores, same) if not y]
    fold = [n // 12 for n in range(len(rows))]
    assert result["counts"] == {"genuine": 60, "impostor": 60, "pairs": 120}
    expected = oracle.fold_accuracies(scores, same, fold)
    assert 0.6 < np.mean(expected) < 0.99  # neither trivial nor chance
    np.testing.assert_allclose(result["accuracy"]["folds"], expected, atol=1e-12)
    assert result["accuracy"]["mean"] == pytest.approx(np.mean(expected))
    assert result["accuracy"]["std_error"] == pytest.approx(np.std(expected, ddof=1) / 10**0.5)
    assert result["auc"] == pytest.approx(oracle.auc(genuine, impostor))
    assert result["eer"] == pytest.approx(oracle.eer(genuine, impostor))
    first, second = result["tar_at_far"]
    assert first["tar"] == float(oracle.exact_tar(genuine, impostor, "0.05")[1])
    assert (second["resolvable"], second["tar"]) == (False, None)
    assert sum(result["histogram"]["genuine"]) == sum(result["histogram"]["impostor"]) == 60


def test_the_result_is_strict_json_and_says_what_was_run_on_what(setting):
    embeddings, pairs, _ = setting
    result = verify("lfw", pairs, embeddings, command="python -m eval run")
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert result["data"]["pairs"]["images"] <= 48
    assert len(result["data"]["pairs"]["sha256"]) == len(result["data"]["embeddings"]["sha256"])
    assert result["model"]["path"] == "runs/fake"
    assert result["command"] == "python -m eval run"
    notes = " ".join(result["notes"])
    assert "0.0001 is not resolvable: 60 impostor pairs" in notes
    assert "has 120 pairs, the published one of LFW 6,000: the figures are not comparable" in notes


def test_both_layouts_of_one_list_give_the_same_figures(setting, tmp_path):
    embeddings, pairs, rows = setting
    (tmp_path / "other.txt").write_text(fakes.sllfw_text(rows))
    one = verify("lfw", pairs, embeddings)
    other = verify("sllfw", tmp_path / "other.txt", embeddings)
    for key in ("accuracy", "auc", "eer", "tar_at_far", "roc", "histogram", "counts"):
        assert one[key] == other[key]


@pytest.mark.parametrize("compat", [None, *COMPAT])
def test_swapping_images_and_order_within_folds_change_nothing(setting, tmp_path, compat):
    embeddings, pairs, rows = setting
    rng = np.random.default_rng(5)
    changed = []
    for fold in range(10):
        for n in rng.permutation(12):
            a, i, b, j = rows[fold * 12 + n]
            changed.append((b, j, a, i))
    (tmp_path / "changed.txt").write_text(fakes.lfw_text(changed))
    before = verify("lfw", pairs, embeddings, compat=compat)
    after = verify("lfw", tmp_path / "changed.txt", embeddings, compat=compat)
    assert before["tar_at_far"] == after["tar_at_far"]
    assert before["accuracy"]["folds"] == after["accuracy"]["folds"]
    assert (before["auc"], before["eer"]) == (after["auc"], after["eer"])


def test_compat_names_its_rule_and_says_when_the_feature_is_another(setting):
    embeddings, pairs, _ = setting
    plain = verify("lfw", pairs, embeddings)
    result = verify("lfw", pairs, embeddings, compat="sphereface")
    assert result["compat"] == "sphereface"
    assert any("use the feature 'flip-concat'" in note for note in result["notes"])
    assert result["auc"] == plain["auc"]
    result = verify("lfw", pairs, embeddings, compat="insightface")
    assert result["accuracy"]["std_ddof"] == 0
    assert set(result["accuracy"]["val_at_far"]) == {"far", "mean", "std", "far_mean"}
    assert not any("use the feature" in note for note in result["notes"])


def test_hardest_pairs_are_the_extremes_and_carry_their_verdict(setting):
    embeddings, pairs, rows = setting
    result = verify("lfw", pairs, embeddings)
    scores = cosines(embeddings, rows)
    genuine = sorted(s for s, r in zip(scores, rows) if r[0] == r[2])
    impostor = sorted((s for s, r in zip(scores, rows) if r[0] != r[2]), reverse=True)
    for kind, expected in (("genuine", genuine), ("impostor", impostor)):
        found = result["hardest"][kind]
        assert [pair["score"] for pair in found] == pytest.approx(expected[:EACH])
        for pair in found:
            threshold = result["accuracy"]["thresholds"][pair["fold"] - 1]
            assert pair["correct"] == ((pair["score"] > threshold) == (kind == "genuine"))
            assert rows[pair["line"] - 2] is not None
            assert pair["thumbnails"] == [None, None]


def test_a_missing_image_or_a_zero_embedding_is_named(setting, tmp_path):
    embeddings, pairs, rows = setting
    (tmp_path / "far.txt").write_text(fakes.lfw_text([(99, 1, 99, 2), *rows[1:]]))
    with pytest.raises(ValueError, match=r"far\.txt, line 2: image 'P99/P99_0001\.jpg' is not"):
        verify("lfw", tmp_path / "far.txt", embeddings)
    a, i, _, _ = rows[0]
    vectors = np.array(embeddings.vectors)
    vectors[a * fakes.EACH + i - 1] = 0
    broken = type(embeddings)(embeddings.names, vectors, embeddings.meta, embeddings.prefix)
    with pytest.raises(ValueError, match=rf"'P{a:02d}/P{a:02d}_000{i}\.jpg' is all zeros"):
        verify("lfw", pairs, broken)


def test_thumbnails_are_small_jpegs_of_the_images_and_of_nothing_else(tmp_path):
    folder = tmp_path / "images"
    (folder / "a").mkdir(parents=True)
    colour = np.full((200, 100, 3), (10, 200, 30), np.uint8)
    cv2.imwrite(str(folder / "a" / "1.png"), colour)
    cv2.imwrite(str(tmp_path / "secret.png"), colour)
    (folder / "a" / "2.jpg").write_bytes(b"no picture")
    large = bytearray((folder / "a" / "1.png").read_bytes())
    large[16:24] = (40_000).to_bytes(4, "big") * 2  # the header's width and height
    (folder / "a" / "4.png").write_bytes(large)
    cv2.imwrite(str(folder / "a" / "im.jpg"), colour)  # not a/im.2
    data = thumbnail(folder, "a/1.jpg")
    head, _, body = data.partition(",")
    assert head == "data:image/jpeg;base64"
    pixels = cv2.imdecode(np.frombuffer(base64.b64decode(body), np.uint8), cv2.IMREAD_COLOR)
    assert pixels.shape == (96, 48, 3)
    np.testing.assert_allclose(pixels.mean((0, 1)), (10, 200, 30), atol=3)
    for name in (
        "a/2.jpg",
        "a/3.jpg",
        "a/4.png",
        "a/im.2",
        "../secret.png",
        str(tmp_path / "secret.png"),
        "a",
    ):
        assert thumbnail(folder, name) is None
    assert thumbnail(None, "a/1.jpg") is None


def test_pictures_come_from_the_folder_given_or_named(setting, tmp_path):
    embeddings, pairs, _ = setting
    folder = tmp_path / "images"
    for name in fakes.names():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / name), np.full((12, 12, 3), 90, np.uint8))
    given = verify("lfw", pairs, embeddings, images=folder)
    named = verify("lfw", pairs, load(fakes.embeddings(tmp_path, source=folder)))
    for result in (given, named):
        assert all(t for kind in result["hardest"].values() for p in kind for t in p["thumbnails"])
    with pytest.raises(NotADirectoryError, match="expected the folder that holds the images"):
        verify("lfw", pairs, embeddings, images=tmp_path / "none")


def test_a_bin_gives_the_figures_of_its_list(setting, tmp_path):
    """The same pairs as a .bin: embeddings by number, two a pair."""
    embeddings, pairs, rows = setting
    write_bin(tmp_path / "x.bin", [b"jpeg"] * 2 * len(rows), [a == b for a, _, b, _ in rows])
    places = [p * fakes.EACH + n - 1 for a, i, b, j in rows for p, n in ((a, i), (b, j))]
    names = [f"{n:06d}" for n in range(2 * len(rows))]
    save(tmp_path / "B", names, np.array(embeddings.vectors[places]), embeddings.meta)
    one = verify("lfw", pairs, embeddings)
    other = verify("calfw", tmp_path / "x.bin", load(tmp_path / "B"))
    for key in ("accuracy", "auc", "eer", "tar_at_far", "roc", "histogram", "counts"):
        assert one[key] == other[key]
    assert (one["bootstrap"]["unit"], other["bootstrap"]["unit"]) == ("people", "pairs")
    assert one["pair_scores"]["score"] == other["pair_scores"]["score"]
    assert other["pair_scores"]["people"] is None
    assert any("does not name the people" in note for note in other["notes"])


def test_the_smallest_far_and_intervals_over_people_are_given(setting):
    embeddings, pairs, _ = setting
    result = verify("lfw", pairs, embeddings, fars=["0.1", "1e-3"])
    assert result["smallest_far"] == 1 / 60
    low, high = result["bootstrap"]["accuracy"]["ci95"]
    assert low <= result["accuracy"]["mean"] <= high
    first, second = result["bootstrap"]["tar_at_far"]
    assert first["ci95"][0] <= result["tar_at_far"][0]["tar"] <= first["ci95"][1]
    assert second["ci95"] is None


def test_only_protocols_of_pairs_can_be_verified(setting):
    embeddings, pairs, _ = setting
    with pytest.raises(ValueError, match="unknown protocol of pairs 'rfw'"):
        verify("rfw", pairs, embeddings)
