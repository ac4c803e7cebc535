"""The one door to torch.distributed. Every function is a no-op for one process.

Each function that carries a gradient says what its backward does, since that is where
distributed training goes wrong in silence.
"""

import gc
import inspect
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist  # noqa: TID251
from torch import Tensor, nn

# torch 2.14 has new names for these and warns of the old ones.
_gather = getattr(dist, "all_gather_single", None) or dist.all_gather_into_tensor
_reduce_scatter = getattr(dist, "reduce_scatter_single", None) or dist.reduce_scatter_tensor
_DDP = nn.parallel.DistributedDataParallel
_sync_buffers = next(
    name
    for name in ("forward_sync_buffers", "broadcast_buffers")
    if name in inspect.signature(_DDP).parameters
)
_MEETING = timedelta(minutes=5)
"""How far apart processes of a run may start."""


def is_distributed() -> bool:
    """Whether a process group is up."""
    return dist.is_available() and dist.is_initialized()


def rank() -> int:
    """This process's number, 0 .. world_size - 1."""
    return dist.get_rank() if is_distributed() else 0


def world_size() -> int:
    """Number of processes."""
    return dist.get_world_size() if is_distributed() else 1


def local_rank() -> int:
    """This process's number on its own host, as torchrun tells it."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def pick_device(name: str = "auto") -> torch.device:
    """The device for this process: `auto` takes this host's GPU number `local_rank`, else the CPU.

    Raises:
        ValueError: the name is no device, or that device is not there.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ValueError(f"device {name!r}: expected auto, cpu, cuda or cuda:N") from None
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise ValueError(f"device {name!r}: this machine or this torch has no CUDA; use cpu")
        device = torch.device("cuda", local_rank() if device.index is None else device.index)
        if device.index >= (there := torch.cuda.device_count()):
            raise ValueError(f"{device}: this host has {there} GPU(s); start fewer processes on it")
        torch.cuda.set_device(device)
        # float32 is float32, and sums of bfloat16 products are float32, as on a CPU.
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
    return device


@contextmanager
def process_group(device: torch.device, timeout_minutes: float = 30) -> Iterator[None]:
    """The process group of a torchrun launch; nothing for a plain `python -m` start.

    A rank that waits longer than the timeout for the others raises, so that torchrun can start all
    of them again: a host that is cut off says nothing.

    Leaves in order, since gloo otherwise aborts at exit now and then (7 of 80 runs were seen to):
    DistributedDataParallel lies in a cycle of references and would keep gloo's threads beyond the
    group's end, so garbage goes first; then barrier, then destroy. After an error no barrier is
    tried, since the other ranks may never reach it.
    """
    if "RANK" not in os.environ or is_distributed():
        yield
        return
    # With GPUs both: what lies in the host's memory crosses without waiting for a device.
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    timeout = timedelta(minutes=timeout_minutes)
    # NCCL's monitor looks past `_store_of_this_attempt` into torchrun's own store, where an attempt
    # that timed out leaves a note that would end the next one. (Read in its source, not tried.)
    os.environ.setdefault("TORCH_NCCL_DUMP_ON_TIMEOUT", "0")
    dist.init_process_group(backend, timeout=timeout, **_store_of_this_attempt(timeout))
    yield
    gc.collect()
    barrier()
    dist.destroy_process_group()


def _store_of_this_attempt(timeout: timedelta) -> dict[str, Any]:
    """Where ranks find each other, so that `torchrun --max-restarts` works on any number of hosts.

    torchrun's store outlives its workers, and a rank started again would find there the addresses
    of those that died (pytorch issue 135712). Its count of restarts tells attempts apart on one
    host alone: each host has its own. So ranks agree on a name for the attempt.
    """
    env = os.environ
    if env.get("TORCHELASTIC_USE_AGENT_STORE") != "True":
        return {}
    rank, world = int(env["RANK"]), int(env["WORLD_SIZE"])
    address, port = env["MASTER_ADDR"], int(env["MASTER_PORT"])
    store = dist.TCPStore(address, port, world, is_master=False, timeout=_MEETING)
    mine = dist.PrefixStore(_name_of_attempt(store, rank, world), store)
    store.set_timeout(timeout)  # a group that is given its store leaves it as it is
    return {"store": mine, "rank": rank, "world_size": world}


def _name_of_attempt(store: dist.Store, rank: int, world: int) -> str:
    """A name that processes started together agree on, and no earlier ones with them.

    Rank 0 puts up a new name. The others write themselves below the name they see, and go by it
    once rank 0 has listed them: below a name of processes that have died nobody lists them.

    Raises:
        RuntimeError: the others have not come (`_MEETING`).
    """
    me = uuid.uuid4().hex
    if rank == 0:
        store.set("attempt", me)
        others = [store.get(f"{me}/{other}").decode() for other in range(1, world)]
        store.set(f"{me}/all", " ".join(others))
        return me
    until = time.monotonic() + _MEETING.total_seconds()
    while time.monotonic() < until:
        name = store.get("attempt").decode()
        store.set(f"{name}/{rank}", me)
        if store.check([f"{name}/all"]) and me in store.get(f"{name}/all").decode().split():
            return name
        time.sleep(0.05)
    raise RuntimeError(f"rank {rank}: waited {_MEETING} for rank 0, which has not come")


