"""The faces of many photographs, kept as they are found so that a killed run goes on."""

import json
import os
from collections import defaultdict
from collections.abc import Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from data_prep.faces.align import TEMPLATE, similarity
from data_prep.faces.detect import Detector, DetectSettings, Face
from data_prep.faces.detect.choice import LEAST_OVERLAP, choose
from data_prep.files import sha256_file, write_text
from data_prep.images import decode
from data_prep.parallel import ordered_map

Entry = dict[str, Any]
"""What was found in one photograph: `image`, `faces` (how many), and of the chosen one `box` [4],
`score`, `landmarks` [5][2] (pixels, to a thousandth), or the `reason` why there is none."""

LANDMARKS = "landmarks.txt"
"""The landmarks that were used, as faces/landmarks.py reads them."""

CHUNK = 16
"""Photographs that a thread takes at a time. What is detected together depends on the list alone,
not on the number of threads or on where an earlier run stopped."""

_TOGETHER = 1 << 22
"""Pixels that go through a network at once, so that large photographs go alone."""


def detect_folder(
    images: Path,
    names: list[str],
    target: Path,
    detector: Detector,
    face: str,
    boxes: dict[str, np.ndarray] | None = None,
    *,
    workers: int = 1,
) -> list[Entry]:
    """Detects faces in photographs; goes on with what an earlier run left.

    Lines are appended to `target` with `.partial` behind its name, which goes when it is whole.

    Args:
        images: folder of the photographs.
        names: paths in it.
        target: file of one JSON line a photograph; its folder is there.
        detector: any.
        face: one of CHOICES.
        boxes: path -> box [4], where `face` is `labelled`.
        workers: threads; the result does not depend on it.

    Returns:
        The lines of `target`, in the order of `names`.

    Raises:
        OSError: a file cannot be read or written.
    """
    growing = target.with_name(f"{target.name}.partial")
    entries, end = read_entries(target, names)
    if target.exists() and len(entries) == len(names):
        return entries
    entries, end = read_entries(growing, names)
    chunks = [names[start : start + CHUNK] for start in range(len(entries), len(names), CHUNK)]
    one = partial(_detect_chunk, images, detector, face, boxes or {})
    growing.touch()
    os.truncate(growing, end)
    with (
        growing.open("a", encoding="utf-8") as file,
        tqdm(total=len(names), initial=len(entries), desc="detect", unit="image", delay=2) as bar,
    ):
        for found in ordered_map(one, chunks, workers, at_once=1):
            file.write("".join(json.dumps(entry) + "\n" for entry in found))
            file.flush()
            entries += found
            bar.update(len(found))
        os.fsync(file.fileno())
    growing.replace(target)
    return entries


def described(settings: DetectSettings, detector: Detector) -> dict[str, Any]:
    """What align.json says of a detector: everything that decides the landmarks."""
    description: dict[str, Any] = {
        "name": settings.detector,
        "version": detector.version,
        "model_sha256": detector.model_sha256,
        "device": detector.device,
        "face": settings.face,
    }
    if settings.boxes is not None:
        description |= {
            "boxes_sha256": sha256_file(settings.boxes),
            "least_overlap": LEAST_OVERLAP,
        }
    return description


def summed_up(entries: list[Entry]) -> dict[str, Any]:
    """Counts of photographs by what was found, and those without a face with the reason."""
    missed = [entry for entry in entries if "reason" in entry]
    return {
        "images": len(entries),
        "with_face": len(entries) - len(missed),
        "with_several_faces": sum(entry["faces"] > 1 for entry in entries),
        "not_found": [{"image": entry["image"], "reason": entry["reason"]} for entry in missed],
    }


def points_of(entries: list[Entry]) -> dict[str, np.ndarray]:
    """Landmarks float64 [5, 2] of the photographs that have some."""
    return {
        entry["image"]: np.array(entry["landmarks"]) for entry in entries if "landmarks" in entry
    }


def write_landmarks(out: Path, points: Mapping[str, np.ndarray]) -> str:
    """Writes `landmarks.txt` (x1 y1 .. x5 y5) into `out`; returns its SHA-256."""
    lines = (
        " ".join([name, *(f"{value:.3f}" for value in landmarks.ravel())])
        for name, landmarks in points.items()
    )
    write_text(out / LANDMARKS, "".join(f"{line}\n" for line in lines))
    return sha256_file(out / LANDMARKS)


def check_listable(images: Path, names: list[str]) -> None:
    """Sees that every path can stand on a line of text.

    Raises:
        ValueError: one cannot.
    """
    for name in names:
        if name != name.strip() or len(name.splitlines()) > 1 or not name.isprintable():
            raise ValueError(
                f"{images}: {name!r} cannot stand in {LANDMARKS}; rename it without line ends, "
                "control characters, and spaces around it"
            )


def read_entries(path: Path, names: list[str]) -> tuple[list[Entry], int]:
    """The whole chunks at the beginning of a file that may be cut short, and their bytes.

    Args:
        path: may be missing: that is a file without lines.
        names: paths of the photographs, as they were detected.
    """
    entries: list[Entry] = []
    kept = end = place = 0
    if not path.exists():
        return entries, end
    with path.open("rb") as file:
        for line, name in zip(file, names):
            try:
                entry = json.loads(line)
            except ValueError:
                break
            known = isinstance(entry, dict) and entry.get("image") == name
            if not line.endswith(b"\n") or not known:
                break
            entries.append(entry)
            place += len(line)
            if len(entries) % CHUNK == 0 or len(entries) == len(names):
                kept, end = len(entries), place
    return entries[:kept], end


def _detect_chunk(
    images: Path,
    detector: Detector,
    face: str,
    boxes: dict[str, np.ndarray],
    names: list[str],
) -> list[Entry]:
    entries: dict[str, Entry] = {}
    same_size: dict[tuple[int, int], list[tuple[str, np.ndarray]]] = defaultdict(list)
    for name in names:
        encoded = (images / name).read_bytes()
        try:
            pixels = decode(encoded, name)
        except ValueError as error:
            entries[name] = {"image": name, "faces": 0, "reason": str(error)}
        else:
            same_size[pixels.shape[0], pixels.shape[1]].append((name, pixels))
    for shape, group in same_size.items():
        together = max(1, _TOGETHER // (shape[0] * shape[1]))
        rest = iter(group)
        while part := list(islice(rest, together)):
            found = detector.detect_batch(np.stack([pixels for _, pixels in part]))
            for (name, _), faces in zip(part, found):
                chosen = taken(faces, face, shape, boxes.get(name))
                entries[name] = {"image": name, "faces": len(faces), **chosen}
    return [entries[name] for name in names]


def taken(
    faces: list[Face], face: str, shape: tuple[int, int], box: np.ndarray | None
) -> dict[str, Any]:
    """What is kept of the face that is taken; those whose landmarks say nothing are passed over."""
    if not faces:
        return {"reason": "no face found"}
    usable = [one for one in faces if _has_shape(one.landmarks)]
    if not usable:
        return {"reason": "the landmarks of the face are degenerate"}
    one = choose(usable, face, shape, box)
    if isinstance(one, str):
        return {"reason": one}
    return {
        "box": np.round(one.box, 3).tolist(),
        "score": round(one.score, 6),
        "landmarks": np.round(one.landmarks, 3).tolist(),
    }


def _has_shape(landmarks: np.ndarray) -> bool:
    try:
        similarity(landmarks, TEMPLATE)
    except ValueError:
        return False
    return True
