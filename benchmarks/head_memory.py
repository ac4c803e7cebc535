"""Memory of one head step (forward, backward, update; N = 256, D = 512, one process): its peak
above weight + gradient + momentum, ours with SV-AM-Softmax against the textbook dense head.

    python -m benchmarks.head_memory [--json] [--quick]

peak_ratio_1m: ours over the dense head's at 1,000,000 classes.
peak_growth_100k_to_1m: ours at 1,000,000 classes over ours at 100,000.
Each is measured in a process of its own, by the kernel's account of its largest resident size.
"""

import resource
import subprocess
import sys

from benchmarks.measure import arguments, show

DIM, BATCH = 512, 256


def peak_bytes(kind: str, classes: int) -> int:
    """What a step of a fresh process takes at most, above weight, gradient and momentum."""
    words = [sys.executable, "-m", "benchmarks.head_memory", "--one", kind, str(classes)]
    return int(subprocess.run(words, capture_output=True, text=True, check=True).stdout)


def one(kind: str, classes: int) -> int:
    """In the process of its own: two steps, then the peak."""
    import torch

    from benchmarks.dense_head import DenseHead
    from models.head.optimiser import HeadSGD
    from models.head.sharded_head import ShardedHead
    from models.losses import SVAM

    def warm(size: int) -> None:  # thread pools and code pages are not the head's
        torch.randn(size, size) @ torch.randn(size, size)

    warm(512)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    labels = torch.randint(classes, (BATCH,))
    if kind == "ours":
        head = ShardedHead(classes, DIM)
        ours = HeadSGD(head, momentum=0.9, weight_decay=5e-4)
        for _ in range(2):
            head(torch.randn(BATCH, DIM, requires_grad=True), labels, SVAM())[0].backward()
            ours.step(0.01)
    else:
        dense = DenseHead(classes, DIM)
        sgd = torch.optim.SGD(dense.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
        for _ in range(2):
            sgd.zero_grad()
            dense(torch.randn(BATCH, DIM, requires_grad=True), labels).backward()
            sgd.step()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return peak - before - 3 * classes * DIM * 4


def main() -> None:
    """Measures and prints."""
    if sys.argv[1:2] == ["--one"]:
        print(one(sys.argv[2], int(sys.argv[3])))
        return
    args = arguments(__doc__ or "")
    small, large = (20_000, 200_000) if args.quick else (100_000, 1_000_000)
    ours_small, ours_large, dense = (
        peak_bytes("ours", small),
        peak_bytes("ours", large),
        peak_bytes("dense", large),
    )
    figures = {
        "peak_ratio_1m": ours_large / dense,
        "peak_growth_100k_to_1m": ours_large / ours_small,
        "ours_100k_mb": ours_small / 2**20,
        "ours_1m_mb": ours_large / 2**20,
        "dense_1m_mb": dense / 2**20,
    }
    show("head_memory", figures, args.json)


if __name__ == "__main__":
    main()
