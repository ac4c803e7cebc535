"""MegaFace against an oracle that looks at every pair, apart from the engine, in float64."""

import json
import math
from fractions import Fraction

import numpy as np
import pytest

from eval.__main__ import main
from eval.embeddings import save
from eval.features.tree import write_tree
from eval.protocols.noise import TREATMENTS, facescrub_key, megaface_key, noisy, replacements
from tests.conftest import command, done, real

EACH = (5, 4, 3, 2, 1, 3)  # probes a person; one has one, the last has noisy ones only
DISTRACTORS = 60
NOISY_PROBES = (2, 4, 6, 15, 16, 17)
NOISY_DISTRACTORS = (0, 4, 33, 34)
SIZES = (1, 10, 60)
FARS = ("3e-2", "1e-1", "6e-1", "1e-9")


def probe_names():
    people = [f"A. B_{p}" for p in range(len(EACH))]
    return [f"{who}/{who}_{i}.jpg" for who, m in zip(people, EACH) for i in range(m)]


def distractor_names():
    return [f"{n % 3}/{n % 7}@N0/{n}_0.jpg" for n in range(DISTRACTORS)]


@pytest.fixture
def sets(tmp_path):
    """Embeddings, lists and noise lists; among distractors are copies of probes and of others."""
    random = np.random.default_rng(5)
    person = np.repeat(np.arange(len(EACH)), EACH)
    centre = random.standard_normal((len(EACH), 8))
    probes = centre[person] + 0.5 * random.standard_normal((len(person), 8))
    distractors = random.standard_normal((DISTRACTORS, 8))
    probes[3] = probes[1]
    probes[13] -= 2 * probes[12]  # a mate of negative score
    distractors[7], distractors[8], distractors[20:23] = probes[0], probes[1], probes[9]
    distractors[41] = distractors[40] = 2 * probes[5]
    distractors[34] = 4 * probes[4]
    probes, distractors = probes.astype(np.float32), distractors.astype(np.float32)
    save(tmp_path / "P", probe_names(), probes, {"model": {"path": "m"}, "fusion": "flip-sum"})
    order = random.permutation(DISTRACTORS)
    names = distractor_names()
    save(tmp_path / "D", [names[n] for n in order], distractors[order], {})
    (tmp_path / "d.json").write_text(json.dumps({"path": names, "id": names}))
    (tmp_path / "pn.txt").write_text(
        "# noise\n"
        + "".join(f"{probe_names()[n].split('/')[1][:-4]}.png\n" for n in NOISY_PROBES)
        + "Nobody_7.png\n"
    )
    (tmp_path / "dn.txt").write_text("".join(f"{names[n]}\tx\n" for n in NOISY_DISTRACTORS))
    return tmp_path, person, probes.astype(float), distractors.astype(float)


def judge(folder, *more, name="r.json"):
    words = ["run", "--protocol", "megaface", "--probes", folder / "P", "--distractors"]
    words += [folder / "D", "--distractor-list", folder / "d.json", "--device", "cpu"]
    words += ["--sizes", *SIZES[:-1], "--far", *FARS, "--rank", 1, 3]
    main([str(word) for word in [*words, "--out", folder / name, *more]])
    return json.loads((folder / name).read_text())


def cosine(a, b):
    """Rounded, so that equal pairs are equal whatever the order of the sum."""
    lengths = math.sqrt(sum(x * x for x in a)) * math.sqrt(sum(x * x for x in b))
    return round(sum(x * y for x, y in zip(a, b)) / lengths, 12) + 0.0 if lengths else 0.0


