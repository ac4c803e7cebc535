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
    """Bytes handed to collectives in one step: results of gathers, inputs of reductions."""
    total = 0

    def counting(function, size_of):
        def wrapped(*args):
            nonlocal total
            result = function(*args)
            total += size_of(args[0], result).nbytes
            return result

        return wrapped

    comm.gather_rows = counting(comm.gather_rows, lambda taken, given: given)
    comm.all_sum = counting(comm.all_sum, lambda taken, given: taken)
    comm.all_max = counting(comm.all_max, lambda taken, given: taken)
    comm.sum_scatter_rows = counting(comm.sum_scatter_rows, lambda taken, given: taken)
    head = ShardedHead(CLASSES, DIM)
    n = SAMPLES // comm.world_size()
    x = torch.randn(n, DIM, requires_grad=True)
    outer = head(x, torch.arange(n), SVAM())[0]
    outer.backward()
    embeddings = SAMPLES * DIM * 4
    inner = embeddings if comm.world_size() > 1 else 0  # gloo's reduce-scatter is an all_sum inside
    return total - inner


@pytest.mark.parametrize("world", [2, 4])
def test_collective_volume(world):
    expected = cost(SAMPLES, CLASSES, world, DIM).collective
    assert run_processes(world, counted) == [expected] * world


def test_the_table_in_the_docs_is_the_formulas():
    assert table() in (Path(__file__).parents[2] / "docs/scaling.md").read_text()
