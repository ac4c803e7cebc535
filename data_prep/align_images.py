"""Photographs and their landmarks to a tree of aligned crops."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from data_prep.align_crops import write_crops
from data_prep.align_parts import (
    SUMMARY,
    Part,
    begin,
    join_parts,
    remove_leftovers_of,
    remove_parts,
)
from data_prep.align_settings import AlignSettings
from data_prep.align_sources import (
    Faces,
    labelled_boxes,
    listed_faces,
    refuse_missing,
    source_hash,
    targets_of,
)
from data_prep.faces.detect import DetectSettings, build
from data_prep.faces.detect.folder import (
    Entry,
    check_listable,
    described,
    detect_folder,
    points_of,
    summed_up,
    write_landmarks,
)
from data_prep.files import sha256_file, write_json
from data_prep.parallel import require_workers
from data_prep.sources.folders import read_images

__all__ = ["SUMMARY", "AlignSettings", "align_folder"]

_Detect = Callable[[list[str], Path], list[Entry]]
"""The findings in photographs, by their paths; kept in a file as they come."""


def align_folder(
    images: Path,
    out: Path,
    landmarks: Path | DetectSettings,
    settings: AlignSettings,
    *,
    workers: int = 1,
    resume: bool = False,
    part: Part | None = None,
    join: bool = False,
) -> dict[str, Any]:
    """Aligns every image that has landmarks; paths below `out` are those below `images`.

    Crops do not depend on `workers` or on the number of processes. Each is written whole or not at
    all, so a run that was killed goes on with `resume`: crops that are there are kept.

    Args:
        images: folder of photographs, of any depth.
        out: folder of the crops, and of `align.json`; empty or new unless `resume`. With a
            detector also of `detected.jsonl` and of `landmarks.txt`, which gives the same crops
            without the detector.
        landmarks: file with paths relative to `images`, or how to find faces.
        settings: size, format and so on.
        workers: threads.
        resume: go on with an earlier run of the same settings and source.
        part: which process of several this is; each leaves its part, see `join`.
        join: all processes are done: make one whole of their parts.

    Returns:
        What is written to `align.json`: settings, counts, names that were left out and why. Of one
        process of several what it wrote to its part.

    Raises:
        ValueError: bad input, no crop at all, an image without landmarks where settings.missing
            is "fail", or `out` holds something else.
        OSError: a file cannot be read or written.
    """
    require_workers(workers)
    part = part or Part()
    if join and part.world > 1:
        raise ValueError("--join: expected a single process; leave torchrun out")
    found = read_images(images)
    detect: _Detect | None = None
    if isinstance(landmarks, Path):
        faces = listed_faces(images, found, landmarks, settings.layout)
        refuse_missing(images, found, faces, settings, f"no line in {landmarks}")
        sources: dict[str, Any] = {
            "landmarks_sha256": sha256_file(landmarks),
            "landmarks_layout": faces.layout,
        }
    else:
        faces, sources = Faces({}), {}
        detect, sources["detector"] = _detection(images, found, landmarks, workers)
    known = [n for n in found if detect or settings.missing == "centre" or n in faces]
    targets = dict(zip(known, targets_of(known, settings.format)))
    header = {
        "template": "arcface",
        "settings": settings.recorded(),
        **sources,
        "source_sha256": source_hash(images, known),
    }
    if join:
        join_parts(out, header, found, detected=detect is not None)
    if whole := begin(out, header, part, resume=resume or join):
        return whole
    names = part.share(found)
    remove_leftovers_of(out, [targets[name] for name in names if name in targets])
    account: dict[str, Any] = {}
    if detect:
        entries = detect(names, out / part.detected)
        faces = Faces(points_of(entries))
        account["detection"] = found_out = summed_up(entries)
        if found_out["not_found"]:
            reason = found_out["not_found"][0]["reason"]
            refuse_missing(images, names, faces, settings, reason)
        if part.world == 1:
            account["landmarks_sha256"] = write_landmarks(out, faces.points)
    todo = [
        (name, targets[name]) for name in names if settings.missing == "centre" or name in faces
    ]
    failed = write_crops(images, out, todo, faces, settings, workers)
    if part.world == 1:
        _refuse_none(images, found, todo, failed)
    summary = {"complete": True} | header | account | _counted(names, found, todo, failed, faces)
    write_json(out / part.note, summary)
    if part.world == 1:
        remove_parts(out)
    return summary


def _detection(
    images: Path, found: list[str], settings: DetectSettings, workers: int
) -> tuple[_Detect, dict[str, Any]]:
    """How faces are found in some of the photographs, and what align.json says of it."""
    detector = build(settings)
    check_listable(images, found)
    boxes = labelled_boxes(images, found, settings.boxes) if settings.boxes else {}

    def detect(names: list[str], target: Path) -> list[Entry]:
        return detect_folder(images, names, target, detector, settings.face, boxes, workers=workers)

    return detect, described(settings, detector)


def _refuse_none(
    images: Path, found: list[str], todo: list[tuple[str, str]], failed: dict[str, str]
) -> None:
    if not todo:
        raise ValueError(
            f"{images}: no usable face was found in any of {len(found)} images; "
            "try another --detector, or --missing centre"
        )
    if len(failed) == len(todo):
        first = next(iter(failed.values()))
        raise ValueError(f"{images}: no image could be aligned; the first: {first}")


def _counted(
    names: list[str],
    found: list[str],
    todo: list[tuple[str, str]],
    failed: dict[str, str],
    faces: Faces,
) -> dict[str, Any]:
    """Counts, and names that were left out; `names` are this process's share of `found`."""
    present = set(found)
    without = [name for name in names if name not in faces]
    missing = [name for name in [*faces.points, *sorted(faces.aligned)] if name not in present]
    counts = {
        "crops": len(todo) - len(failed),
        "centred": sum(name not in faces and name not in failed for name, _ in todo),
        "failed": len(failed),
        "without_landmarks": len(without),
        "missing_images": len(missing),
    }
    if faces.aligned:
        counts["already_aligned"] = sum(n in faces.aligned and n not in failed for n, _ in todo)
    return {
        "counts": counts,
        "failed": [{"image": name, "reason": reason} for name, reason in failed.items()],
        "without_landmarks": without,
        "missing_images": missing,
    }
