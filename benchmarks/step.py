"""A training step, forward + backward + update: ours (the loop's own `Step` as `precision: auto`
sets it up) against the plain float32 eager network of the same shape with a textbook head and
torch's SGD as it comes, in the same run, in a process of its own: ours keeps the memory it frees.

    python -m benchmarks.step [--json] [--quick]

iresnet18, iresnet50, mobilefacenet: our images a second over the plain network's (above 1: faster).
NAME_images_per_second: ours.
outside_backbone: share of our step (iresnet50, 100,000 classes, 128 images; --quick: 64) outside
the backbone's forward and backward: input, head (bfloat16 products, compiled), clipping, updates.
logging: what progress bar, log.jsonl and TensorBoard take of a step of iresnet18, a line of the log
every 20 steps; the values are read from the device in any case.
off_WHAT: iresnet18's images a second with one choice undone, over those with all of them;
off_kept_memory: in a process that gives back what it frees.
on_WHAT: the same with one choice that is off by default.
"""

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.dense_head import DenseHead
from benchmarks.measure import apart, arguments, in_turn, seconds, show
from data_prep.transforms import Transform
from models.allocator import keep_freed_memory
from models.backbones import BACKBONES
from models.backbones.norm import group_batch_norm
from models.head.optimiser import HeadSGD
from models.losses import SVAM
from models.losses.reduction import mean
from train.accumulate import StepHead
from train.average import start_average
from train.build import uses_bfloat16
from train.log import Log
from train.non_finite import Watch
from train.optim import build_sgd
from train.plan import Plan
from train.state import TrainState
from train.step import Step

DIM, CLASSES, GROUP = 512, 1_000, 32
SGD: dict[str, float] = {"momentum": 0.9, "weight_decay": 5e-4}
DEFAULTS: dict[str, Any] = {
    "bfloat16": uses_bfloat16("auto", torch.device("cpu")),
    "channels_last": True,
    "clip": 5.0,
    "compile": False,
    "compile_head": False,
    "average": 0.0,
    "skip": False,
    "accumulate": 1,
}


def batch_of(size: int, classes: int) -> tuple[Tensor, Tensor]:
    """Pixels and labels of nobody."""
    pixels = torch.randint(256, (size, 112, 112, 3), dtype=torch.uint8)
    return pixels, torch.randint(classes, (size,))


def ours(name: str, batch: int, classes: int = CLASSES, **changes: Any) -> Step:
    """Our step with the default choices, and changes of them."""
    how = DEFAULTS | changes
    torch.manual_seed(0)
    backbone = BACKBONES[name]()
    group_batch_norm(backbone, GROUP)
    if how["channels_last"]:
        backbone.to(memory_format=torch.channels_last)
    low = torch.bfloat16 if how["bfloat16"] else None
    head = StepHead(classes, DIM, product_dtype=low)
    sgd = build_sgd(backbone, **SGD)
    average = start_average(backbone) if how["average"] else None
    state = TrainState(backbone, head, sgd, HeadSGD(head, **SGD), average)
    plan = Plan(
        total=1 << 30,
        batch=batch,
        seed=0,
        accumulate=how["accumulate"],
        lr=lambda step: 0.01,
        head_lr=1.0,
        loss=lambda step: SVAM(),
        compile_head=how["compile_head"],
        reduction=mean,
        autocast=low,
        clip=how["clip"],
        average=how["average"],
        non_finite="skip" if how["skip"] else "stop",
        log_every=1,
        save_every=1,
        validate_every=1,
        best="",
    )
    wrapped: Any = torch.compile(backbone) if how["compile"] else backbone
    transform = Transform()

    def prepare(pixels: Tensor, step: int, first: int) -> Tensor:
        x = transform.normalise(pixels)
        return x if how["channels_last"] else x.contiguous()

    return Step(state, wrapped, plan, Watch(1, torch.device("cpu")), prepare)


def repeated(step: Step, batch: int, classes: int = CLASSES) -> Callable[[], None]:
    """The step as a call without arguments."""
    pixels, labels = batch_of(batch, classes)

    def run() -> None:
        step(pixels, labels, count_hard=False)
        step.watch.found()

    return run


