import numpy as np
import pytest

from eval.similarity import Vectors, score_pairs


def made(rows=20_000, dim=4, seed=0):
    return np.random.default_rng(seed).standard_normal((rows, dim)).astype(np.float32)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_row_that_is_not_finite_is_named(bad):
    array = made()
    array[12_345, 2] = bad
    names = [f"p/{row}.jpg" for row in range(len(array))]
    with pytest.raises(ValueError, match=r"^x\.npy, row 12345 \('p/12345\.jpg'\): .*place 2") as e:
        Vectors(array, "x.npy", names=names)
    assert "\n" not in str(e.value)


def test_a_zero_row_is_named_or_kept():
    array = made()
    array[7] = 0
    with pytest.raises(ValueError, match=r"^x\.npy, row 7: .*all zeros"):
        Vectors(array, "x.npy")
    kept = Vectors(array, "x.npy", zeros="keep")
    assert score_pairs(kept, kept, np.array([7, 7]), np.array([7, 8])).tolist() == [0, 0]


def test_a_selection_names_rows_of_the_file_and_leaves_the_others_alone():
    array = made(10)
    array[3] = np.nan
    rows = np.array([9, 1, 2])
    assert np.array_equal(Vectors(array, rows=rows).block(slice(0, 3)), array[rows])
    with pytest.raises(ValueError, match="row 3: "):
        Vectors(array, rows=np.array([9, 3]))
    with pytest.raises(ValueError, match="row 10 asked for, but there are rows 0 to 9"):
        Vectors(array, rows=np.array([1, 10]))
    with pytest.raises(ValueError, match="row -1 asked for"):
        Vectors(array, rows=np.array([-1]))


@pytest.mark.parametrize(
    "array", [np.zeros((2, 3)), *(np.zeros(shape, np.float32) for shape in (3, (0, 3), (3, 0)))]
)
def test_what_is_no_table_of_float32_is_refused(array):
    with pytest.raises(ValueError, match=r"expected float32 embeddings \[n, D\]"):
        Vectors(array)


def test_different_dimensions_are_refused():
    with pytest.raises(
        ValueError, match=r"b\.npy: embeddings of 5 numbers, those of a\.npy have 4"
    ):
        score_pairs(
            Vectors(made(3, 4), "a.npy"), Vectors(made(3, 5), "b.npy"), *np.eye(2, dtype=int)
        )


def test_rows_of_any_length_come_out_near_length_one():
    array = made(6, 512)
    for row, size in enumerate((1e-38, 1e-20, 1e-3, 1e5, 1e20, 1e35)):
        array[row] *= np.float32(size)
    vectors = Vectors(array)
    away = vectors.nearly_unit(slice(0, 6)) - vectors.unit(slice(0, 6))
    assert np.linalg.norm(away, axis=1).max() <= (512 + 8) * 2.0**-24


def test_the_first_rows_and_the_digest():
    vectors = Vectors(made(100))
    assert vectors.head(30).digest() == Vectors(made(100)[:30]).digest() != vectors.digest()
