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


def chunk_size(samples: int, classes: int) -> int:
    """Classes to visit at once.

    A shard of up to 2^24 similarities (64 MiB in float32) is visited whole: they are then kept for
    the backward pass. A larger one goes in chunks of about 2^22, small enough to stay near the
    cache, large enough for a full-speed matrix product.
    """
    if samples * classes <= 1 << 24:
        return max(classes, 1)
    return max((1 << 22) // samples, 256)
