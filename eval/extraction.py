"""An extraction by all ranks: each takes a share, all write into one file, a stopped one goes on.

n: images. D: embedding dimension.
"""

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from data_prep.dataset import FolderImages, ImageSource, RecordImages
from data_prep.embeddings import check_finite, check_names
from eval.embed import embed_spans, require_fit, share
from eval.embedders import Embedder
from eval.embeddings import SCHEMA
from eval.model_arguments import Fusion
from eval.partial import Partial, RowWriter
from models import comm

_SAME = (
    *("model.sha256", "transform", "precision", "fusion", "dim", "names_sha256"),
    *("batch", "threads", "images.sha256", "lengths_sha256"),
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
) -> tuple[int, int]:
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

    Returns:
        The shape of the array, (n, D).

    Raises:
        ValueError: images that do not fit the model or cannot be read, or whose embedding is not
            finite; an earlier run that was of other work.
        OSError: a file that cannot be read or written.
    """
    count, dim = len(source), embedder.dim * (2 if fusion == "flip-concat" else 1)
    check_names(source.names, count, f"{prefix}.txt")
    kind = {"schema": SCHEMA, "dim": dim, "fusion": fusion, "batch": batch}
    hashes = {"names_sha256": _sha256(source.names), "lengths_sha256": _lengths(source)}
    meta = {**about, **kind, **hashes}
    require_fit(embedder, source)
    partial = Partial(prefix)
    if not _begun(partial, meta, (count, dim), source.names, -(-count // batch), resume):
        return count, dim
    todo = partial.todo()
    comm.barrier()  # all have read it before any of them goes on
    spans = [range(low * batch, min((low + 1) * batch, count)) for low in todo]
    mine = share(len(spans))
    title = "extract" if comm.rank() == 0 else None
    if todo:
        with RowWriter(partial) as writer:

            def store(place: int, emb_nD: np.ndarray) -> None:
                names = source.names[place : place + len(emb_nD)]
                check_finite(emb_nD, names, f"{prefix}.npy", place)
                writer.store(place // batch, place, emb_nD)

            embed_spans(
                embedder,
                source,
                spans[mine.start : mine.stop],
                fusion,
                store,
                workers=workers,
                progress=title,
            )
    comm.barrier()
    if comm.rank() == 0:
        partial.finish(source.names, meta)
    comm.barrier()
    return count, dim


def _begun(
    partial: Partial,
    meta: dict[str, Any],
    shape: tuple[int, int],
    names: list[str],
    batches: int,
    resume: bool,
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
            whole = partial.is_whole(names, shape)
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


def _sha256(lines: list[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _lengths(source: ImageSource) -> str | None:
    """Hash of the lengths of the files: images that were replaced nearly always differ in it."""
    if comm.rank() != 0:  # what the others note is not written
        return None
    if isinstance(source, RecordImages):
        return _sha256([str(one.size) for one in source.sets])
    if isinstance(source, FolderImages):
        files = tqdm(source.names, desc="looking at images", delay=2, leave=False)
        return _sha256([str(os.stat(f"{source.root}/{name}").st_size) for name in files])  # noqa: PTH116
    return None


def _at(data: Any, keys: list[str]) -> Any:
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data
