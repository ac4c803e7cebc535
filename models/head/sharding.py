"""Which rank owns which classes, and in what pieces they are visited. Integers only."""


def class_range(num_classes: int, rank: int, world_size: int) -> tuple[int, int]:
    """First class and one past the last of `rank`: C // W each, and one more on the first C mod W.

    The same split as arcface_torch's, so that its per-rank heads can be read.
    """
    small, larger = divmod(num_classes, world_size)
    start = rank * small + min(rank, larger)
    return start, start + small + (rank < larger)


def pieces(start: int, end: int, size: int) -> list[tuple[int, int]]:
    """The range cut into consecutive pieces of at most `size`; none for an empty range."""
    return [(low, min(low + size, end)) for low in range(start, end, size)]


def chunk_size(samples: int, classes: int, on_gpu: bool = False) -> int:
    """Classes to visit at once.

    A small shard is visited whole: its similarities are then kept for the backward pass. A larger
    one goes in chunks: of about 2^18 similarities on a CPU, so that the dozen elementwise passes
    stay in a core's cache (measured in docs/performance.md); of 2^25 on a GPU, to fill it.
    """
    whole, part = (1 << 26, 1 << 25) if on_gpu else (1 << 20, 1 << 18)
    if samples * classes <= whole:
        return max(classes, 1)
    return max(part // samples, 256)
