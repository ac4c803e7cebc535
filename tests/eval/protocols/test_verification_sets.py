"""CALFW, CPLFW, CFP, AgeDB-30, plain lists and .bin files, in their published layouts."""

import re
from itertools import combinations

import numpy as np
import pytest
from scipy.io import savemat

from data_prep.sources.verification_bin import write_bin
from eval.protocols import PROTOCOLS, agedb, calfw, cfp, listed
from eval.protocols.pair_protocol import PairProtocol
from eval.protocols.pairs import sha256_of
from tests.conftest import real
from tests.eval import fakes


def written(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    return path


def calfw_lines(each=2, end="\n", token=lambda fold: fold + 1):
    """Genuine pairs of ten folds, then impostors; person and image say fold and place."""
    lines = []
    for kind in "gi":
        for fold in range(10):
            for n in range(each):
                number = token(fold) if kind == "g" else 0
                other = f"{kind}{fold}-{n}" if kind == "g" else f"x{fold}-{n}"
                lines += [f"{kind}{fold}-{n}_0001.jpg {number}", f"{other}_0002.jpg {number}"]
    return lines


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("token", [lambda fold: fold + 1, lambda fold: 1])
def test_calfw_folds_take_their_share_of_both_halves_of_the_list(tmp_path, end, token):
    text = end.join(calfw_lines(token=token))
    found = calfw.parse(written(tmp_path / "p.txt", text))
    assert found.a[:4] == ["g0-0_0001.jpg", "g0-1_0001.jpg", "i0-0_0001.jpg", "i0-1_0001.jpg"]
    assert found.lines[:4] == [1, 3, 41, 43]
    assert found.same.tolist() == [True, True, False, False] * 10
    assert all(name[1] == str(fold) for name, fold in zip(found.a, found.fold))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x[:-1], r", line 79: the last image has no partner"),
        (lambda x: x[:-4], r": 20 genuine and 18 impostor pairs do not make 10 folds"),
        (lambda x: x[:-4] + x[:4], r", line 79: a genuine pair after the first impostor \(line 41"),
        (lambda x: ["no_number.jpg", *x[1:]], r', line 1: expected "file.jpg number"'),
        (
            lambda x: [x[0], x[1][:-1] + "0", *x[2:]],
            r", lines 1 and 2: .* have the numbers 1 and 0",
        ),
        (lambda x: [x[0], x[0], *x[2:]], r", lines 1 and 2: a pair of an image with itself"),
    ],
)
def test_calfw_refuses_a_bad_list_and_says_where(tmp_path, change, message):
    with pytest.raises(ValueError, match=r"p\.txt" + message):
        calfw.parse(written(tmp_path / "p.txt", "\n".join(change(calfw_lines()))))


def test_the_real_cplfw_list_has_lfws_people_fold_by_fold():
    """Which is what shows that folds are to be cut from both halves of the list."""
    protocol = PROTOCOLS["cplfw"]
    found = protocol.parse(real("lists/cplfw_pairs.txt"))
    assert (len(found.a), found.same.sum()) == (6000, 3000)
    first, second = protocol.people("cplfw_pairs.txt", found)
    official = PROTOCOLS["lfw"].parse(real("lists/lfw_pairs.txt"))
    lfw_people = [
        {name.split("/")[0] for side in (official.a, official.b) for name in np.array(side)[rows]}
        for rows in (official.fold == fold for fold in range(10))
    ]
    people = [
        {side[row] for side in (first, second) for row in np.flatnonzero(found.fold == fold)}
        for fold in range(10)
    ]
    assert all(not a & b for a, b in combinations(people, 2))
    assert all(a <= b for a, b in zip(people, lfw_people))


