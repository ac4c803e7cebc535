"""IJB against loops over templates and pairs, apart from the engine, in float64."""

import json
import math
from fractions import Fraction

import numpy as np
import pytest

from eval.__main__ import main
from eval.embeddings import load, save
from eval.protocols.ijb_templates import open_templates
from tests.conftest import command, done

SUBJECTS = 20
DIM = 6


@pytest.fixture
def meta(tmp_path):
    """20 subjects: a gallery template each (10 in G1, 10 in G2), 1 to 3 probe templates, all of
    images and videos; some templates repeat others' images.
    """
    random = np.random.default_rng(4)
    centre = random.standard_normal((SUBJECTS, DIM))
    lines, rows, scores, subject_of = [], [], [], {}

    def template(number, subject, medias):
        subject_of[number] = subject
        for media, frames in enumerate(medias):
            for _ in range(frames):
                name = f"{len(rows) + 1}.jpg"
                lines.append(f"{name} {number} {number * 100 + media}")
                rows.append(centre[subject] + 0.8 * random.standard_normal(DIM))
                points = " ".join(f"{x:.3f}" for x in random.uniform(0, 112, 10))
                scores.append(f"{name} {points} {random.uniform(0.3, 1):.3f}")

    gallery = {side: [] for side in "12"}
    probes = []
    for subject in range(SUBJECTS):
        number = 1000 - 7 * subject
        template(number, subject, random.integers(1, 4, random.integers(1, 4)))
        gallery["12"[subject % 2]].append(number)
        for extra in range(1, 1 + random.integers(1, 4)):
            template(number + extra, subject, random.integers(1, 3, random.integers(1, 3)))
            probes.append(number + extra)
    template(3, 4, [1])
    rows[-1] = rows[0]  # another subject's image
    subject_of[3] = 0
    probes.append(3)
    mixed = random.permutation(len(lines))
    names = [line.split()[0] for line in lines]
    vectors = np.array(rows, dtype=np.float32) * random.uniform(5, 30, (len(rows), 1))
    about = {"model": {"path": "m"}, "fusion": "flip-sum"}
    save(tmp_path / "X", names, vectors.astype(np.float32), about)
    (tmp_path / "tid.txt").write_text("".join(f"{lines[n]}\n" for n in mixed))
    (tmp_path / "pts.txt").write_text("".join(f"{line}\n" for line in scores))
    for name, some in (("G1", gallery["1"]), ("G2", gallery["2"]), ("P", probes)):
        table = "".join(f"{t},{subject_of[t]},img/{t}.jpg\n" * 2 for t in some)
        (tmp_path / f"{name}.csv").write_text("TEMPLATE_ID,SUBJECT_ID,FILENAME\n" + table)
    templates = sorted(subject_of)
    pairs = [(a, b) for a in templates for b in templates if a < b]
    (tmp_path / "pairs.txt").write_text(
        "".join(f"{a} {b} {int(subject_of[a] == subject_of[b])}\n" for a, b in pairs)
    )
    return tmp_path, subject_of, gallery, probes


def words(folder, protocol, *more):
    made = ["run", "--protocol", protocol, "--embeddings", folder / "X"]
    made += ["--media", folder / "tid.txt", "--scores", folder / "pts.txt"]
    if protocol == "ijb":
        made += ["--pairs", folder / "pairs.txt", "--far", "1e-1", "1e-2", "3e-3", "1e-6"]
    else:
        made += ["--galleries", folder / "G1.csv", folder / "G2.csv", "--device", "cpu"]
        made += ["--probes", folder / "P.csv", "--fpir", "0.1", "0.25", "0.01", "--rank", 1, 3]
    return [str(word) for word in [*made, "--out", folder / "r.json", *more]]


def judge(folder, protocol, *more):
    main(words(folder, protocol, *more))
    return json.loads((folder / "r.json").read_text())


def pooled(folder, keep_norm=True, detector=True):
    """Each template's embedding, by loops and dictionaries."""
    found = load(folder / "X")
    feature = dict(zip(found.names, found.vectors.astype(np.float64)))
    score = {x.split()[0]: float(x.split()[-1]) for x in (folder / "pts.txt").open()}
    medias = {}
    for line in (folder / "tid.txt").open():
        name, template, media = line.split()
        value = feature[name] if keep_norm else feature[name] / np.linalg.norm(feature[name])
        value = value * (score[name] if detector else 1)
        medias.setdefault(int(template), {}).setdefault(media, []).append(value)
    total = {t: sum(sum(v) / len(v) for v in some.values()) for t, some in medias.items()}
    return {t: v / np.linalg.norm(v) for t, v in total.items()}


