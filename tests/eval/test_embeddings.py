import json

import numpy as np
import pytest

from data_prep.embeddings import require_one_model
from eval.embeddings import load, save, unit_rows

META = {"model": None}


@pytest.fixture
def prefix(tmp_path):
    vectors = np.arange(12, dtype=np.float32).reshape(4, 3) + 1
    save(tmp_path / "X", ["a/1.png", "a/2.png", "b/1.png", "b/1.jpg"], vectors, META)
    return tmp_path / "X"


def test_what_was_saved_is_loaded_and_stays_on_disk(prefix):
    found = load(prefix)
    assert found.names == ["a/1.png", "a/2.png", "b/1.png", "b/1.jpg"]
    assert isinstance(found.vectors, np.memmap)
    np.testing.assert_array_equal(found.vectors, np.arange(12).reshape(4, 3) + 1)
    assert (found.meta["schema"], found.meta["dim"], found.meta["count"]) == (1, 3, 4)
    assert load(f"{prefix}.npy").prefix == found.prefix
    assert sorted(p.name for p in prefix.parent.iterdir()) == ["X.json", "X.npy", "X.txt"]


def test_rows_match_exactly_first_and_then_without_suffix(prefix):
    rows = load(prefix).rows(["b/1.jpg", "a/2.jpg", "a/1.png", "b/1.png"], "list")
    assert rows.tolist() == [3, 1, 0, 2]


def test_a_missing_image_is_named_with_its_line(prefix):
    with pytest.raises(
        ValueError, match=r"pairs\.txt, line 7: image 'c/1\.jpg' is not among the 4"
    ):
        load(prefix).rows(["a/1.png", "c/1.jpg"], "pairs.txt", [6, 7])
    with pytest.raises(ValueError, match=r"line 1: image 'c' .*nor are 1 others"):
        load(prefix).rows(["c", "d", "c"], "pairs.txt")


def test_a_name_that_fits_two_images_is_refused(prefix):
    with pytest.raises(ValueError, match=r"line 1: 'b/1\.bmp' fits both 'b/1\.png' and 'b/1\.jpg'"):
        load(prefix).rows(["b/1.bmp"], "pairs.txt")


def test_unit_rows_have_length_one_and_zero_is_named():
    rows = unit_rows(np.array([[3, 4], [1e-30, 0]], dtype=np.float32), ["a", "b"], "X")
    np.testing.assert_allclose(rows, [[0.6, 0.8], [1, 0]], rtol=1e-15)
    with pytest.raises(ValueError, match=r"X: the embedding of 'b' is all zeros"):
        unit_rows(np.array([[3, 4], [0, 0]]), ["a", "b"], "X")
    with pytest.raises(ValueError, match=r"X: the embedding of 'a' is not finite"):
        unit_rows(np.array([[3, np.nan], [0, 0]]), ["a", "b"], "X")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_none_is_named_with_its_image(tmp_path, bad):
    vectors = np.ones((3, 2), dtype=np.float32)
    vectors[1, 1] = bad
    with pytest.raises(ValueError, match=r"row 1: the embedding of 'q' has NaN or infinity"):
        save(tmp_path / "X", ["p", "q", "r"], vectors, META)
    assert not list(tmp_path.iterdir())
    save(tmp_path / "X", ["p", "q", "r"], np.ones((3, 2), dtype=np.float32), META)
    np.save(tmp_path / "X.npy", vectors)
    with pytest.raises(ValueError, match=r"row 1: the embedding of 'q' has NaN or infinity"):
        load(tmp_path / "X")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["p", "q"], "2 names for 3 embeddings"),
        (["p", "q", "p"], "line 3: 'p' is on line 1 already"),
        (["p", "", "r"], "line 2: '' cannot be an image name"),
        (["p", "q\nr", "s"], "line 2: 'q.nr' cannot be an image name"),
    ],
)
def test_names_that_do_not_fit_are_refused(tmp_path, names, message):
    with pytest.raises(ValueError, match=message):
        save(tmp_path / "X", names, np.ones((3, 2), dtype=np.float32), META)


@pytest.mark.parametrize(
    "vectors",
    [np.ones((2, 3)), np.ones(2, np.float32), np.asfortranarray(np.ones((2, 3), np.float32))],
)
def test_arrays_of_another_kind_are_refused(tmp_path, vectors):
    with pytest.raises(ValueError, match=r"X\.npy: expected float32 \[n, D\] in C order"):
        save(tmp_path / "X", ["a", "b"], vectors, META)


