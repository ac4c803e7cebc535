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


def chunk_size(samples: int, on_gpu: bool = False, compiled: bool = False) -> int:
    """Classes to visit at once.

    On a CPU as many as make about 2^18 similarities, so that the dozen elementwise passes stay in a
    core's cache (docs/performance.md); 2^20 where they are compiled to one; on a GPU 2^25, to fill
    it.
    """
    similarities = 1 << (25 if on_gpu else 20 if compiled else 18)
    return max(similarities // samples, 256)


def mixed(*numbers: int) -> int:
    """One seed of 63 bits from several numbers, the same everywhere."""
    seed = 0
    for number in numbers:
        seed = (seed * 6364136223846793005 + number + 1442695040888963407) % (1 << 63)
    return seed
