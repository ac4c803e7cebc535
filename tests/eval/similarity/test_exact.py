import math
from fractions import Fraction

import numpy as np
import pytest

from eval.similarity.exact import fold, gathered_scores, unit


@pytest.mark.parametrize("dim", [1, 2, 3, 5, 31, 32, 33, 64, 127, 512])
def test_a_fold_is_the_sum(dim):
    terms = np.random.default_rng(dim).standard_normal((7, dim))
    exact = [float(sum(map(Fraction, row))) for row in terms]
    size = np.abs(terms).sum(axis=1)
    assert np.all(np.abs(fold(terms.copy()) - exact) <= (math.log2(dim) + 1) * 2**-53 * size)


def test_a_fold_adds_the_upper_half_to_the_lower_one():
    a, b, c, d, e = 1e16, 1.0, -1e16, 3.0, 0.5
    assert fold(np.array([[a, b, c, d, e]]))[0] == ((a + d) + c) + (b + e)


def test_a_score_depends_on_its_two_rows_alone():
    random = np.random.default_rng(0)
    x = random.standard_normal((40, 100)).astype(np.float32)
    y = random.standard_normal((300, 100)).astype(np.float32)
    rows, cols = (each.ravel() for each in np.indices((40, 300)))
    together = gathered_scores(unit(x), y, rows, cols)
    turned = gathered_scores(unit(y), x, cols, rows)
    alone = [gathered_scores(unit(x[i : i + 1]), y[j : j + 1], *np.zeros((2, 1), int))[0]
             for i, j in zip(rows[::97], cols[::97])]  # fmt: skip
    ready = gathered_scores(unit(x), unit(y), rows, cols, shortened=True)
    assert np.array_equal(together, turned)
    assert np.array_equal(together, ready)
    assert np.array_equal(together[::97], alone)


def test_a_score_is_the_cosine():
    random = np.random.default_rng(1)
    x, y = random.standard_normal((2, 512)).astype(np.float32)
    inner, xx, yy = (
        sum(Fraction(float(p)) * Fraction(float(q)) for p, q in zip(a, b))
        for a, b in ((x, y), (x, x), (y, y))
    )
    exact = float(inner) / math.sqrt(float(xx) * float(yy))
    score = gathered_scores(unit(x[None]), y[None], *np.zeros((2, 1), int))[0]
    assert abs(score - exact) < 14 * 2**-53


def test_zero_rows_score_zero_and_lengths_do_not_matter():
    x = np.array([[0, 0], [3e-30, 4e-30], [3e30, 4e30]], np.float32)
    assert unit(x).tolist()[0] == [0, 0]
    assert np.allclose(unit(x)[1:], [0.6, 0.8])