def near(value):
    return pytest.approx(value, abs=1e-6)


class Options:
    scores = None
    pooling = "N1D0F1"

    def __init__(self, folder, **more):
        self.media, self.embeddings = str(folder / "tid.txt"), str(folder / "X")
        vars(self).update(more)


@pytest.mark.parametrize(("norm", "detector"), [(1, 1), (1, 0), (0, 1), (0, 0)])
def test_templates_are_pooled_as_the_letters_say(meta, norm, detector):
    folder, _, _, _ = meta
    scores = str(folder / "pts.txt") if detector else None
    found = open_templates(Options(folder, scores=scores, pooling=f"N{norm}D{detector}F1"))
    wanted = pooled(folder, norm, detector)
    assert found.ids.tolist() == sorted(wanted)
    for template, vector in zip(found.ids, found.vectors):
        np.testing.assert_allclose(vector, wanted[template], atol=1e-6)


def test_mirrored_halves_are_added_or_left(meta):
    folder, _, _, _ = meta
    whole = load(folder / "X")
    plain = open_templates(Options(folder)).vectors
    random = np.random.default_rng(0)
    first = random.standard_normal(whole.vectors.shape).astype(np.float32)
    halves = np.hstack([first, whole.vectors - first])
    save(folder / "X", whole.names, halves, {"fusion": "flip-concat"})
    np.testing.assert_allclose(open_templates(Options(folder)).vectors, plain, atol=1e-4)
    left = open_templates(Options(folder, pooling="N1D0F0")).vectors
    save(folder / "X", whole.names, first, {"fusion": "none"})
    np.testing.assert_allclose(
        open_templates(Options(folder, pooling="N1D0F0")).vectors, left, atol=1e-6
    )
    with pytest.raises(ValueError, match=r"fusion 'none', --pooling F1 takes 'flip-sum'"):
        open_templates(Options(folder))


def test_pairs_are_counted_by_both_rules(meta, capsys):
    folder, _, _, _ = meta
    result = judge(folder, "ijb")
    vector = pooled(folder)
    genuine, impostor = [], []
    for line in (folder / "pairs.txt").open():
        a, b, same = map(int, line.split())
        (impostor, genuine)[same].append(round(float(vector[a] @ vector[b]), 7))
    assert result["counts"]["genuine"] == len(genuine)
    assert result["counts"]["impostor"] == len(impostor)
    falling = sorted(impostor, reverse=True)
    for row, far in zip(result["tar_at_far"], ("1e-1", "1e-2", "3e-3", "1e-6"), strict=True):
        k = math.floor(Fraction(far) * len(impostor))
        assert (row["k"], row["resolvable"]) == (k, k > 0)
        if k:
            assert row["true_accepts"] == sum(g > falling[k] for g in genuine)
            assert row["false_accepts"] <= k
            assert row["threshold"] == near(falling[k])
    points = [
        (sum(i > t for i in impostor), sum(g > t for g in genuine))
        for t in sorted({*genuine, *impostor, -2.0})
    ]
    for row, far in zip(result["public_tar_at_far"], ("1e-1", "1e-2", "3e-3")):
        assert row["mode"] == "nearest"
        least = min(abs(fa - Fraction(far) * len(impostor)) for fa, _ in points)
        best = max(ta for fa, ta in points if abs(fa - Fraction(far) * len(impostor)) == least)
        assert row["true_accepts"] == best
    assert not result["tar_at_far"][-1]["resolvable"]
    assert result["title"] == "IJB 1:1, N1D1F1"
    assert 0.5 < result["auc"] < 1
    assert "the public scripts' rule" in capsys.readouterr().out


def ahead_of_mate(scores, mate):
    return sum(score >= scores[mate] for template, score in scores.items() if template != mate)


