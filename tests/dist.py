"""Real processes for the tests: fork, gloo over a file, results back in rank order."""

import multiprocessing
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as torch_dist  # noqa: TID251
from tqdm import tqdm

# The first backward pass of a process decides whether its forked children may have any: not if
# torch.compile or an ONNX export came before it. So it is this one.
torch.ones((), requires_grad=True).backward()


def run_processes(world: int, function: Callable[..., Any], *args: Any, seconds: int = 600) -> list:
    """[function(*args) of rank 0, rank 1, ...]; any rank's exception or death fails the caller.

    So does what takes longer than `seconds`: what hangs, not what a loaded machine does slowly.

    Answers are what `torch.load(weights_only=True)` takes: tensors, numbers, text, lists, dicts.
    """
    context = multiprocessing.get_context("fork")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ranks = [
            context.Process(target=_child, args=(folder, rank, world, function, args))
            for rank in range(world)
        ]
        for process in ranks:
            process.start()
        deadline = time.monotonic() + seconds
        for process in ranks:
            process.join(max(deadline - time.monotonic(), 0))
            if process.is_alive():
                process.kill()
                process.join()
        failed = [path.read_text() for path in sorted(folder.glob("*.failed"))]
        codes = [process.exitcode for process in ranks]
        if failed or any(codes):
            raise AssertionError("\n".join([f"exit codes {codes}", *failed]))
        return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(world)]


def _child(folder: Path, rank: int, world: int, function: Callable[..., Any], args: Any) -> None:
    torch.set_num_threads(1)
    # tqdm's own lock is one for all children: who is killed while holding it would stop the others.
    tqdm.set_lock(threading.RLock())
    torch_dist.init_process_group(
        "gloo", init_method=f"file://{folder / 'rendezvous'}", rank=rank, world_size=world
    )
    try:
        torch.save(function(*args), folder / f"{rank}.pt")
    except BaseException:
        (folder / f"{rank}.failed").write_text(f"rank {rank}: {traceback.format_exc()}")
        raise SystemExit(1) from None
    torch_dist.barrier()
    torch_dist.destroy_process_group()