@pytest.fixture
def cfp_folder(tmp_path):
    """20 people with 2 frontal and 1 profile images; a fold has people 2f and 2f + 1."""
    frontal = [f"../Data/Images/{p:03d}/frontal/{i:02d}.jpg" for p in range(20) for i in (1, 2)]
    profile = [f"../Data/Images/{p:03d}/profile/01.jpg" for p in range(20)]
    for kind, names in (("F", frontal), ("P", profile)):
        lines = "".join(f"{n} {name}\r\n" for n, name in enumerate(names, start=1))
        written(tmp_path / f"Protocol/Pair_list_{kind}.txt", lines)
    for fold in range(10):
        p = 2 * fold
        a, b = 2 * p + 1, 2 * p + 3  # the first frontal image of each
        parts = {
            "FP": ([(a, p + 1), (b, p + 2)], [(a, p + 2), (b, p + 1)]),
            "FF": ([(a, a + 1)], [(a, b)]),
        }
        for part, kinds in parts.items():
            for file, rows in zip(("same.txt", "diff.txt"), kinds):
                text = "".join(f"{i},{j}\n" for i, j in rows)
                written(tmp_path / f"Protocol/Split/{part}/{fold + 1:02d}/{file}", text)
    return tmp_path / "Protocol"


def test_cfp_numbers_frontal_and_profile_images_from_one(cfp_folder):
    found = PROTOCOLS["cfp_fp"].parse(cfp_folder)
    assert (found.a[0], found.b[0]) == ("000/frontal/01.jpg", "000/profile/01.jpg")
    assert (found.a[-1], found.b[-1]) == ("019/frontal/01.jpg", "018/profile/01.jpg")
    assert found.same.tolist() == [True, True, False, False] * 10
    assert found.lines[:4] == [1, 2, 1, 2]
    found = PROTOCOLS["cfp_ff"].parse(cfp_folder)
    assert (found.a[0], found.b[0]) == ("000/frontal/01.jpg", "000/frontal/02.jpg")
    assert PROTOCOLS["cfp_ff"].people(cfp_folder, found)[1][:2] == ["000", "001"]


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("Split/FP/03/same.txt", "1,99\n2,2\n", r"same\.txt, line 1: no image has the number 99"),
        ("Split/FP/03/same.txt", "1;2\n", r'line 1: expected "i,j", found \'1;2\''),
        ("Split/FP/03/same.txt", "1,1\n", r"39 pairs do not make 10 equal folds"),
        ("Pair_list_P.txt", "one a.jpg\n", r'Pair_list_P\.txt, line 1: expected "number path"'),
        ("Pair_list_P.txt", "1 a.jpg\n1 b.jpg\n", r"line 2: the number 1 comes twice"),
    ],
)
def test_cfp_refuses_a_bad_file_and_names_it(cfp_folder, file, text, message):
    before = sha256_of(cfp_folder)
    written(cfp_folder / file, text)
    assert sha256_of(cfp_folder) != before
    with pytest.raises(ValueError, match=message):
        cfp.parse(cfp_folder, "FP")


def test_cfp_wants_its_folder(tmp_path):
    with pytest.raises(ValueError, match="expected the folder Protocol"):
        cfp.parse(tmp_path / "Pair_list_F.txt", "FP")


def agedb_mat(path, labels=(1, -1)):
    """MATLAB's nesting: a cell of structs that hold a cell of structs, and labels."""
    splits = np.empty((10, 1), dtype=object)
    for fold in range(10):
        pairs = np.empty((2, 2), dtype=object)
        for row, col in np.ndindex(2, 2):
            same = col == 0 or row == 0
            name = f"P{fold if same else fold + 20}_x_{row}{col}_a_b"
            pairs[row, col] = {"name": name, "age": 30.0}
        splits[fold, 0] = {"pairs": pairs, "labels": np.array([labels], dtype=float)}
    savemat(path, {"splits": splits})
    return path