def oracle(person, probes, distractors, keep, kept):
    """Ahead and equal a trial and size; genuine scores; impostor scores. All by loops."""
    trials = [
        (p, g)
        for p in range(len(probes))
        for g in range(len(probes))
        if p != g and person[p] == person[g] and keep[p] and keep[g]
    ]
    table = [[cosine(p, d) for d in distractors] for p in probes]
    found = {}
    for size in SIZES:
        rows = []
        for p, g in trials:
            mate = cosine(probes[p], probes[g])
            others = [table[p][d] for d in range(size) if kept[d]]
            rows.append((sum(o > mate for o in others), sum(o == mate for o in others)))
        found[size] = rows
    genuine = [cosine(probes[p], probes[g]) for p, g in trials if p < g]
    impostor = [
        table[p][d]
        for p in range(len(probes))
        if keep[p]
        for d in range(len(distractors))
        if kept[d]
    ]
    return found, genuine, impostor


def check(result, ahead, genuine, impostor, never=0):
    """`never`: impostor pairs that are counted but cannot be accepted."""
    for row in result["identification"]:
        rows = ahead[row["distractors"]]
        assert row["trials"] == len(rows)
        assert row["ties"] == sum(e > 0 for _, e in rows)
        for k, strict, favourable in zip(row["rank"], row["recall"], row["recall_favourable"]):
            assert strict == sum(a + e < k for a, e in rows) / len(rows)
            assert favourable == sum(a < k for a, _ in rows) / len(rows)
        assert row["rank1"] == row["recall"][0]
        assert row["ci95"][0] <= row["rank1"] <= row["ci95"][1]
    last = ahead[SIZES[-1]]
    assert result["rank1"] == sum(a + e == 0 for a, e in last) / len(last)
    for k, recall in zip(result["cmc"]["rank"], result["cmc"]["recall"], strict=True):
        assert recall == sum(a + e < k for a, e in last) / len(last)
    assert result["cmc"]["recall"][-1] == 1
    assert result["counts"]["trials"] == len(last)
    count = len(impostor) + never
    assert (result["counts"]["genuine"], result["counts"]["impostor"]) == (len(genuine), count)
    falling = sorted(impostor, reverse=True) + [-2] * never
    for row, far in zip(result["tar_at_far"], FARS):
        k = math.floor(Fraction(far) * count)
        assert (row["k"], row["resolvable"]) == (k, k > 0)
        if k:
            accepted = sum(g > falling[k] for g in genuine)
            assert row["true_accepts"] == accepted and row["tar"] == accepted / len(genuine)
            assert row["false_accepts"] == sum(i > falling[k] for i in impostor) <= k
            assert row["threshold"] == pytest.approx(falling[k], abs=1e-7)
        else:
            assert row["tar"] is row["threshold"] is None
    for far, tar, threshold in zip(*(result["roc"][key] for key in ("far", "tar", "threshold"))):
        for rate, scores, of in ((far, impostor, count), (tar, genuine, len(genuine))):
            least, most = (sum(x > threshold + e for x in scores) / of for e in (1e-7, -1e-7))
            assert least <= rate <= most


def test_raw_figures_are_counts_of_every_pair(sets, capsys):
    folder, person, probes, distractors = sets
    result = judge(folder, "--cmc-json", folder / "cmc.json")
    every = [True] * len(probes), [True] * DISTRACTORS
    check(result, *oracle(person, probes, distractors, *every))
    assert result["counts"]["trials"] == sum(m * (m - 1) for m in EACH)
    assert result["identification"][-1]["ties"] > 0
    assert 0 < result["rank1"] < result["identification"][-1]["rank1_favourable"]
    assert (result["title"], result["dropped"]) == ("MegaFace challenge 1, raw", None)
    assert result["data"]["noise"] is None
    assert result["model"] == {"path": "m"}
    devkit = json.loads((folder / "cmc.json").read_text())
    assert devkit["cmc"][0][:3] == [0, 1, 2]
    assert devkit["cmc"][1][0] == result["rank1"]
    assert devkit["roc"] == [result["roc"]["far"], result["roc"]["tar"]]
    said = capsys.readouterr().out
    assert "1e-09  not resolvable with 1,080 impostors" in said
    assert "60 distractors  rank 1" in said