def barrier() -> None:
    """Waits for all ranks."""
    if is_distributed():
        dist.barrier()


def gather_rows(rows: Tensor) -> Tensor:
    """All ranks' rows in rank order, [n, ...] to [N, ...]; n equal on all ranks. No gradient."""
    if world_size() == 1:
        return rows.detach()
    whole = rows.new_empty((world_size() * rows.shape[0], *rows.shape[1:]))
    _gather(whole, rows.detach().contiguous())
    return whole


def sum_scatter_rows(rows: Tensor) -> Tensor:
    """Sums [N, ...] over ranks and returns this rank's n rows. The adjoint of `gather_rows`."""
    if world_size() == 1:
        return rows
    if rows.device.type == "cpu":  # gloo has no reduce-scatter
        total = all_sum(rows)
        return total.chunk(world_size())[rank()].contiguous()
    part = rows.new_empty((rows.shape[0] // world_size(), *rows.shape[1:]))
    _reduce_scatter(part, rows.contiguous())
    return part


def all_sum(values: Tensor) -> Tensor:
    """The sum over ranks, the same on all of them. No gradient; `values` stays as it was."""
    if world_size() == 1:
        return values
    total = values.clone()
    dist.all_reduce(total, op=dist.ReduceOp.SUM)
    return total


def all_max(values: Tensor) -> Tensor:
    """The maximum over ranks, elementwise. No gradient; `values` stays as it was."""
    if world_size() == 1:
        return values
    largest = values.clone()
    dist.all_reduce(largest, op=dist.ReduceOp.MAX)
    return largest


def gather_objects(item: Any) -> list[Any]:
    """Small plain data of all ranks in rank order (pickled between our own processes only)."""
    if world_size() == 1:
        return [item]
    items: list[Any] = [None] * world_size()
    dist.all_gather_object(items, item)
    return items


class Agreement:
    """The largest number that any rank said, learnt by all of them one call later.

    The message travels between hosts while they work: no device is waited for.
    """

    def __init__(self, timeout_minutes: float = 30) -> None:
        """Sets up, with a timeout as that of `process_group`; called by all ranks at once."""
        timeout = timedelta(minutes=timeout_minutes)
        several = world_size() > 1
        self._group: Any = dist.new_group(backend="gloo", timeout=timeout) if several else None
        self._sent = torch.zeros((), dtype=torch.int64)
        self._under_way: Any = None

    def __call__(self, said: int) -> int:
        """Says a number, and returns what all said in the call before (for one process: now)."""
        if self._group is None:
            return said
        heard = self.close()
        self._sent.fill_(said)
        self._under_way = dist.all_reduce(
            self._sent, op=dist.ReduceOp.MAX, group=self._group, async_op=True
        )
        return heard

    def close(self) -> int:
        """Waits for what is under way, and returns it."""
        if self._under_way is None:
            return 0
        self._under_way.wait()
        self._under_way = None
        return int(self._sent)


def replicate(module: nn.Module, device: torch.device) -> nn.Module:
    """`module` under DistributedDataParallel, which *averages* gradients over ranks.

    The head returns the gradient of the global mean loss, summed over ranks: pass embeddings
    through `undo_average` to keep it so. Buffers (BatchNorm statistics) are not broadcast: each
    rank keeps its own until `average_buffers`.
    """
    if world_size() == 1:
        return module
    ids = [device.index] if device.type == "cuda" else None
    keep_apart: dict[str, Any] = {_sync_buffers: False}
    return _DDP(module, device_ids=ids, gradient_as_bucket_view=True, **keep_apart)


class _ScaleGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, factor: float) -> Tensor:
        ctx.factor = factor
        return values.view_as(values)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return grads[0] * ctx.factor, None


def undo_average(embeddings: Tensor) -> Tensor:
    """Identity forward; backward multiplies by the world size, which `replicate` divides by."""
    if world_size() == 1:
        return embeddings
    return _ScaleGradient.apply(embeddings, float(world_size()))


def average_buffers(module: nn.Module) -> None:
    """Sets each floating-point buffer to its mean over ranks.

    Running statistics move linearly (a running mean of batch means), so averaging them now equals
    having averaged them at every step.
    """
    if world_size() == 1:
        return
    for buffer in module.buffers():
        if buffer.is_floating_point():
            buffer.copy_(all_sum(buffer) / world_size())
