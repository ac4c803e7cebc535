"""The formulas of docs/scaling.md against what the collectives are really handed."""

from pathlib import Path

import pytest
import torch

from benchmarks.head_scaling import cost, table
from models import comm
from models.head.sharded_head import ShardedHead
from models.losses import SVAM
from tests.dist import run_processes

SAMPLES, CLASSES, DIM = 24, 50, 16


def counted():
    """Bytes handed to torch's collectives in one step: results of gathers, inputs of reductions."""
    total = 0

    def counting(function):
        def wrapped(first, *args, **kwargs):
            nonlocal total
            total += first.nbytes
            return function(first, *args, **kwargs)

        return wrapped

    comm._gather = counting(comm._gather)
    comm.dist.all_reduce = counting(comm.dist.all_reduce)  # gloo's reduce-scatter too is one
    head = ShardedHead(CLASSES, DIM)
    n = SAMPLES // comm.world_size()
    x = torch.randn(n, DIM, requires_grad=True)
    head(x, torch.arange(n), SVAM())[0].backward()
    return total


@pytest.mark.parametrize("world", [1, 2, 4])
def test_collective_volume(world):
    expected = cost(SAMPLES, CLASSES, world, DIM).collective
    assert run_processes(world, counted) == [expected] * world


def test_the_table_in_the_docs_is_the_formulas():
    assert table() in (Path(__file__).parents[2] / "docs/scaling.md").read_text()