def test_galleries_are_searched_officially_and_as_the_public_scripts_do(meta, capsys):
    folder, subject, gallery, probes = meta
    result = judge(folder, "ijb_1n")
    vector = pooled(folder)

    def scores(probe, some):
        return {t: float(vector[probe] @ vector[t]) for t in some}

    rank1, tpir = [], {rate: [] for rate in ("0.1", "0.25")}
    for side, found in zip("12", result["galleries"], strict=True):
        some = gallery[side]
        mate_of = {subject[t]: t for t in some}
        mated = [p for p in probes if subject[p] in mate_of]
        others = [p for p in probes if subject[p] not in mate_of]
        assert found["counts"] == {
            "gallery": len(some),
            "mated": len(mated),
            "non_mated": len(others),
        }
        place = {p: ahead_of_mate(scores(p, some), mate_of[subject[p]]) for p in mated}
        for k, recall in zip((1, 3), found["closed_set"]["recall"], strict=True):
            assert recall == pytest.approx(sum(place[p] < k for p in mated) / len(mated))
        rank1.append(found["closed_set"]["recall"][0])
        falling = sorted((max(scores(p, some).values()) for p in others), reverse=True)
        for row, rate in zip(found["tpir_at_fpir"], ("0.1", "0.25")):
            k = math.floor(Fraction(rate) * len(others))
            hits = sum(
                place[p] == 0 and scores(p, some)[mate_of[subject[p]]] > falling[k] for p in mated
            )
            assert (row["k"], row["hits"]) == (k, hits)
            assert row["threshold"] == near(falling[k])
            assert row["false_probes"] == k
            tpir[rate].append(hits / len(mated))
    assert 0 < np.mean(rank1) < 1
    assert result["rank1"] == result["cmc"]["recall"][0] == pytest.approx(np.mean(rank1))
    for row, rate in zip(result["tpir_at_fpir"], ("0.1", "0.25")):
        assert row["tpir"] == pytest.approx(np.mean(tpir[rate]))
    assert result["tpir_at_fpir"][2] == {"fpir": 0.01, "resolvable": False, "tpir": None}
    check_public(result["public"], scores, subject, gallery["1"] + gallery["2"], probes)
    said = capsys.readouterr().out
    assert "TPIR@FPIR=0.01  not resolvable in each gallery" in said
    assert "galleries joined, as the public scripts do" in said


def check_public(public, scores, subject, joined, probes):
    mate_of = {subject[t]: t for t in joined}
    own = [scores(p, joined)[mate_of[subject[p]]] for p in probes]
    impostor = sorted(
        (s for p in probes for t, s in scores(p, joined).items() if t != mate_of[subject[p]]),
        reverse=True,
    )
    place = [ahead_of_mate(scores(p, joined), mate_of[subject[p]]) for p in probes]
    for k, recall in zip((1, 3), public["closed_set"]["recall"], strict=True):
        assert recall == pytest.approx(sum(n < k for n in place) / len(probes))
    for row, rate in zip(public["tpr_at_far"], (0.1, 0.25, 0.01), strict=True):
        threshold = impostor[math.ceil(len(probes) * rate) - 1]
        assert row["threshold"] == near(threshold)
        assert row["hits"] == sum(s > threshold + 1e-6 for s in own)


def test_a_probe_without_mate_has_no_public_figures(meta):
    folder, _, _, _ = meta
    assert judge(folder, "ijb_1n", "--galleries", str(folder / "G1.csv"))["public"] is None


@pytest.mark.parametrize("protocol", ["ijb", "ijb_1n"])
def test_two_ranks_write_the_same_bytes(meta, protocol):
    folder, _, _, _ = meta
    judge(folder, protocol)
    one = (folder / "r.json").read_bytes()
    done(command("eval", *words(folder, protocol), ranks=2))
    assert (folder / "r.json").read_bytes() == one


