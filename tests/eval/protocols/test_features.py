"""Feature files byte by byte, and the conversion."""

import argparse
import struct

import numpy as np
import pytest

from eval.embeddings import load, save
from eval.features import add_arguments, run
from eval.features.lists import read_list
from eval.features.matrix import matrix_bytes, read_matrix, read_vector, write_matrix
from eval.features.tree import read_tree, write_tree

VECTOR = np.array([1, -2, 0.5], dtype=np.float32)


def convert(*words):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    run(parser.parse_args([str(word) for word in words]))


def test_a_feature_file_is_the_devkits_byte_for_byte(tmp_path):
    wanted = struct.pack("<4i3f", 3, 1, 4, 5, 1, -2, 0.5)
    assert matrix_bytes(VECTOR) == wanted
    (tmp_path / "a.bin").write_bytes(wanted)
    np.testing.assert_array_equal(read_vector(tmp_path / "a.bin", 3), VECTOR)


@pytest.mark.parametrize(
    "header",
    [(1, 3, 12, 5), (3, 1, 4, 6), (3, 1, 8, 6), (1, 3, 24, 6)],
)
def test_rows_columns_and_float64_are_read(tmp_path, header):
    kind = "f" if header[3] == 5 else "d"
    (tmp_path / "a.bin").write_bytes(struct.pack(f"<4i3{kind}", *header, *VECTOR))
    found = read_vector(tmp_path / "a.bin")
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, VECTOR)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "byte 0: ends within its header"),
        (b"123456789", "byte 9: ends within its header"),
        (struct.pack("<4i3f", 3, 1, 4, 7, *VECTOR), "byte 12: type 7, expected 5"),
        (struct.pack("<4i3f", -3, 1, 4, 5, *VECTOR), "byte 0: -3 rows of 1 numbers"),
        (struct.pack("<4i3f", 3, 1, 16, 5, *VECTOR), "byte 8: 16 bytes a row, expected 4"),
        (struct.pack("<4i2f", 3, 1, 4, 5, 1, 2), "byte 24: 24 bytes in all, 3 rows of 1 .* 28"),
        (struct.pack("<4i4f", 3, 1, 4, 5, 1, 2, 3, 4), "byte 28: 32 bytes in all"),
        (struct.pack("<4i4f", 2, 2, 8, 5, 1, 2, 3, 4), "byte 0: a matrix of 2 x 2"),
        (struct.pack("<4i2f", 2, 1, 4, 5, 1, 2), "byte 0: 2 numbers, the files before it have 3"),
        (struct.pack("<4i3f", 3, 1, 4, 5, 1, np.nan, 2), "byte 20: nan, expected finite"),
        (struct.pack("<4i3d", 3, 1, 4, 6, 1, 2, 1e300), "byte 32: 1e"),
    ],
)
def test_a_damaged_feature_file_is_named_by_its_byte(tmp_path, data, message):
    path = tmp_path / "a.bin"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=rf"a\.bin, {message}"):
        read_vector(path, 3)


def test_a_tree_comes_back_in_the_order_of_the_list(tmp_path):
    names = ["a/b/1.jpg", "a/2.png"]
    rows = np.array([[1, 2], [3, 4]], dtype=np.float32)
    write_tree(tmp_path / "t", names, rows, "x")
    assert (tmp_path / "t/a/b/1.jpg_x.bin").read_bytes() == matrix_bytes(rows[0])
    (tmp_path / "l.txt").write_text("# two\na/2.png\n\na/b/1.jpg\n")
    images = read_list(tmp_path / "l.txt")
    assert (images.names, images.lines) == (names[::-1], [2, 4])
    np.testing.assert_array_equal(read_tree(tmp_path / "t", images, "x"), rows[::-1])
    (tmp_path / "l.txt").write_text("a/2.png\nb.png\n")
    with pytest.raises(FileNotFoundError, match=r"l\.txt, line 2: 'b\.png' has no feature file"):
        read_tree(tmp_path / "t", read_list(tmp_path / "l.txt"), "x")
    with pytest.raises(ValueError, match="is there already"):
        write_tree(tmp_path / "t", names, rows, "x")
    with pytest.raises(ValueError, match="outside of it"):
        write_tree(tmp_path / "u", ["../c"], rows, "x")
    assert not (tmp_path / "u").exists()


def test_a_matrix_is_mapped_and_its_size_checked(tmp_path):
    path = tmp_path / "m.bin"
    rows = np.arange(12, dtype=np.float32).reshape(4, 3)
    write_matrix(path, rows)
    assert path.read_bytes() == struct.pack("<4i12f", 4, 3, 12, 5, *range(12))
    found = read_matrix(path)
    assert isinstance(found, np.memmap)
    np.testing.assert_array_equal(found, rows)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"byte 63: 63 bytes in all, 4 rows of 3 numbers take 64"):
        read_matrix(path)


def test_conversion_goes_round(tmp_path, capsys):
    names = ["p/1.jpg", "p/2.jpg", "q/1.jpg"]
    rows = np.arange(1, 10, dtype=np.float32).reshape(3, 3)
    save(tmp_path / "X", names, rows, {"model": {"path": "m"}, "fusion": "flip-sum"})
    listed = tmp_path / "l.txt"
    listed.write_text("q/1.jpg\np/1.jpg\n")
    convert("--embeddings", tmp_path / "X", "--algorithm", "r", "--to-tree", tmp_path / "t")
    convert("--embeddings", tmp_path / "X", "--list", listed, "--to-matrix", tmp_path / "m.bin")
    tree = "--tree", tmp_path / "t", "--algorithm", "r"
    convert(*tree, "--list", listed, "--out", tmp_path / "T")
    convert("--matrix", tmp_path / "m.bin", "--list", listed, "--out", tmp_path / "M")
    for prefix in ("T", "M"):
        found = load(tmp_path / prefix)
        assert found.names == ["q/1.jpg", "p/1.jpg"]
        np.testing.assert_array_equal(found.vectors, rows[[2, 0]])
    assert f"wrote {tmp_path}/M: 2 x 3" in capsys.readouterr().out
    with pytest.raises(ValueError, match="--list FILE: is needed"):
        convert(*tree, "--out", tmp_path / "Y")
    with pytest.raises(ValueError, match="--algorithm: expected"):
        convert("--tree", tmp_path / "t", "--list", listed, "--out", tmp_path / "Y")
    listed.write_text("q/1.jpg\n")
    with pytest.raises(ValueError, match=r"l\.txt: 1 images, .*m\.bin has 2 rows"):
        convert("--matrix", tmp_path / "m.bin", "--list", listed, "--out", tmp_path / "Y")


def test_nothing_that_is_read_is_written_over(tmp_path):
    (tmp_path / "pl.json").write_text('{"path": ["a", "b"]}')
    (tmp_path / "m.bin").write_bytes(struct.pack("<4i4f", 2, 2, 8, 5, *range(4)))
    save(tmp_path / "MP", ["a", "b"], np.ones((2, 2), np.float32), {})
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    matrix = ("--matrix", tmp_path / "m.bin", "--list", tmp_path / "pl.json")
    own = ("--embeddings", tmp_path / "MP")
    for words, message in (
        ((*matrix, "--out", tmp_path / "pl"), "is read as --list"),
        (
            (*own, "--to-matrix", tmp_path / "MP.npy"),
            "is the array of the embeddings read as --emb",
        ),
        ((*own, "--out", tmp_path / "MP"), "is the array of the embeddings"),
        ((*own, "--to-matrix", tmp_path), "is a folder"),
    ):
        with pytest.raises((ValueError, OSError), match=message):
            convert(*words)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
