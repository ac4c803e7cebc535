"""One step of the classification head, forward + backward + update: ours with SV-AM-Softmax against
the textbook dense head with AM-Softmax, which has less to do, in the same run.

    python -m benchmarks.head_speed [--json] [--quick]

f32_C, bf16_C: our time over the dense head's (bf16: of our matrix products; its are float32), with
the elementwise work compiled, as training has it once margins are at their value.
plain_bf16_C: the same without compiled code.
sampled_C: our step at a sampling rate of 0.1 over our full step.
gemm_fraction_f32_C: time of the four products of a step, measured bare, over our step.
"""

import gc
from collections.abc import Callable
from functools import partial
from itertools import count

import torch

from benchmarks.dense_head import DenseHead
from benchmarks.measure import arguments, in_turn, show
from models.head.optimiser import HeadSGD
from models.head.sharded_head import ShardedHead
from models.losses import SVAM

DIM, BATCH = 512, 256


def ours(classes: int) -> list[Callable[[], None]]:
    """Steps of one head: float32, bfloat16 products, a tenth of the classes, nothing compiled."""
    head = ShardedHead(classes, DIM)
    optimiser = HeadSGD(head, momentum=0.9, weight_decay=5e-4)
    labels = torch.randint(classes, (BATCH,))
    numbers = count()

    def step(dtype: torch.dtype | None, rate: float, compiled: bool = True) -> None:
        head.product_dtype, head.sample_rate = dtype, rate
        x = torch.randn(BATCH, DIM, requires_grad=True)
        head(x, labels, SVAM(), step=next(numbers), compiled=compiled)[0].backward()
        optimiser.step(0.01)

    return [
        partial(step, None, 1.0),
        partial(step, torch.bfloat16, 1.0),
        partial(step, None, 0.1),
        partial(step, torch.bfloat16, 1.0, compiled=False),
    ]


def dense(classes: int) -> Callable[[], None]:
    """A step of the textbook head, with torch's SGD as torch chooses to run it."""
    head = DenseHead(classes, DIM)
    sgd = torch.optim.SGD(head.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    labels = torch.randint(classes, (BATCH,))

    def step() -> None:
        x = torch.randn(BATCH, DIM, requires_grad=True)
        head(x, labels).backward()
        sgd.step()
        sgd.zero_grad()

    return step


def products(classes: int) -> Callable[[], None]:
    """The four products alone: similarities twice, gradient of x, gradient of W."""
    x, w = torch.randn(BATCH, DIM), torch.randn(classes, DIM)
    sim = torch.randn(BATCH, classes)
    out_x, out_w = torch.empty_like(x), torch.empty_like(w)

    def step() -> None:
        torch.mm(x, w.T, out=sim)
        torch.mm(x, w.T, out=sim)
        torch.mm(sim, w, out=out_x)
        torch.mm(sim.T, x, out=out_w)

    return step


def main() -> None:
    """Measures and prints."""
    args = arguments(__doc__ or "")
    sizes = {"10k": 10_000, "100k": 100_000} | ({} if args.quick else {"1m": 1_000_000})
    figures: dict[str, float] = {}
    # 32 MB, freed at once, as a backbone's activations are: from then on glibc keeps what it gets
    # back, and temporary tensors of this size cost no page faults, as in training.
    torch.empty(8_000_000)
    for name, classes in sizes.items():
        rounds = 3 if args.quick else 7
        sides = [dense(classes), *ours(classes)]
        if name != "1m":  # memory for one more set of weights and gradients
            sides.append(products(classes))
        textbook, f32, bf16, sampled, plain, *bare = in_turn(sides, rounds)
        figures |= {f"f32_{name}": f32 / textbook, f"bf16_{name}": bf16 / textbook}
        figures |= {f"sampled_{name}": sampled / f32, f"dense_seconds_{name}": textbook}
        figures |= {f"plain_bf16_{name}": plain / textbook}
        if bare:
            figures[f"gemm_fraction_f32_{name}"] = bare[0] / f32
        del sides
        gc.collect()
    show("head_speed", figures, args.json)


if __name__ == "__main__":
    main()