def refined(person, probes, jitter):
    """Probes with centres in place of noisy ones; people without a clean probe are gone."""
    noise = np.isin(np.arange(len(probes)), NOISY_PROBES)
    unit = probes / np.linalg.norm(probes, axis=1, keepdims=True)
    made = probes.copy()
    random = np.random.default_rng(0)
    for place in np.flatnonzero(noise):
        made[place] = unit[(person == person[place]) & ~noise].sum(axis=0)
        made[place] += random.uniform(-jitter, jitter, 8) if jitter else 0
    there = person != person.max()
    return person[there], made[there], noise[there]


@pytest.mark.parametrize("how", TREATMENTS)
def test_refined_figures_follow_each_treatment(sets, how, capsys):
    folder, person, probes, distractors = sets
    noises = "--probe-noises", folder / "pn.txt", "--distractor-noises", folder / "dn.txt"
    result = judge(folder, *noises, "--noise", how)
    person, probes, noise = refined(person, probes, 1e-3 if how == "insightface" else 0)
    kept = ~np.isin(np.arange(DISTRACTORS), NOISY_DISTRACTORS)
    every, never = np.ones(len(probes), dtype=bool), 0
    if how == "facex":
        distractors[~kept] = 0
        kept[:] = True
    elif how == "insightface":
        never = len(probes) * len(NOISY_DISTRACTORS)
    check(result, *oracle(person, probes, distractors, every, kept), never)
    assert result["title"] == f"MegaFace challenge 1, refined as {how} (probes and distractors)"
    assert (result["counts"]["noisy_probes"], result["counts"]["noisy_distractors"]) == (3, 4)
    assert any(note.startswith("3 noisy probes are of people without") for note in result["notes"])
    assert any("Do not compare with raw" in note for note in result["notes"])
    if how == "ours":
        check(result["dropped"], *oracle(person, probes, distractors, ~noise, kept))
        assert "without noisy probes: 12 probes" in capsys.readouterr().out
    else:
        assert result["dropped"] is None


def test_one_noise_list_alone_says_so(sets):
    folder, person, probes, distractors = sets
    result = judge(folder, "--distractor-noises", folder / "dn.txt")
    kept = ~np.isin(np.arange(DISTRACTORS), NOISY_DISTRACTORS)
    check(result, *oracle(person, probes, distractors, [True] * len(probes), kept))
    assert result["title"].endswith("refined as ours (distractors)")


def test_lists_a_size_are_judged_each_by_itself(sets):
    folder, _, _, _ = sets
    names = distractor_names()
    for size, some in ((10, names[30:40]), (25, names[:25])):
        (folder / f"list_{size}").write_text("".join(f"{name}\n" for name in some))
    words = ["run", "--protocol", "megaface", "--probes", folder / "P", "--distractors"]
    words += [folder / "D", "--device", "cpu", "--out", folder / "r.json", "--distractor-list"]
    rows = {}
    for lists in (["list_25", "list_10"], ["list_25"], ["list_10"]):
        main([str(word) for word in [*words, *(folder / name for name in lists)]])
        rows[tuple(lists)] = json.loads((folder / "r.json").read_text())["identification"]
    both, large, small = rows.values()
    assert both == [small[-1], large[-1]]
    with pytest.raises(ValueError, match="--sizes: several lists"):
        main([str(w) for w in [*words, folder / "list_25", folder / "d.json", "--sizes", 5]])


