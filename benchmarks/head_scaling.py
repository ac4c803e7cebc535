"""What a step of the head costs each rank, from its sizes: bytes, operations, collective volume.

    python -m benchmarks.head_scaling          the table of docs/scaling.md

N: samples of all ranks. C: classes. W: ranks. D: embedding dimension. Float32 throughout.
tests/models/test_scaling.py holds these formulas against counted collectives.
"""

from dataclasses import dataclass

FLOAT, INT = 4, 8


@dataclass(frozen=True)
class Cost:
    """Of one rank and step.

    Attributes:
        state: weight and SGD momentum, bytes; they stay.
        gradient: of the weights of the classes that take part, bytes (with Partial FC a copy too).
        flops: of the four matrix products (the similarities are computed twice).
        collective: tensors handed to collectives, bytes: what each all-gather returns
            and each reduction takes. A ring moves about (W-1)/W of an all-gather or reduce-scatter,
            and twice that of an all-reduce.
    """

    state: float
    gradient: float
    flops: float
    collective: float


def cost(samples: int, classes: int, ranks: int, dim: int = 512, rate: float = 1.0) -> Cost:
    """The cost of a step of `samples` over `classes` on `ranks`, a share `rate` of them drawn."""
    own = -(-classes // ranks)
    part = rate * own
    copies = 1 if rate == 1 else 2
    embeddings = samples * dim * FLOAT  # gathered forward, reduced backward
    # labels gathered; target similarities; maximum; sum of exponentials, target logit, hard count
    vectors = samples * (INT + FLOAT + FLOAT + 3 * FLOAT)
    return Cost(
        state=2 * own * dim * FLOAT,
        gradient=copies * part * dim * FLOAT,
        flops=4 * 2 * samples * part * dim,
        collective=(2 * embeddings + vectors) if ranks > 1 else 0,
    )


def table() -> str:
    """Markdown: global batch 128 a rank, D = 512."""
    lines = [
        "| classes | ranks | rate | state, GB | gradient, GB | TFLOP | collectives, MB |",
        "|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for classes in (100_000, 1_000_000, 10_000_000, 100_000_000):
        for ranks in (1, 8, 64, 1024):
            for rate in (1.0, 0.1):
                each = cost(128 * ranks, classes, ranks, rate=rate)
                lines.append(
                    f"| {classes:,} | {ranks:,} | {rate:g} | {each.state / 1e9:.3g} | "
                    f"{each.gradient / 1e9:.3g} | {each.flops / 1e12:.3g} | "
                    f"{each.collective / 1e6:.3g} |"
                )
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
