"""Reading embeddings as `clean` does; tests/eval/test_embeddings.py has what judging needs."""

import numpy as np
import pytest

from data_prep.embeddings import load
from eval.embeddings import save


@pytest.fixture
def saved(tmp_path):
    vectors = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    save(tmp_path / "x", [f"p/{i}.jpg" for i in range(5)], vectors, {"fusion": "none"})
    return tmp_path / "x", vectors


def test_what_eval_wrote_is_read(saved):
    prefix, vectors = saved
    found = load(prefix)
    assert found.names == [f"p/{i}.jpg" for i in range(5)] and found.meta["fusion"] == "none"
    assert isinstance(found.vectors, np.memmap)
    expected = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    np.testing.assert_allclose(found.unit(slice(1, 4)), expected[1:4], rtol=1e-6)
    rows = found.rows_of(["p/3.jpg", "p/0.jpg"], "crops")
    np.testing.assert_allclose(found.unit(rows), expected[[3, 0]], rtol=1e-6)
    assert found.unit(rows).dtype == np.float64
    assert found.unit(rows, np.float32).dtype == np.float32
    np.testing.assert_array_equal(found.rows_of(tuple(found.names), "crops"), np.arange(5))
    assert load(f"{prefix}.npy").names == found.names


def test_images_without_embedding_are_named(saved):
    with pytest.raises(ValueError, match=r"images of crops, 1 are not there, such as 'q\.jpg'"):
        load(saved[0]).rows_of(["p/0.jpg", "q.jpg"], "crops")


@pytest.mark.parametrize("value", [0, np.nan, np.inf])
def test_a_vector_without_direction_is_named(saved, value):
    prefix, vectors = saved
    vectors[3] = value
    np.save(prefix.with_suffix(".npy"), vectors)
    for rows in (slice(2, 5), np.array([0, 3])):
        with pytest.raises(ValueError, match=r"x\.npy, row 3: the embedding of 'p/3\.jpg'"):
            load(prefix).unit(rows, np.float32)


def test_files_that_do_not_fit(saved):
    prefix, vectors = saved
    (txt, npy) = (prefix.with_suffix(suffix) for suffix in (".txt", ".npy"))
    txt.write_text("p/0.jpg\n")
    with pytest.raises(ValueError, match="1 names for 5 embeddings"):
        load(prefix)
    np.save(npy, vectors.astype(np.float64))
    with pytest.raises(
        ValueError, match=r"expected float32 \[n, D\] in C order, found float64 \[5, 3\]"
    ):
        load(prefix)
    npy.write_bytes(b"no array")
    with pytest.raises(ValueError, match="not a NumPy array file"):
        load(prefix)
    prefix.with_suffix(".json").unlink()
    with pytest.raises(FileNotFoundError):
        load(prefix)
