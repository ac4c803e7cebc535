"""The work of an extraction: images read ahead, embedded batch by batch, handed on.

n: images of a batch. D: embedding dimension.
"""

from collections.abc import Callable, Sequence

import numpy as np
from tqdm import tqdm

from data_prep.dataset import ImageSource, RecordImages
from data_prep.parallel import ordered_map
from eval.embedders import Embedder
from eval.model_arguments import Fusion
from models import comm

Store = Callable[[int, np.ndarray], None]


def require_fit(embedder: Embedder, source: ImageSource) -> None:
    """Refuses images that were not made for the model's input.

    Raises:
        ValueError: images of another size, or records packed under another transform version.
    """
    transform = embedder.transform
    expected = (transform.height, transform.width)
    if len(source) and source.size != expected:
        raise ValueError(
            f"{source.where(0)}: is {source.size[0]}x{source.size[1]} (height x width), the model "
            f"expects {expected[0]}x{expected[1]}; align the images to that size"
        )
    for records in source.sets if isinstance(source, RecordImages) else ():
        version = (records.manifest or {}).get("transform_version", transform.version)
        if version != transform.version:
            raise ValueError(
                f"{records.prefix}: packed under transform version {version}, the model was "
                f"trained under {transform.version}; pack the images again with this version"
            )


def embed(
    embedder: Embedder,
    source: ImageSource,
    places: range,
    fusion: Fusion,
    store: Store,
    *,
    workers: int = 2,
) -> None:
    """`embed_spans` for consecutive images, in batches that suit the model."""
    step = max(embedder.batch, 32)
    starts = range(places.start, places.stop, step)
    spans = [range(low, min(low + step, places.stop)) for low in starts]
    embed_spans(embedder, source, spans, fusion, store, workers=workers)


def embed_spans(
    embedder: Embedder,
    source: ImageSource,
    spans: Sequence[range],
    fusion: Fusion,
    store: Store,
    *,
    workers: int = 2,
    progress: str | None = None,
) -> None:
    """Embeds each span of `source` as one batch and hands it to `store(first place, [n, D])`.

    Images are read and decoded ahead, in threads: that work is outside of Python's lock.

    Fusion: `flip-sum` adds the embedding of the mirrored image (the insightface way), `flip-concat`
    puts it behind (the SphereFace way, D doubles), `none` leaves it.

    Raises:
        ValueError: images that do not fit the model, or one that cannot be read.
    """
    require_fit(embedder, source)

    def load(span: range) -> np.ndarray:
        return np.stack([source[i] for i in span])

    batches = ordered_map(load, spans, workers, at_once=1)
    total = sum(map(len, spans))
    last: tuple[range, Callable[[], np.ndarray]] | None = None
    with tqdm(total=total, desc=progress, unit="image", disable=progress is None) as bar:

        def fetch(span: range, embeddings: Callable[[], np.ndarray]) -> None:
            store(span.start, embeddings())
            bar.update(len(span))

        for span, pixels in zip(spans, batches):
            now = span, _fused(embedder, pixels, fusion)
            if last is not None:  # while the device works on this batch
                fetch(*last)
            last = now
        if last is not None:
            fetch(*last)


def _fused(embedder: Embedder, pixels: np.ndarray, fusion: Fusion) -> Callable[[], np.ndarray]:
    plain = embedder.start(pixels)
    if fusion == "none":
        return plain
    mirrored = embedder.start(np.ascontiguousarray(pixels[:, :, ::-1]))
    if fusion == "flip-sum":
        return lambda: plain() + mirrored()
    return lambda: np.hstack([plain(), mirrored()])


def share(count: int) -> range:
    """This rank's consecutive places among `count`."""
    each = -(-count // comm.world_size())
    start = min(comm.rank() * each, count)
    return range(start, min(start + each, count))
