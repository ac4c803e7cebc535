"""Reading embeddings: those of eval.embeddings, and nothing that only looks like them."""

import numpy as np
import pytest

from data_prep.clean.embeddings import read_embeddings
from eval.embeddings import save


@pytest.fixture
def saved(tmp_path):
    vectors = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    save(tmp_path / "x", [f"p/{i}.jpg" for i in range(5)], vectors, {"fusion": "none"})
    return tmp_path / "x", vectors


def test_what_eval_wrote_is_read(saved):
    prefix, vectors = saved
    found = read_embeddings(prefix)
    assert found.names == [f"p/{i}.jpg" for i in range(5)] and found.meta["fusion"] == "none"
    assert isinstance(found.vectors, np.memmap)
    expected = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    np.testing.assert_allclose(found.unit(slice(1, 4)), expected[1:4], rtol=1e-6)
    rows = found.rows(["p/3.jpg", "p/0.jpg"], "crops")
    np.testing.assert_allclose(found.unit(rows), expected[[3, 0]], rtol=1e-6)
    assert read_embeddings(f"{prefix}.npy").names == found.names


def test_images_without_embedding_are_named(saved):
    with pytest.raises(ValueError, match=r"images of crops, 1 are not there, such as 'q\.jpg'"):
        read_embeddings(saved[0]).rows(["p/0.jpg", "q.jpg"], "crops")


@pytest.mark.parametrize("value", [0, np.nan, np.inf])
def test_a_vector_without_direction_is_named(saved, value):
    prefix, vectors = saved
    vectors[3] = value
    np.save(prefix.with_suffix(".npy"), vectors)
    embedded = read_embeddings(prefix)
    for rows in (slice(2, 5), np.array([0, 3])):
        with pytest.raises(ValueError, match=r"x\.npy, row 3: the embedding of 'p/3\.jpg'"):
            embedded.unit(rows)


def test_files_that_do_not_fit(saved):
    prefix, vectors = saved
    (txt, npy) = (prefix.with_suffix(suffix) for suffix in (".txt", ".npy"))
    txt.write_text("p/0.jpg\n")
    with pytest.raises(ValueError, match="1 names for 5 embeddings"):
        read_embeddings(prefix)
    np.save(npy, vectors.astype(np.float64))
    with pytest.raises(ValueError, match=r"expected float32 \[n, D\], found float64 \[5, 3\]"):
        read_embeddings(prefix)
    npy.write_bytes(b"no array")
    with pytest.raises(ValueError, match="not a NumPy array file"):
        read_embeddings(prefix)
    prefix.with_suffix(".json").unlink()
    with pytest.raises(FileNotFoundError):
        read_embeddings(prefix)
