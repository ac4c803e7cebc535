import numpy as np
import pytest

from eval.similarity import Vectors, duplicates


def made(rows=9000, dim=4, seed=0):
    return np.random.default_rng(seed).standard_normal((rows, dim)).astype(np.float32)


def within(vectors):
    """As rows of the file: the row and the first like it."""
    return [
        [vectors.row_of(i), vectors.row_of(j)] for _, i, _, j in duplicates(vectors).at_m4.tolist()
    ]


def test_duplicated_rows_are_located():
    array = made()
    for row, like in ((8999, 5), (70, 5), (71, 8), (72, 71)):
        array[row] = array[like]
    array[100] = 2 * array[8]  # the same direction is another row
    assert within(Vectors(array)) == [[70, 5], [71, 8], [72, 8], [8999, 5]]
    assert within(Vectors(array, rows=np.arange(70))) == []
    assert within(Vectors(array, rows=np.array([8999, 70]))) == [[70, 8999]]


def test_a_row_of_one_set_in_another_is_located_and_named():
    probes, gallery = made(5), made(300, seed=1)
    gallery[[7, 250]] = probes[3]
    probes[4] = probes[0]
    names = [f"{row}.jpg" for row in range(5)]
    sets = (
        Vectors(probes, "p.npy", names=names),
        Vectors(gallery, "g.npy", rows=np.arange(299, 5, -1)),
    )
    found = duplicates(*sets)
    assert found.at_m4.tolist() == [[0, 4, 0, 0], [1, 49, 0, 3], [1, 292, 0, 3]]
    assert found.fact() == {
        "count": 3,
        "first": [
            "p.npy, row 4 ('4.jpg') repeats p.npy, row 0 ('0.jpg')",
            "g.npy, row 250 repeats p.npy, row 3 ('3.jpg')",
            "g.npy, row 7 repeats p.npy, row 3 ('3.jpg')",
        ],
    }
    assert "3 embeddings repeat another" in found.notes()[0]
    assert duplicates(Vectors(made(5))).notes() == []
    with pytest.raises(ValueError, match="embeddings of 5 numbers"):
        duplicates(sets[0], Vectors(made(3, 5)))
