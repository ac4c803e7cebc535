"""Photographs of drawn people who do not exist, with exact landmarks, for the demo and the tests.

Each photograph is a function of (seed, person number, image number) and of nothing else: any
number of workers writes the same bytes, and a larger set contains the smaller one. Who is in it
(`Identity`) and how it was taken (`Conditions`) are separate, so that either can be changed alone.
"""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import chain
from math import comb
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from data_prep.faces.portrait.chance import conditions, identity, stream
from data_prep.faces.portrait.factors import Conditions, Identity
from data_prep.faces.portrait.render import render
from data_prep.files import folder_written_aside

__all__ = ["Conditions", "Identity", "conditions", "identity", "render", "write_photos"]

_FILES = {"photos", "landmarks.txt", "pairs.txt"}
_PAIRS = 2**32 - 1
"""Stands in for a person's number in the random stream of the pairs."""


def write_photos(
    out: Path,
    *,
    people: int,
    images: int,
    seed: int,
    size: int = 160,
    workers: int = 1,
    first_person: int = 0,
    folds: int = 0,
    pairs_per_fold: int = 0,
) -> None:
    """Writes a set of drawn photographs, their landmarks and, on request, a list of pairs.

    The folder appears whole or not at all and replaces an earlier set of this kind:

        OUT/photos/person_00000/person_00000_0001.jpg
        OUT/landmarks.txt   `path x1 y1 .. x5 y5`, path below OUT/photos, (x, y) in pixels: left
                            eye, right eye, nose, left and right mouth corner in the picture
        OUT/pairs.txt       LFW's format (formats.md 2.8), people disjoint between folds

    Args:
        out: the folder.
        people: number of people.
        images: photographs of each, 1 to 9999.
        seed: of everything that is random, 0 or more.
        size: side of a photograph, pixels.
        workers: processes.
        first_person: number of the first person; other numbers are other people.
        folds: of the list of pairs; 0 writes none.
        pairs_per_fold: genuine pairs in each fold, and as many impostor pairs.

    Raises:
        ValueError: a number is out of range, or there are too few people or images for that many
            distinct pairs.
        FileExistsError: `out` holds something else.
    """
    out = Path(out)
    _check(people, images, size, workers, first_person, seed)
    numbers = range(first_person, first_person + people)
    pairs = _pairs(numbers, images, seed, folds, pairs_per_fold) if folds or pairs_per_fold else []
    if out.exists() and (strange := sorted({path.name for path in out.iterdir()} - _FILES)):
        raise FileExistsError(
            f"{out}: expected a new folder or an earlier set of drawn photographs, found "
            f"{strange[0]!r} in it; choose another folder"
        )
    with folder_written_aside(out) as aside:
        draw = partial(_write_person, aside / "photos", images, seed, size)
        with _mapper(workers) as apply:
            done = tqdm(apply(draw, numbers), "drawing", people, unit="people", disable=None)
            lines = list(chain.from_iterable(done))
        _write_lines(aside / "landmarks.txt", lines)
        if pairs:
            _write_lines(aside / "pairs.txt", pairs)


def _check(people: int, images: int, size: int, workers: int, first_person: int, seed: int) -> None:
    for name, value, low, high in (
        ("people", people, 1, 10**9),
        ("images", images, 1, 9999),
        ("size", size, 32, 4096),
        ("workers", workers, 1, 1024),
        ("first_person", first_person, 0, 10**9),
        ("seed", seed, 0, 2**63),
    ):
        if not low <= value <= high:
            raise ValueError(f"expected {name} between {low} and {high}, found {value}")


@contextmanager
def _mapper(workers: int) -> Iterator:
    """Yields a `map` that keeps the order: in this process for one worker, else in as many."""
    if workers == 1:
        yield map
        return
    # Spawned, not forked: the caller may have threads (torch's, OpenCV's) that a fork would break.
    context = get_context("spawn")
    with ProcessPoolExecutor(workers, context, cv2.setNumThreads, (1,)) as pool:
        yield pool.map


def _write_person(photos: Path, images: int, seed: int, size: int, person: int) -> list[str]:
    """Writes the photographs of one person; their lines of landmarks."""
    folder = photos / _name(person)
    folder.mkdir(parents=True)
    who, lines = identity(seed, person), []
    for image in range(1, images + 1):
        how = conditions(seed, person, image)
        picture, landmarks = render(who, how, size)
        quality = [cv2.IMWRITE_JPEG_QUALITY, how.jpeg_quality]
        _, encoded = cv2.imencode(".jpg", picture[..., ::-1], quality)
        path = folder / f"{folder.name}_{image:04d}.jpg"
        path.write_bytes(encoded.tobytes())
        numbers = " ".join(f"{value:.3f}" for value in landmarks.ravel())
        lines.append(f"{folder.name}/{path.name} {numbers}")
    return lines


def _pairs(people: range, images: int, seed: int, folds: int, count: int) -> list[str]:
    """The lines of a pairs file; each fold has people of its own and no pair twice."""
    if folds < 1 or count < 1:
        raise ValueError(
            f"expected folds and pairs_per_fold both 1 or more (or both 0 for no list of pairs), "
            f"found {folds} and {count}"
        )
    fewest = len(people) // folds
    genuine, impostor = fewest * comb(images, 2), comb(fewest, 2) * images**2
    if min(genuine, impostor) < count:
        raise ValueError(
            f"expected enough photographs for {count} genuine and {count} impostor pairs a fold; "
            f"{len(people)} people in {folds} folds with {images} images each give {genuine} and "
            f"{impostor}; use more people or images, or fewer folds or pairs"
        )
    rng = stream(seed, _PAIRS, people.start)
    lines = [f"{folds}\t{count}"]
    first, second = np.triu_indices(images, 1)
    for fold in np.array_split(np.array(people), folds):
        chosen = np.sort(rng.choice(len(fold) * len(first), count, replace=False))
        for person, pair in zip(*np.divmod(chosen, len(first))):
            lines.append(f"{_name(fold[person])}\t{first[pair] + 1}\t{second[pair] + 1}")
        one, other = np.triu_indices(len(fold), 1)
        chosen = np.sort(rng.choice(len(one) * images**2, count, replace=False))
        for pair, picks in zip(*np.divmod(chosen, images**2)):
            i, j = divmod(int(picks), images)
            lines.append(f"{_name(fold[one[pair]])}\t{i + 1}\t{_name(fold[other[pair]])}\t{j + 1}")
    return lines


def _name(person: int) -> str:
    return f"person_{person:05d}"


def _write_lines(path: Path, lines: list[str]) -> None:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
