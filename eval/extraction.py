"""An extraction by all ranks: each takes a share, all write into one file, a stopped one goes on.

n: images. D: embedding dimension.
"""

import hashlib
from pathlib import Path
from typing import Any

from data_prep.dataset import ImageSource
from eval.embed import embed_spans, require_fit, share
from eval.embedders import Embedder
from eval.embeddings import SCHEMA
from eval.model_arguments import Fusion
from eval.partial import Partial, RowWriter
from models import comm

_SAME = (
    *("model.sha256", "transform", "precision", "fusion", "dim", "names_sha256"),
    *("batch", "threads"),
)
"""What of X.json must not differ between a run and the one that goes on with it."""


def extract(
    embedder: Embedder,
    source: ImageSource,
    prefix: Path,
    about: dict[str, Any],
    *,
    fusion: Fusion = "flip-sum",
    batch: int = 64,
    workers: int = 2,
    resume: bool = False,
) -> None:
    """Writes prefix.npy, .txt and .json, from all ranks; the .json, last, makes them whole.

    Args:
        embedder: the model.
        source: the images.
        prefix: X of the three files.
        about: what X.json says besides: model, transform, images, threads, command.
        fusion: see `embed_spans`.
        batch: images a forward pass. The last one aside, none is of another size, so that an
            embedding does not depend on how the work was shared.
        workers: threads of each rank that read and decode ahead.
        resume: keep what an earlier run of the same work has on disk.

    Raises:
        ValueError: images that do not fit the model or cannot be read; an earlier run that was of
            other work.
        OSError: a file that cannot be read or written.
    """
    count, dim = len(source), embedder.dim * (2 if fusion == "flip-concat" else 1)
    names = hashlib.sha256("\n".join(source.names).encode()).hexdigest()
    kind = {"schema": SCHEMA, "dim": dim, "fusion": fusion, "batch": batch, "names_sha256": names}
    meta = {**about, **kind}
    require_fit(embedder, source)
    partial = Partial(prefix)
    if not _begun(partial, meta, (count, dim), -(-count // batch), resume):
        return
    todo = partial.todo()
    comm.barrier()  # all have read it before any of them goes on
    spans = [range(low * batch, min((low + 1) * batch, count)) for low in todo]
    mine = share(len(spans))
    title = "extract" if comm.rank() == 0 else None
    if todo:
        with RowWriter(partial) as writer:
            embed_spans(
                embedder,
                source,
                spans[mine.start : mine.stop],
                fusion,
                lambda place, emb_nD: writer.store(place // batch, place, emb_nD),
                workers=workers,
                progress=title,
            )
    comm.barrier()
    if comm.rank() == 0:
        partial.finish(source.names, meta)
    comm.barrier()


def _begun(
    partial: Partial, meta: dict[str, Any], shape: tuple[int, int], batches: int, resume: bool
) -> bool:
    """Has rank 0 prepare the array for all ranks; False where all of it is there already.

    Raises:
        ValueError: what was begun is of other work.
    """
    whole = False
    if comm.rank() == 0:
        earlier = partial.earlier() if resume else None
        if earlier is not None:
            _require_same(partial.prefix, earlier, meta)
            whole = partial.is_whole()
        if whole:
            partial.clear()
        elif earlier is not None and partial.can_go_on():
            missing = len(partial.todo())
            print(f"going on: {batches - missing:,} of {batches:,} batches are on disk")
        else:
            partial.begin(meta, shape, batches)
    return not comm.gather_objects(whole)[0]


def _require_same(prefix: Path, earlier: dict[str, Any], meta: dict[str, Any]) -> None:
    for keys in _SAME:
        then, now = (_at(one, keys.split(".")) for one in (earlier, meta))
        if then != now:
            raise ValueError(
                f"{prefix}: was begun with {keys} {then}, expected {now}; go on with the same "
                "model, images and settings, or start again without --resume"
            )


def _at(data: Any, keys: list[str]) -> Any:
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data
