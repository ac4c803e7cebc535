import numpy as np
import pytest

from data_prep.files import sha256_file
from eval.protocols import PROTOCOLS, lfw, sllfw
from tests.conftest import real
from tests.eval import fakes


def write(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "pairs.txt"
    path.write_bytes(text.encode(encoding))
    return path


def expected(rows):
    return [
        (f"P{a:02d}/P{a:02d}_{i:04d}.jpg", f"P{b:02d}/P{b:02d}_{j:04d}.jpg", a == b)
        for a, i, b, j in rows
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("parse", "text", "first_line", "step"),
    [
        (lfw.parse, fakes.lfw_text, 2, 1),
        (lfw.parse, lambda rows: fakes.lfw_text(rows, header=False), 1, 1),
        (sllfw.parse, fakes.sllfw_text, 1, 2),
    ],
)
def test_lists_are_read_back(tmp_path, parse, text, first_line, step, end):
    rows = fakes.pairs()
    found = parse(write(tmp_path, text(rows).replace("\n", end) + end, "utf-8-sig"))
    assert list(zip(found.a, found.b, found.same.tolist())) == expected(rows)
    assert found.lines == [first_line + step * n for n in range(len(rows))]
    np.testing.assert_array_equal(found.fold, np.repeat(range(10), 12))


@pytest.mark.parametrize(
    ("line", "new", "message"),
    [
        (1, "10\t7", r"line 1: promises 10 folds of 7 \+ 7 pairs, that is 140 lines, but 120"),
        (1, "120", r"line 1: a list of one fold"),
        (1, "ten\tsix", r'line 1: expected "folds pairs" .* found "ten six"'),
        (5, "P01\t1", r"line 5: expected \"name i j\""),
        (5, "P01\tone\ttwo", r"line 5: expected \"name i j\""),
        (5, "P01 1 P02 2 P03", r"line 5: expected \"name i j\""),
        (5, "P01\t-1\t2", r"line 5: expected \"name i j\""),
        (5, "P01\t3\t3", r"line 5: a pair of an image with itself"),
        (9, "P01\t1\tP01\t2", r"line 9: 'P01' is on both sides of an impostor pair"),
        (5, "", r"line 5: blank"),
        (2, "P01\t1\tP02\t2", r"lines 2 to 13: fold 1 of 10 has 5 genuine and 7 impostor pairs"),
    ],
)
def test_lfw_refuses_a_bad_line_and_names_it(tmp_path, line, new, message):
    lines = fakes.lfw_text(fakes.pairs()).splitlines()
    lines[line - 1] = new
    with pytest.raises(ValueError, match=r"pairs\.txt, " + message):
        lfw.parse(write(tmp_path, "\n".join(lines)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x[:-1], r", line 239: the last image has no partner"),
        (lambda x: x[:-2], r": 119 pairs do not make 10 equal folds"),
        (lambda x: x[:120], r", lines 1 to 11: fold 1 of 10 has 6 genuine and 0 impostor"),
        (lambda x: [*x[:6], "Nameless_0001.jpg", *x[7:]], r', line 7: expected "Name/Name_0001'),
        (lambda x: [*x[:6], x[7], *x[7:]], r", lines 7 and 8: a pair of an image with itself"),
        (lambda x: [x[12], *x[1:]], r", lines 1 to 23: fold 1 of 10 has 5 genuine and 7 impostor"),
    ],
)
def test_sllfw_refuses_a_bad_list_and_says_where(tmp_path, change, message):
    lines = change(fakes.sllfw_text(fakes.pairs()).splitlines())
    with pytest.raises(ValueError, match=r"pairs\.txt" + message):
        sllfw.parse(write(tmp_path, "\n".join(lines)))


@pytest.mark.parametrize("name", ["lfw", "sllfw", "calfw", "cplfw", "agedb_30", "pairs"])
def test_every_parser_refuses_what_is_no_text(tmp_path, name):
    with pytest.raises(ValueError, match=r"pairs\.txt: expected a list in UTF-8, byte 2"):
        PROTOCOLS[name].parse(write(tmp_path, "10é", "latin-1"))
    with pytest.raises(ValueError, match=r"pairs\.txt: empty"):
        PROTOCOLS[name].parse(write(tmp_path, "\n\n"))
    with pytest.raises(FileNotFoundError):
        PROTOCOLS[name].parse(tmp_path / "missing.txt")


def test_the_official_lfw_list():
    path = real("lists/lfw_pairs.txt")
    assert sha256_file(path) == PROTOCOLS["lfw"].official_sha256
    found = lfw.parse(path)
    assert len(found.a) == 6000
    assert (found.a[0], found.b[0]) == (
        "Abel_Pacheco/Abel_Pacheco_0001.jpg",
        "Abel_Pacheco/Abel_Pacheco_0004.jpg",
    )
    assert (found.lines[-1], found.same[-1], found.fold[-1]) == (6001, False, 9)
    assert len({*found.a, *found.b}) == 7701


def test_a_list_in_sllfws_layout_keeps_lfws_genuine_pairs_fold_by_fold():
    found = sllfw.parse(real("lists/pair_similar_LFW.txt"))
    official = lfw.parse(real("lists/lfw_pairs.txt"))

    def genuine(pairs):
        return {(a, b, f) for a, b, s, f in zip(pairs.a, pairs.b, pairs.same, pairs.fold) if s}

    assert genuine(found) == genuine(official)
    assert found.same.sum() == 3000