def test_agedb_is_read_from_its_mat_file(tmp_path):
    found = agedb.parse(agedb_mat(tmp_path / "x.mat"))
    assert (found.a[2], found.b[2]) == ("P1_x_00_a_b.jpg", "P1_x_10_a_b.jpg")
    assert (found.a[3], found.b[3]) == ("P1_x_01_a_b.jpg", "P21_x_11_a_b.jpg")
    assert found.same.tolist() == [True, False] * 10
    assert PROTOCOLS["agedb_30"].people("x.mat", found)[1][2:4] == ["P1", "P21"]


def test_agedb_refuses_another_file(tmp_path):
    empty = tmp_path / "none_of_them.mat"
    savemat(empty, {"splits": np.empty((0, 1), dtype=object)})
    for path, message in (
        (agedb_mat(tmp_path / "labels.mat", labels=(1, 0)), "expected AgeDB's `splits`"),
        (empty, r"expected AgeDB's `splits` .*no splits"),
        (written(tmp_path / "text.mat", "no MATLAB file"), "expected a little-endian MATLAB file"),
        (written(tmp_path / "empty.mat", ""), "expected a little-endian MATLAB file"),
    ):
        with pytest.raises(ValueError, match=rf"{path.name}: {message}"):
            agedb.parse(path)
    with pytest.raises(FileNotFoundError):
        agedb.parse(tmp_path / "none.mat")


def listed_text(rows):
    side = [[f"P{p:02d}/P{p:02d}_{i:04d}.jpg" for p, i in (row[:2], row[2:])] for row in rows]
    return "".join(f"{a} {b}\t{int(r[0] == r[2])}\n" for (a, b), r in zip(side, rows))


def test_plain_lists_are_read_back(tmp_path):
    rows = fakes.pairs()
    path = written(tmp_path / "p.txt", listed_text(rows))
    other = PROTOCOLS["lfw"].parse(written(tmp_path / "lfw.txt", fakes.lfw_text(rows)))
    for found in (listed.parse(path), agedb.parse(path)):
        assert (found.a, found.b) == (other.a, other.b)
        np.testing.assert_array_equal(found.same, other.same)
    for line, message in (("a b", "path1 path2"), ("a b 2", "path1 path2"), ("a a 1", "itself")):
        with pytest.raises(ValueError, match=rf"p\.txt, line 1: .*{message}"):
            listed.parse(written(path, line))


@pytest.mark.parametrize("count", [20, 33])
def test_every_pair_protocol_reads_a_bin_with_kfolds_folds(tmp_path, count):
    from sklearn.model_selection import KFold

    same = [bool(n % 2) for n in range(count)]
    write_bin(tmp_path / "x.bin", [b"jpeg"] * 2 * count, same)
    folds = np.empty(count, int)
    for fold, (_, test) in enumerate(KFold(10).split(np.zeros(count))):
        folds[test] = fold
    for row in PROTOCOLS.values():
        if isinstance(row, PairProtocol):
            found = row.parse(tmp_path / "x.bin")
            assert (found.a[1], found.b[1]) == ("000002", "000003")
            assert found.same.tolist() == same
            np.testing.assert_array_equal(found.fold, folds)
            assert row.people(tmp_path / "x.bin", found) is None


def test_a_bin_of_too_few_pairs_is_refused(tmp_path):
    write_bin(tmp_path / "x.bin", [b"jpeg"] * 18, [True] * 9)
    with pytest.raises(ValueError, match=r"x\.bin: 9 pairs, expected 10 or more"):
        PROTOCOLS["lfw"].parse(tmp_path / "x.bin")


def test_people_are_known_only_where_names_and_labels_agree(tmp_path):
    rows = fakes.pairs()
    path = written(tmp_path / "p.txt", listed_text(rows))
    protocol = PROTOCOLS["pairs"]
    first, _ = protocol.people(path, protocol.parse(path))
    assert first == [f"P{a:02d}" for a, *_ in rows]
    flat = written(path, re.sub(r"P\d\d/", "", listed_text(rows)))
    assert protocol.people(path, protocol.parse(flat)) is None