def test_feature_trees_give_the_same_figures(sets):
    folder, _, probes, distractors = sets
    plain = judge(folder)
    write_tree(folder / "pt", probe_names(), probes.astype(np.float32), "algo")
    write_tree(folder / "dt", distractor_names(), distractors.astype(np.float32), "algo")
    people = [name.split("/")[0] for name in probe_names()]
    (folder / "p.json").write_text(json.dumps({"path": probe_names(), "id": people}))
    trees = "--probes", folder / "pt", "--distractors", folder / "dt", "--algorithm", "algo"
    from_tree = judge(folder, *trees, "--probe-list", folder / "p.json")
    differ = {"data", "command", "model"}
    assert {k: v for k, v in plain.items() if k not in differ} == {
        k: v for k, v in from_tree.items() if k not in differ
    }
    assert from_tree["data"]["embeddings"]["list"]["images"] == len(probes)
    (folder / "pt" / f"{probe_names()[4]}_algo.bin").unlink()
    with pytest.raises(FileNotFoundError, match=r"p\.json, line 5: .* has no feature file"):
        judge(folder, *trees, "--probe-list", folder / "p.json")
    with pytest.raises(ValueError, match="needs its list and --algorithm"):
        judge(folder, "--probes", folder / "pt")


def test_two_ranks_write_the_same_bytes(sets):
    folder, _, _, _ = sets
    noises = "--probe-noises", folder / "pn.txt", "--distractor-noises", folder / "dn.txt"
    judge(folder, *noises, "--cmc-json", folder / "cmc1.json")
    words = ["run", "--protocol", "megaface", "--probes", folder / "P", "--distractors"]
    words += [folder / "D", "--distractor-list", folder / "d.json", "--device", "cpu"]
    words += ["--sizes", *SIZES[:-1], "--far", *FARS, "--rank", 1, 3]
    words += ["--out", folder / "r2.json", *noises, "--cmc-json", folder / "cmc2.json"]
    done(command("eval", *words, ranks=2))
    one, two = (json.loads((folder / name).read_text()) for name in ("r.json", "r2.json"))
    assert one.pop("command") != two.pop("command")
    assert json.dumps(one) == json.dumps(two)
    assert (folder / "cmc1.json").read_bytes() == (folder / "cmc2.json").read_bytes()


@pytest.mark.parametrize(
    ("file", "text", "option", "message"),
    [
        ("l", "A. B_0/A. B_0_0.jpg\nA. B_0/A. B_0_9.jpg\n", "--probe-list", "l, line 2: image"),
        ("l", "# one\nx/1/2.jpg\n", "--distractor-list", "l, line 2: image 'x/1/2.jpg' is not"),
        ("l", '{"path": ["0/0@N0/0_0.jpg", "n"]}', "--distractor-list", "l, line 2: image 'n'"),
        ("l", '{"path": "x"}', "--distractor-list", 'expected "path", a list'),
        ("l", '{"path": ["a"], "id": [1, 2]}', "--probe-list", '1 entries in "id", found 2'),
        ("l", "a\nb\na\n", "--probe-list", "line 3: 'a' is on line 1 already"),
        ("l", "\n#\n", "--probe-list", "names no image"),
        ("l", "A. B_0/A. B_0_0.jpg\nA. B_1/A. B_1_0.jpg\n", "--probe-list", "no person has two"),
        ("l", "Nobody_1.png\n", "--probe-noises", "names none of the 18 probes"),
        ("l", "a/b/c.jpg\n", "--distractor-noises", "names none of the 60 distractors"),
        ("l", "".join(f"{n}\n" for n in probe_names()), "--probe-noises", "names all probes"),
        ("l", "".join(f"{n}\n" for n in distractor_names()), "--distractor-noises", "names all"),
    ],
)
def test_bad_lists_are_refused_and_named(sets, file, text, option, message):
    (sets[0] / file).write_text(text)
    with pytest.raises(ValueError, match=message):
        judge(sets[0], option, sets[0] / file)
    assert not (sets[0] / "r.json").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--sizes", 61), "--sizes 61: there are 60"),
        (("--rank", 0), "--rank 0: expected 1 or more"),
        (("--far", "2"), "--far 2: expected more than 0"),
        (("--noise", "facex"), "--noise: goes with --probe-noises"),
        (("--seed", 1), "--seed: goes with --probe-noises"),
    ],
)
def test_numbers_out_of_range_are_refused(sets, words, message):
    with pytest.raises(ValueError, match=message):
        judge(sets[0], *words)