def test_a_set_cut_short_or_mixed_up_is_refused(prefix):
    (prefix.parent / "X.txt").write_text("one\ntwo\n")
    with pytest.raises(ValueError, match=r"X\.txt: 2 names for 4 embeddings"):
        load(prefix)
    (prefix.parent / "X.npy").write_bytes(b"\x93NUMPY\x01\x00 cut")
    with pytest.raises(ValueError, match=r"X\.npy: not a NumPy array file"):
        load(prefix)
    (prefix.parent / "X.json").write_text(json.dumps({"schema": 2}))
    with pytest.raises(ValueError, match=r'X\.json: expected an object with "schema": 1'):
        load(prefix)
    (prefix.parent / "X.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"X\.json: not there"):
        load(prefix)


def test_pickled_arrays_are_never_loaded(prefix):
    np.save(prefix.parent / "X.npy", np.array([{}] * 4, dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"X\.npy: not a NumPy array file"):
        load(prefix)


def test_only_the_suffix_of_an_image_is_passed_over(tmp_path):
    names = ["p/im.1", "p/im.3.PNG", "p/im.4.gif"]
    save(tmp_path / "X", names, np.ones((3, 2), np.float32), META)
    (tmp_path / "X.txt").write_bytes(b"\xef\xbb\xbf" + (tmp_path / "X.txt").read_bytes())
    found = load(tmp_path / "X")
    assert found.names == names
    assert found.rows(["p/im.1.jpg", "p/im.3", "p/im.4.jpg"], "list").tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match=r"image 'p/im\.2' is not among the 3"):
        found.rows(["p/im.2"], "list")


def header(text):
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode() + bytes(99)


@pytest.mark.parametrize(
    "content",
    [
        b"PK\x03\x04" + bytes(50),
        header("{'descr': '<f4', 'fortran_order': False, 'shape': (-3, 2), }\n"),
        header("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2\n"),
        header("{'descr': '<f4' 'fortran_order': False)\n"),
        header("{'descr': '<f4', 'fortran_order': False, 'shape': (9" + 30 * "9" + ", 2), }\n"),
        header("{'descr': '|O', 'fortran_order': False, 'shape': (1, 2), }\n"),
    ],
)
def test_a_damaged_array_is_one_line(prefix, content):
    (prefix.parent / "X.npy").write_bytes(content)
    with pytest.raises(ValueError, match=r"X\.npy: not a NumPy array file"):
        load(prefix)


@pytest.mark.parametrize("key", ["images", "model", "transform", "fusion"])
def test_notes_of_another_kind_are_refused(prefix, key):
    note = prefix.parent / "X.json"
    note.write_text(json.dumps({"schema": 1, key: [1]}))
    with pytest.raises(ValueError, match=rf"X\.json: '{key}' is not as extract writes it"):
        load(prefix)


@pytest.mark.parametrize("note", [{"schema": 1, "dim": 3, "onnx": {}}, {"path": []}, []])
def test_a_json_of_something_else_is_not_written_over(tmp_path, note):
    (tmp_path / "X.json").write_text(json.dumps(note))
    with pytest.raises(ValueError, match=r"X\.json: is there and not of embeddings"):
        save(tmp_path / "X", ["a"], np.ones((1, 2), np.float32), META)
    assert [path.name for path in tmp_path.iterdir()] == ["X.json"]


@pytest.mark.parametrize(
    ("other", "dim", "message"),
    [
        ({"model": {"sha256": "b" * 64}}, 2, "expected the model of SHA-256 a{12} like .*found b"),
        ({"fusion": "none"}, 2, "expected the fusion flip-sum like .*found none"),
        ({}, 3, "expected embeddings of dimension 2 like .*found 3"),
    ],
)
def test_two_models_are_not_compared(tmp_path, other, dim, message):
    ours = {"model": {"sha256": "a" * 64}, "fusion": "flip-sum"}
    save(tmp_path / "X", ["a"], np.ones((1, 2), np.float32), ours)
    save(tmp_path / "Y", ["a"], np.ones((1, dim), np.float32), other)
    with pytest.raises(ValueError, match=rf"Y: {message}"):
        require_one_model(load(tmp_path / "X"), load(tmp_path / "Y"))
    save(tmp_path / "Y", ["a"], np.ones((1, 2), np.float32), {"model": {"path": "unknown"}})
    require_one_model(load(tmp_path / "X"), load(tmp_path / "Y"))
