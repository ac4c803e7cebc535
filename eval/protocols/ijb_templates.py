"""IJB's templates: several images and video frames of one person, pooled into one embedding.

    image feature -> mean within each media -> sum over media -> unit length

(formats.md 2.11, as the public scripts do). Letters say what an image feature is: N1 keeps its
length as a weight, N0 makes it unit; D1 multiplies it by the detector's score; F1 adds the feature
of the mirrored image.

Legend: `n` images in templates, `T` templates, `D` numbers in an embedding.
"""

import argparse
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from eval.embeddings import Embeddings, load, unit_rows
from eval.metrics.folds import Floats, Ints
from eval.protocols.base import embeddings_facts
from eval.protocols.pairs import read_lines, sha256_of

_BLOCK = 16_384  # images pooled in one go


@dataclass(frozen=True)
class Media:
    """n images in templates, as `face_tid_mid.txt` has them.

    Attributes:
        path: of the list.
        names: image of each line; one may be in several templates.
        template_n: template of each.
        media_n: media of each: a still, or a video whose frames share it.
    """

    path: str
    names: list[str]
    template_n: Ints
    media_n: Ints


@dataclass(frozen=True)
class Templates:
    """T pooled templates.

    Attributes:
        ids: int64 [T], rising.
        vectors: float32 [T, D] of unit length.
        where: the list they are from.
        facts: what was read, for a result's `data`.
        meta: what X.json says.
        notes: on embeddings that come twice, for a result's `notes`.
    """

    ids: Ints
    vectors: NDArray[np.float32]
    where: str
    facts: dict[str, Any]
    meta: dict[str, Any]
    notes: list[str]

    def rows(self, wanted: Ints) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """The row of each wanted template, and whether there is one."""
        place = np.searchsorted(self.ids, wanted).clip(max=len(self.ids) - 1)
        return place, self.ids[place] == wanted


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of both IJB protocols."""
    parser.add_argument("--embeddings", required=True, metavar="X", help="path without suffix")
    parser.add_argument(
        "--media", required=True, metavar="FILE", help="ijb?_face_tid_mid.txt: image template media"
    )
    parser.add_argument(
        "--scores",
        metavar="FILE",
        help="ijb?_name_5pts_score.txt: image, ten numbers, detector's score (for D1)",
    )
    parser.add_argument(
        "--pooling",
        default="N1D1F1",
        metavar="N?D?F?",
        help="N1 length as weight, D1 detector's score as weight, F1 mirrored image added; 0: not "
        "(N1D1F1, as the public scripts)",
    )


def open_templates(args: argparse.Namespace) -> Templates:
    """Reads and pools what the options of `add_arguments` name.

    Raises:
        ValueError: bad lists or options, an image without embedding or score; line named.
        OSError: a file that cannot be read.
    """
    from eval.similarity import Vectors, duplicates

    if not re.fullmatch(r"N[01]D[01]F[01]", args.pooling):
        raise ValueError(f"--pooling {args.pooling}: expected N, D and F with 0 or 1, as N1D1F1")
    norm, detector, flip = (args.pooling[place] == "1" for place in (1, 3, 5))
    if detector != (args.scores is not None):
        raise ValueError(f"--pooling {args.pooling}: expected --scores with D1, and none with D0")
    media = read_media(args.media)
    embeddings = load(args.embeddings)
    vectors = _mirrored(embeddings, flip)
    row_n = embeddings.rows(media.names, media.path)
    weight_n = read_scores(args.scores, media.names) if detector else np.ones(len(row_n))
    ids, pooled = pool(vectors, row_n, media, weight_n, norm=norm)
    lists = {"media": args.media, "scores": args.scores}
    facts = {
        name: None if path is None else {"path": path, "sha256": sha256_of(path)}
        for name, path in lists.items()
    }
    meta = embeddings.meta
    facts |= {"embeddings": embeddings_facts(embeddings), "pooling": args.pooling}
    facts |= {key: meta.get(key) for key in ("images", "fusion", "transform")}
    images = Vectors(
        embeddings.vectors,
        f"{embeddings.prefix}.npy",
        rows=np.unique(row_n),
        names=embeddings.names,
        zeros="keep",
    )
    repeats = duplicates(images)
    facts |= {"duplicates": repeats.fact()}
    return Templates(ids, pooled, media.path, facts, meta, repeats.notes())


def read_media(path: str) -> Media:
    """Reads lines of `image template media`.

    Raises:
        ValueError: a line that is none; it is named.
        OSError: it cannot be read.
    """
    names, templates, medias = [], [], []
    for number, line in enumerate(read_lines(path), start=1):
        fields = line.split()
        if len(fields) != 3 or not fields[1].isdecimal() or int(fields[1]) >= 1 << 63:
            raise ValueError(
                f'{path}, line {number}: expected "image template media", the template a number '
                f"below 2^63, found {line!r}"
            )
        names.append(fields[0])
        templates.append(int(fields[1]))
        medias.append(fields[2])
    media_n = np.unique(medias, return_inverse=True)[1].astype(np.int64)
    return Media(path, names, np.array(templates, dtype=np.int64), media_n)


def read_scores(path: str, names: Sequence[str]) -> Floats:
    """The detector's score of each image, [n]: the last of 12 numbers of its line.

    Raises:
        ValueError: a line that is none, or an image without one.
        OSError: it cannot be read.
    """
    score_of: dict[str, float] = {}
    for number, line in enumerate(read_lines(path), start=1):
        fields = line.split()
        try:
            score_of[fields[0]] = float(fields[-1])
        except ValueError:
            fields = []
        if len(fields) != 12 or not np.isfinite(score_of[fields[0]]):
            raise ValueError(
                f'{path}, line {number}: expected "image x1 y1 .. x5 y5 score", found {line!r}'
            )
    missing = next((name for name in names if name not in score_of), None)
    if missing is not None:
        raise ValueError(f"{path}: no score of image {missing!r}; use the list of the same set")
    return np.array([score_of[name] for name in names])


def pool(
    vectors: NDArray[np.float32],
    row_n: NDArray[np.intp],
    media: Media,
    weight_n: Floats,
    *,
    norm: bool,
) -> tuple[Ints, NDArray[np.float32]]:
    """Ids of the templates, rising, and their embeddings [T, D] of unit length; in float64.

    Args:
        vectors: embeddings.
        row_n: row of each image.
        media: templates and media.
        weight_n: factor of each image.
        norm: whether lengths of the embeddings stay (N1).

    Raises:
        ValueError: a zero embedding (N0), or a template whose features cancel out.
    """
    order = np.lexsort((media.media_n, media.template_n))
    template_n = media.template_n[order]
    ids, first = np.unique(template_n, return_index=True)
    pooled = np.empty((len(ids), vectors.shape[1]), dtype=np.float32)
    bounds = np.append(first, len(order))
    for some in _blocks(bounds):
        rows = order[bounds[some.start] : bounds[some.stop]]
        wide = np.asarray(vectors[row_n[rows]], dtype=np.float64)
        if not norm:
            wide = unit_rows(wide, [media.names[row] for row in rows], media.path)
        wide *= weight_n[rows, None]
        both = np.stack([media.template_n[rows], media.media_n[rows]])
        start = np.flatnonzero(np.append(True, (np.diff(both) != 0).any(axis=0)))
        mean = np.add.reduceat(wide, start) / np.diff(np.append(start, len(rows)))[:, None]
        of = both[0, start]
        total = np.add.reduceat(mean, np.flatnonzero(np.diff(of, prepend=of[0] - 1)))
        named = [f"template {template}" for template in ids[some]]
        pooled[some] = unit_rows(total, named, media.path)
    return ids, pooled


def _blocks(bounds: NDArray[np.intp]) -> Iterator[slice]:
    """Slices of whole templates of about `_BLOCK` images, at least one template each."""
    start, count = 0, len(bounds) - 1
    with tqdm(total=count, desc="pooling", unit="template", delay=2, leave=False) as bar:
        while start < count:
            stop = int(np.searchsorted(bounds, bounds[start] + _BLOCK, side="right")) - 1
            stop = max(stop, start + 1)
            yield slice(start, stop)
            bar.update(stop - start)
            start = stop


def _mirrored(embeddings: Embeddings, flip: bool) -> NDArray[np.float32]:
    """The features with or without those of mirrored images, as far as X has them."""
    fusion = embeddings.meta.get("fusion")
    vectors = embeddings.vectors
    if fusion == "flip-concat":
        half = vectors.shape[1] // 2
        return vectors[:, :half] + vectors[:, half:] if flip else vectors[:, :half]
    wanted = "flip-sum" if flip else "none"
    if fusion not in (None, wanted):
        raise ValueError(
            f"{embeddings.prefix}.json: fusion {fusion!r}, --pooling F{int(flip)} takes {wanted!r} "
            "or 'flip-concat'; extract again or change --pooling"
        )
    return vectors