def test_a_seed_below_zero_and_another_models_distractors_are_refused(sets):
    folder = sets[0]
    with pytest.raises(ValueError, match="--seed -1: expected 0 or more"):
        judge(folder, "--probe-noises", folder / "pn.txt", "--seed", -1)
    note = json.loads((folder / "D.json").read_text())
    (folder / "D.json").write_text(json.dumps({**note, "fusion": "none"}))
    with pytest.raises(ValueError, match=r"D: expected the fusion flip-sum like .*found none"):
        judge(folder)
    with pytest.raises(IsADirectoryError, match=r"--cmc-json .* is a folder"):
        judge(folder, "--cmc-json", folder)
    with pytest.raises(ValueError, match=r"r\.json: is --out too; choose another name"):
        judge(folder, "--cmc-json", folder / "r.json")
    assert not (folder / "r.json").exists()


@pytest.mark.parametrize(
    ("name", "what"),
    [("d.json", "read as --distractor-list"), ("P.json", "the description of the embeddings")],
)
def test_the_devkits_file_does_not_go_over_an_input(sets, name, what):
    before = (sets[0] / name).read_bytes()
    with pytest.raises(ValueError, match=f"is {what}.*; choose another name"):
        judge(sets[0], "--cmc-json", sets[0] / name)
    assert (sets[0] / name).read_bytes() == before


def test_a_row_that_is_no_embedding_is_named(sets):
    folder, _, probes, _ = sets
    probes[2] = 0
    save(folder / "P", probe_names(), probes.astype(np.float32), {})
    with pytest.raises(ValueError, match=r"row 2 .*A\. B_0_2.*all zeros"):
        judge(folder)


def test_a_stand_in_is_the_sum_of_clean_unit_embeddings_with_seeded_jitter():
    unit = np.eye(3)[[0, 1, 2, 2]]
    person, noise = np.array([0, 0, 0, 0]), np.array([False, False, True, True])
    plain = replacements(unit, person, noise, 0.0, 0)
    np.testing.assert_allclose(plain, [[0.5**0.5, 0.5**0.5, 0]] * 2, atol=1e-7)
    shaken = replacements(unit, person, noise, 1e-3, 7)
    drawn = np.random.default_rng(7).uniform(-1e-3, 1e-3, (2, 3)) + np.array([1, 1, 0])
    np.testing.assert_allclose(
        shaken, drawn / np.linalg.norm(drawn, axis=1, keepdims=True), atol=1e-7
    )
    with pytest.raises(ValueError, match="cancel out"):
        replacements(np.array([[1.0], [-1.0], [1.0]]), person[:3], noise[:3], 0.0, 0)


def test_names_fit_by_what_they_share():
    assert facescrub_key("J.K._Simmons/J.K._Simmons_24790.jpg 7.png") == "J.K._Simmons_24790"
    assert facescrub_key("Robert_Downey_Jr._49395.png") == "Robert_Downey_Jr._49395"
    assert megaface_key("x/375/37531198@N00/4174611825_0.jpg") == "375/37531198@N00/4174611825_0"


def test_the_real_lists_name_24_probes():
    probes = real("lists/facescrub_probes.txt").read_text().splitlines()
    found = noisy(real("lists/facescrub_noises.txt"), probes, facescrub_key, "probes")
    assert (len(probes), found.sum()) == (3530, 24)
    people, counts = np.unique([name.split("/")[0] for name in probes], return_counts=True)
    assert len(people) == 80
    assert sum(m * (m - 1) for m in counts) == 153_634
    listed = [
        line
        for line in real("lists/megaface_noises.txt").read_text().splitlines()
        if not line.startswith("#")
    ]
    named = noisy(real("lists/megaface_noises.txt"), [*listed, "a/b/c.jpg"], megaface_key, "d")
    assert list(named) == [True] * len(listed) + [False]
    assert len({megaface_key(name) for name in listed}) == 707  # twelve come twice
