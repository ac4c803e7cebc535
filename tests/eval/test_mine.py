import json
from itertools import combinations

import numpy as np
import pytest

from data_prep.files import sha256_file
from data_prep.sources.verification_bin import write_bin
from eval.__main__ import main
from eval.embeddings import load, save
from eval.mine import mine
from eval.protocols import PROTOCOLS, listed, sllfw
from eval.protocols.verification import verify
from tests.eval import fakes

LFW = PROTOCOLS["lfw"]


def setting(tmp_path, seed=0, people=40, each=3, folds=10):
    """Ten folds of 4 people; persons 4f and 4f + 1 are doubles, and the list never pairs them."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(people, 16))
    centres[1::4] = centres[::4] + 0.3 * rng.normal(size=(people // 4, 16))
    names = [f"P{p:02d}/P{p:02d}_{i:04d}.jpg" for p in range(people) for i in range(1, each + 1)]
    vectors = np.repeat(centres, each, axis=0) + 0.2 * rng.normal(size=(people * each, 16))
    order = rng.permutation(len(names))
    meta = {"model": {"path": "m"}, "command": "python -m eval extract"}
    save(tmp_path / "X", [names[i] for i in order], vectors[order].astype(np.float32), meta)
    rows = []
    for fold in range(folds):
        p = 4 * fold
        rows += [(p, 1, p, 2), (p + 1, 1, p + 1, 2), (p + 2, 1, p + 3, 1), (p, 1, p + 2, 2)]
    (tmp_path / "pairs.txt").write_text(fakes.lfw_text(rows))
    return tmp_path / "pairs.txt", tmp_path / "X"


def run(tmp_path, *more):
    pairs, prefix = setting(tmp_path)
    out = tmp_path / "similar.txt"
    words = ["mine", "--pairs", str(pairs), "--embeddings", str(prefix), "--out", str(out), *more]
    main(words)
    return pairs, prefix, out


def brute(pairs, embeddings, uses):
    """The rule: fold by fold the sorted list of all pairs of persons, taken greedily."""
    unit = embeddings.vectors.astype(float)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    vector = dict(zip(embeddings.names, unit))
    found = []
    for fold in range(10):
        people = {
            name.split("/")[0]
            for side in (pairs.a, pairs.b)
            for name, f in zip(side, pairs.fold)
            if f == fold
        }
        images = sorted(name for name in vector if name.split("/")[0] in people)
        ranked = sorted(
            (-round(float(vector[a] @ vector[b]), 12), a, b)
            for a, b in combinations(images, 2)
            if a.split("/")[0] != b.split("/")[0]
        )
        used, met, here = dict.fromkeys(images, 0), set(), []
        for _, a, b in ranked:
            persons = frozenset((a.split("/")[0], b.split("/")[0]))
            if len(here) < 2 and max(used[a], used[b]) < uses and persons not in met:
                here.append((a, b))
                met.add(persons)
                used[a] += 1
                used[b] += 1
        found += here
    return found


@pytest.mark.parametrize("uses", [1, 3])
def test_the_list_is_what_the_rule_says(tmp_path, uses):
    pairs, prefix, out = run(tmp_path, "--uses", str(uses))
    before, after = LFW.parse(pairs), sllfw.parse(out)
    same = [(a, b) for a, b, s in zip(after.a, after.b, after.same) if s]
    assert same == [(a, b) for a, b, s in zip(before.a, before.b, before.same) if s]
    mined = [(a, b) for a, b, s in zip(after.a, after.b, after.same) if not s]
    assert mined == brute(before, load(prefix), uses)


def test_planted_doubles_are_found_and_make_the_list_harder(tmp_path):
    pairs, prefix, out = run(tmp_path)
    found = sllfw.parse(out)
    for fold in range(10):
        doubles = {f"P{4 * fold:02d}", f"P{4 * fold + 1:02d}"}
        here = np.flatnonzero((found.fold == fold) & ~found.same)
        assert {found.a[here[0]][:3], found.b[here[0]][:3]} == doubles
    easy = verify("lfw", pairs, load(prefix))
    hard = verify("sllfw", out, load(prefix))
    assert hard["eer"] > easy["eer"] == 0


def test_the_provenance_says_from_what_and_how(tmp_path, capsys):
    pairs, prefix, out = run(tmp_path)
    note = json.loads((tmp_path / "similar.json").read_text())
    assert note["list"]["sha256"] == sha256_file(out)
    assert note["from"]["sha256"] == sha256_file(pairs)
    assert note["embeddings"]["sha256"] == sha256_file(f"{prefix}.npy")
    assert (note["mined"], note["uses"], note["list"]["pairs"]) == (20, 3, 40)
    assert "taken by falling cosine" in note["rule"]
    assert "40 pairs, 20 of them mined" in capsys.readouterr().out


def test_the_order_of_the_embeddings_changes_nothing(tmp_path):
    pairs, prefix = setting(tmp_path)
    embeddings, rows = load(prefix), LFW.parse(pairs)
    turned = type(embeddings)(
        embeddings.names[::-1], embeddings.vectors[::-1], embeddings.meta, "X"
    )
    assert mine(LFW, "p", rows, embeddings) == mine(LFW, "p", rows, turned)


def test_some_impostors_may_stay(tmp_path):
    pairs, prefix = setting(tmp_path)
    embeddings, rows = load(prefix), LFW.parse(pairs)
    mined = mine(LFW, "p", rows, embeddings, replaced=1)
    for fold in range(10):
        here = mined[4 * fold : 4 * fold + 4]
        assert [cosine is None for _, _, cosine in here] == [True, True, False, True]
        assert here[3][:2] == (rows.a[4 * fold + 2], rows.b[4 * fold + 2])


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--uses", "0"], "--uses 0: expected 1 or more"),
        (["--impostors", "3"], "--impostors 3: fold 1 has 2 impostors"),
        (["--impostors", "0"], "expected 1 to 2"),
        (["--protocol", "retrieval"], "unknown protocol of pairs 'retrieval'"),
    ],
)
def test_bad_wishes_are_refused_and_nothing_is_written(tmp_path, more, message):
    with pytest.raises(ValueError, match=message):
        run(tmp_path, *more)
    assert not (tmp_path / "similar.txt").exists()
    assert not (tmp_path / "similar.json").exists()


def test_too_few_people_for_so_many_pairs(tmp_path):
    pairs, prefix = setting(tmp_path)
    rows = LFW.parse(pairs)
    two = load(prefix)
    keep = [i for i, name in enumerate(two.names) if name.endswith(("1.jpg", "2.jpg"))]
    few = type(two)([two.names[i] for i in keep], two.vectors[keep], {}, "X")
    lines = pairs.read_text().splitlines()
    small = [line.replace("P02", "P00").replace("P03", "P01") for line in lines[:5]]
    assert small[3] == "P00\t1\tP01\t1"
    (pairs.parent / "s.txt").write_text("\n".join([*small[:4], "P00\t2\tP01\t1", *lines[5:]]))
    rows = LFW.parse(pairs.parent / "s.txt")
    with pytest.raises(ValueError, match="fold 1 has 4 images of 2 people, enough for 1 pairs"):
        mine(LFW, "s.txt", rows, few)


def test_a_bin_names_nobody_and_nothing_read_is_written_over(tmp_path):
    pairs, prefix = setting(tmp_path)
    write_bin(tmp_path / "x.bin", [b"jpeg"] * 40, [True, False] * 10)
    words = ["mine", "--embeddings", str(prefix), "--pairs"]
    with pytest.raises(ValueError, match="do not say who is on them"):
        main([*words, str(tmp_path / "x.bin"), "--out", str(tmp_path / "o.txt")])
    with pytest.raises(ValueError, match="is read as --pairs; choose another name"):
        main([*words, str(pairs), "--out", str(pairs)])
    with pytest.raises(ValueError, match=r"expected a new LIST\.txt"):
        main([*words, str(pairs), "--out", str(tmp_path / "o.json")])
    with pytest.raises(ValueError, match=r"X\.txt: is the list of the embeddings"):
        main([*words, str(pairs), "--out", f"{prefix}.txt"])


def test_a_list_whose_folders_are_no_people_becomes_one_of_pairs(tmp_path):
    source, prefix = setting(tmp_path)
    whole, rows = load(prefix), LFW.parse(source)
    flat = [name.rpartition("/")[2] for name in whole.names]
    save(prefix, flat, np.array(whole.vectors), whole.meta)
    order = [*np.flatnonzero(rows.same), *np.flatnonzero(~rows.same)]
    names = [name.rpartition("/")[2] for row in order for name in (rows.a[row], rows.b[row])]
    kinds = [digit for row in order for digit in "10"[not rows.same[row]] * 2]
    lines = [f"{name} {kind}\n" for name, kind in zip(names, kinds)]
    (tmp_path / "calfw.txt").write_text("".join(lines))
    out = tmp_path / "similar.txt"
    words = ["--pairs", str(tmp_path / "calfw.txt"), "--embeddings", str(prefix)]
    main(["mine", "--protocol", "calfw", *words, "--out", str(out)])
    assert json.loads((tmp_path / "similar.json").read_text())["list"]["protocol"] == "pairs"
    before, after = PROTOCOLS["calfw"].parse(tmp_path / "calfw.txt"), listed.parse(out)
    assert after.same.tolist() == before.same.tolist()
    assert after.fold.tolist() == before.fold.tolist()
    for a, b, same in zip(after.a, after.b, after.same):
        assert (a[:3] == b[:3]) == same
    assert verify("pairs", out, load(prefix))["counts"]["pairs"] == 40


def test_a_list_of_other_folds_is_refused_before_the_work(tmp_path):
    source, prefix = setting(tmp_path)
    lines = source.read_text().splitlines()
    (tmp_path / "two.txt").write_text("\n".join(["2\t2", *lines[1:9]]))
    words = ["--pairs", str(tmp_path / "two.txt"), "--embeddings", str(prefix)]
    with pytest.raises(ValueError, match=r"two\.txt: has 2 folds; mine from a list of 10"):
        main(["mine", *words, "--out", str(tmp_path / "similar.txt")])