@pytest.mark.parametrize(
    ("protocol", "option", "text", "message"),
    [
        ("ijb", "--media", "1.jpg 5 m\n2.jpg 5\n", 'x, line 2: expected "image template media"'),
        ("ijb", "--media", "1.jpg five m\n", "x, line 1: expected"),
        ("ijb", "--media", f"1.jpg {1 << 63} m\n", r"x, line 1: expected .* below 2\^63"),
        ("ijb", "--pairs", f"{1 << 63} 993 1\n", r"x: expected .* below 2\^63"),
        ("ijb", "--pairs", "\ufeff1000 993 0\n1\n", "x, line 2: expected"),
        ("ijb", "--pairs", "\ufeff5 993 0\n", "x, line 1: template 5 has no image in"),
        ("ijb_1n", "--probes", f"TEMPLATE_ID,SUBJECT_ID\n1000,{1 << 63}\n", "x, line 2: expected"),
        ("ijb_1n", "--probes", "TEMPLATE_ID,SUBJECT_ID\n" + '"' + "1\n" * 99_999, "not CSV"),
        ("ijb_1n", "--probes", "TEMPLATE_ID,SUBJECT_ID\n1000,\udce9\n", "x: expected CSV in UTF-8"),
        ("ijb", "--media", "1.jpg 5 m\n0.jpg 5 m\n", "x, line 2: image '0.jpg' is not among"),
        ("ijb", "--scores", "1.jpg 1 2 3\n", 'x, line 1: expected "image x1 y1'),
        ("ijb", "--scores", f"1.jpg{' 1' * 10} nan\n", "x, line 1: expected"),
        ("ijb", "--scores", f"1.jpg{' 1' * 11}\n", "x: no score of image"),
        ("ijb", "--pairs", "1000 993 1\n1000 993\n", 'line 2: expected "template template 0|1"'),
        ("ijb", "--pairs", "1000 993 1\n\n1000 x 1\n", "x, line 3: expected"),
        ("ijb", "--pairs", "1000 993 2\n", "x, line 1: expected"),
        ("ijb", "--pairs", "1000 993 1\n\n5 993 0\n", "x, line 3: template 5 has no image in"),
        ("ijb", "--pairs", "1000 993 1\n", "expected pairs of both labels"),
        ("ijb", "--pairs", "", "x: empty"),
        ("ijb_1n", "--probes", "A,B\n1,2\n", "x, line 1: expected columns TEMPLATE_ID"),
        ("ijb_1n", "--probes", "TEMPLATE_ID,SUBJECT_ID\n1000,x\n", "x, line 2: expected numbers"),
        ("ijb_1n", "--probes", "TEMPLATE_ID,SUBJECT_ID\n1000\n", "x, line 2: expected numbers"),
        ("ijb_1n", "--probes", "TEMPLATE_ID,SUBJECT_ID\n", "x: names no template"),
        ("ijb_1n", "--probes", "TEMPLATE_ID,SUBJECT_ID\n4,1\n", "line 2: template 4 has no image"),
        (
            "ijb_1n",
            "--probes",
            "SUBJECT_ID,TEMPLATE_ID\n1,1000\n2,1000\n",
            "x, line 3: template 1000 of subject 2, on line 2 it is of 1",
        ),
        (
            "ijb_1n",
            "--galleries",
            "TEMPLATE_ID,SUBJECT_ID\n1000,1\n993,1\n",
            "x, line 3: subject 1 has a template in line 2 of .*x already",
        ),
        ("ijb_1n", "--galleries", "TEMPLATE_ID,SUBJECT_ID\n1000,77\n", "x: no probe's person"),
    ],
)
def test_bad_lists_are_refused_and_named(meta, protocol, option, text, message):
    folder = meta[0]
    (folder / "x").write_text(text, "utf-8", "surrogateescape")
    with pytest.raises(ValueError, match=message):
        judge(folder, protocol, option, str(folder / "x"))
    assert not (folder / "r.json").exists()


def test_options_and_embeddings_that_do_not_fit_are_refused(meta):
    folder = meta[0]
    with pytest.raises(ValueError, match="--pooling N2D1F1: expected N, D and F"):
        judge(folder, "ijb", "--pooling", "N2D1F1")
    with pytest.raises(ValueError, match="--pooling N1D0F1: expected --scores with D1"):
        judge(folder, "ijb", "--pooling", "N1D0F1")
    with pytest.raises(ValueError, match="--rank 0"):
        judge(folder, "ijb_1n", "--rank", "0")
    found = load(folder / "X")
    vectors = np.array(found.vectors)
    vectors[0] = 0
    save(folder / "X", found.names, vectors, {})
    with pytest.raises(ValueError, match=r"embedding of '1\.jpg' is all zeros"):
        judge(folder, "ijb", "--pooling", "N0D1F1")
    with pytest.raises(ValueError, match="embedding of 'template 5' is all zeros"):
        (folder / "one").write_text("1.jpg 5 m\n")
        judge(folder, "ijb", "--media", str(folder / "one"))
