"""Compiled elementwise work gives what the plain functions give, which equal the reference."""

import pytest
import torch

from models.head.sharded_head import ShardedHead
from models.head.visits import can_compile
from models.losses.reduction import mean
from tests.models.cases import CASES

pytestmark = pytest.mark.skipif(not can_compile(), reason="no C++ compiler")

CLASSES, DIM, BATCH, CHUNK = 150, 16, 24, 64  # two whole chunks, which are compiled, and a rest


def answer(name, dtype, product_dtype, compiled):
    generator = torch.Generator().manual_seed(3)
    head = ShardedHead(CLASSES, DIM, chunk=CHUNK, dtype=dtype, product_dtype=product_dtype)
    emb = torch.randn(BATCH, DIM, generator=generator, dtype=torch.float64)
    labels = torch.randint(CLASSES, (BATCH,), generator=generator)
    emb += 60 * head.weight_cD.detach().double()[labels] * (torch.arange(BATCH) % 2)[:, None]
    emb = emb.to(dtype).requires_grad_()
    value, *_ = head(emb, labels, CASES[name][0], reduction=mean, compiled=compiled)
    value.backward()
    return value.detach(), emb.grad, head.weight_cD.grad


def close(name, dtype, product_dtype, atol):
    plain, compiled = (answer(name, dtype, product_dtype, which) for which in (False, True))
    for a, b in zip(plain, compiled, strict=True):
        torch.testing.assert_close(b, a, rtol=0, atol=atol * a.abs().max().item(), msg=name)


def test_sv_am_in_the_precision_of_training():
    close("sv_am", torch.float32, torch.bfloat16, 1e-2)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_every_loss_to_the_last_digits(name):
    close(name, torch.float64, None, 1e-12)
