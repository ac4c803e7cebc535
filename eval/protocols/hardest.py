"""The pairs a model finds hardest, with small pictures where the images are at hand."""

import base64
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from data_prep.embeddings import without_suffix
from data_prep.images import decode
from eval.protocols.pairs import PairList

EACH = 12
"""Pairs of each kind that are kept."""

_SIDE = 96  # pixels of a picture's longer side
_QUALITY = 80  # JPEG
_SUFFIXES = (".jpg", ".png", ".jpeg", ".bmp", ".webp")


def hardest(
    pairs: PairList,
    score_n: NDArray[np.float64],
    correct_n: NDArray[np.bool_],
    images: Path | None,
) -> dict[str, list[dict[str, Any]]]:
    """The genuine pairs of lowest and the impostor pairs of highest score.

    Args:
        pairs: n pairs.
        score_n: cosine of each.
        correct_n: whether each was judged rightly.
        images: folder that holds the images under their names; None for no pictures.

    Returns:
        `genuine` and `impostor`, hardest first: names, score, correct, fold (from 1), line and
        thumbnails (two `data:` addresses, None where an image was not found).
    """
    order = np.argsort(score_n, kind="stable")
    genuine = order[pairs.same[order]][:EACH]
    impostor = order[~pairs.same[order]][::-1][:EACH]
    kinds = {"genuine": genuine, "impostor": impostor}
    bar = tqdm(total=len(genuine) + len(impostor), desc="pictures", delay=2, leave=False)
    found: dict[str, list[dict[str, Any]]] = {}
    with bar:
        for kind, rows in kinds.items():
            found[kind] = []
            for row in rows:
                names = [pairs.a[row], pairs.b[row]]
                found[kind].append(
                    {
                        "names": names,
                        "score": float(score_n[row]),
                        "correct": bool(correct_n[row]),
                        "fold": int(pairs.fold[row]) + 1,
                        "line": pairs.lines[row],
                        "thumbnails": [thumbnail(images, name) for name in names],
                    }
                )
                bar.update()
    return found


def thumbnail(images: Path | None, name: str) -> str | None:
    """A small JPEG of an image as a `data:` address; None where there is none that can be read.

    The name is looked up as it stands, then with other suffixes. Nothing outside `images` is read.
    """
    if images is None:
        return None
    path = _find(images, name)
    if path is None:
        return None
    import cv2

    try:
        pixels = cv2.cvtColor(decode(path.read_bytes(), name), cv2.COLOR_RGB2BGR)
    except (ValueError, OSError):
        return None
    height, width = pixels.shape[:2]
    ratio = _SIDE / max(height, width)
    if ratio < 1:
        size = (max(1, round(width * ratio)), max(1, round(height * ratio)))
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    done, jpeg = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    assert done
    return "data:image/jpeg;base64," + base64.b64encode(jpeg.tobytes()).decode("ascii")


def _find(images: Path, name: str) -> Path | None:
    root = images.resolve()
    as_named = root / name
    bare = without_suffix(name)
    for path in (as_named, *(root / f"{bare}{suffix}" for suffix in _SUFFIXES)):
        inside = path.resolve()
        if inside.is_relative_to(root) and inside.is_file() and inside.stat().st_size:
            return inside
    return None
