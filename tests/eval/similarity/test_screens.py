import numpy as np
import pytest
import torch

from eval.similarity import PRECISIONS, Plan, Shape, Vectors, score_pairs, search, tile
from eval.similarity.screens import (
    blank,
    bound,
    key_above,
    key_below,
    lower,
    order,
    product,
    spacing,
    step_of,
    value_of,
)

CPU = torch.device("cpu")


def hard_rows(dim, rows, seed):
    """Random ones, nearly equal ones, ones whose numbers all round the same way, sparse ones."""
    random = np.random.default_rng(seed)
    x = random.standard_normal((rows, dim)).astype(np.float32)
    x[1::5] = x[0] + 1e-3 * x[1::5]
    x[2::5] = (1 + 2.0**-9) * np.sign(x[2::5])  # half of bfloat16's spacing off, all of them
    x[3::5, 3:] = 0
    return x


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("dim", [1, 3, 64, 512])
def test_no_product_is_farther_off_than_the_bound(precision, dim):
    a, b = Vectors(hard_rows(dim, 40, 0)), Vectors(hard_rows(dim, 256, 1))
    parts = [(v, slice(0, len(v))) for v in (a, b)]
    left, right = (lower(v, p, precision, CPU, step_of(v, p, precision)) for v, p in parts)
    keys = product(left, right, precision, blank((40, 256), precision))
    if precision == "bfloat16":
        order(keys)
    step = left.step * right.step
    value = value_of(keys, step, precision)
    rows, cols = (each.ravel() for each in np.indices((40, 256)))
    score = score_pairs(a, b, rows, cols).reshape(40, 256)
    width = bound(left, right, precision)
    assert np.all(np.abs(value - score) <= width + spacing(value, precision))
    # Keys are compared as they should be: none that reaches a threshold is missed.
    assert np.all(keys >= key_below(score - width, step, precision))
    assert np.all(keys <= key_above(score + width, step, precision))
    assert width < {"bfloat16": 0.009, "int8": 0.2, "float32": 2e-4, "float64": 3e-13}[precision]


def test_ordered_bits_order_as_numbers_do():
    bits = np.arange(-(2**15), 2**15).astype(np.int16)
    number = torch.from_numpy(bits).view(torch.bfloat16).double().numpy()
    bits, number = bits[np.isfinite(number)], number[np.isfinite(number)]
    keys = bits.copy()
    order(keys)
    sort = np.argsort(keys)
    assert np.all(np.diff(number[sort]) >= 0)
    assert np.array_equal(value_of(keys, 1.0, "bfloat16"), number)


def test_a_product_that_is_worse_than_promised_is_an_error(monkeypatch):
    def sloppy(a, b, precision, out):
        keys = product(a, b, precision, out)
        keys *= np.float32(1.01)
        return keys

    monkeypatch.setattr(tile, "product", sloppy)
    x = Vectors(hard_rows(64, 300, 0))
    with pytest.raises(ArithmeticError, match="a float32 product is off by"):
        search(x, x, Plan(top=3), screen="float32", shape=Shape(panel=300, tile=300))


def test_a_float32_product_that_torch_may_shorten_is_refused():
    x = Vectors(hard_rows(8, 5, 0))
    torch.set_float32_matmul_precision("medium")
    try:
        with pytest.raises(ValueError, match="float32 products are allowed to be less"):
            search(x, x, Plan(top=1), screen="float32")
    finally:
        torch.set_float32_matmul_precision("highest")


def test_embeddings_too_long_for_the_bound_are_refused():
    x = Vectors(np.ones((1, 2**15 + 1), np.float32))
    with pytest.raises(ValueError, match="at most 32,768 can be screened"):
        search(x, x, Plan(top=1))