def plain(name: str, batch: int) -> Callable[[], None]:
    """What one would write first: float32, eager, memory as torch lays it out, SGD as it comes."""
    torch.manual_seed(0)
    backbone, head = BACKBONES[name](), DenseHead(CLASSES, DIM)
    sgd = torch.optim.SGD([*backbone.parameters(), *head.parameters()], lr=0.01, **SGD)
    pixels, labels = batch_of(batch, CLASSES)

    def run() -> None:
        x = (pixels.permute(0, 3, 1, 2).contiguous().float() - 127.5) / 127.5
        sgd.zero_grad()
        head(backbone(x), labels).backward()
        nn.utils.clip_grad_norm_(backbone.parameters(), 5.0)
        sgd.step()

    return run


def outside(step: Step, batch: int, classes: int, rounds: int) -> list[float]:
    """Share of each of some steps that is neither the backbone's forward nor its backward pass.

    Clocks within the step, since two runs differ by more than what is sought. The backward pass
    through the backbone begins with the embeddings' gradient and ends with the first layer's.
    """
    net, spent, began = step.wrapped, [0.0], [0.0]
    now = time.perf_counter

    def begin(*_: object) -> None:
        began[0] = now()

    def end(*_: object) -> None:
        spent[0] += now() - began[0]

    def embedded(_: nn.Module, __: object, emb_nD: Tensor) -> None:
        end()
        emb_nD.register_hook(begin)

    net.register_forward_pre_hook(begin)
    net.register_forward_hook(embedded)
    next(net.parameters()).register_post_accumulate_grad_hook(end)
    run, shares = repeated(step, batch, classes), []
    for _ in range(rounds + 2):
        spent[0] = 0.0
        whole = seconds(run)
        shares.append(1 - spent[0] / whole)
    return shares[2:]


def logged(log: Log, steps: int, every: int = 20) -> Callable[[], None]:
    """What `steps` steps have the log do."""
    values = {"loss": 6.5, "target_similarity": 0.4, "hard_negative_share": 0.1, "lr": 0.1}
    values |= {"images_per_second": 123.4, "gradient_norm": 5.6}

    def run() -> None:
        for step in range(1, steps + 1):
            log.step()
            if step % every == 0:
                log.scalars("train", step, values)

    return run


def given_back(batch: int) -> Callable[[], None]:
    """Our step of iresnet18, for a process that does not keep freed memory."""
    return repeated(ours("iresnet18", batch), batch)


def logging(rounds: int) -> float:
    """Seconds a step."""
    with TemporaryDirectory() as folder, Log(Path(folder), start=0, total=1 << 30) as log:
        (spent,) = in_turn([logged(log, 1_000)], rounds)
    return spent / 1_000


def switches(batch: int, rounds: int) -> dict[str, float]:
    """Speed with one choice undone or added, over that with the defaults; each beside it alone."""
    changes: dict[str, dict[str, Any]] = {
        "off_bfloat16": {"bfloat16": False},
        "off_channels_last": {"channels_last": False},
        "off_clip": {"clip": 0.0},
        "on_compile": {"compile": True},
        "on_average": {"average": 0.999},
        "on_skip": {"skip": True},
        "on_accumulate_2": {"accumulate": 2},
    }
    figures = {}
    default = repeated(ours("iresnet18", batch), batch)
    for name, change in changes.items():
        other = repeated(ours("iresnet18", batch, **change), batch)
        usual, changed = in_turn([default, other], rounds, warmup=2)
        figures[name] = usual / changed
    with apart(given_back, batch) as elsewhere:
        usual, changed = in_turn([default, elsewhere], rounds, warmup=2)
    return figures | {"off_kept_memory": usual / changed}


def main() -> None:
    """Measures and prints."""
    keep_freed_memory()
    args = arguments(__doc__ or "")
    batch, rounds = (32, 3) if args.quick else (64, 5)
    figures: dict[str, float] = {}
    for name in ("iresnet18", "iresnet50", "mobilefacenet"):
        with apart(plain, name, batch) as peer:
            our, theirs = in_turn([repeated(ours(name, batch), batch), peer], rounds, warmup=2)
        figures |= {name: theirs / our, f"{name}_images_per_second": batch / our}
        if name == "iresnet18":
            figures["logging"] = logging(rounds) / our
    many = 2 * batch
    step = ours("iresnet50", many, 100_000, compile_head=True)
    figures["outside_backbone"] = statistics.median(outside(step, many, 100_000, rounds))
    if not args.quick:
        figures |= switches(batch, rounds)
    show("step", figures, args.json)


if __name__ == "__main__":
    main()
