"""Faces: trained on pins_faces112 without the people who are in LFW, judged on pairs of LFW."""

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from configs.schema import LossConfig
from data_prep.faces.align import align
from data_prep.faces.landmarks import read_landmarks
from data_prep.images import decode
from eval.metrics.folds import fold_accuracy
from eval.metrics.roc import eer, roc, tar_at_far
from eval.protocols.pairs import PairList
from eval.protocols.verification import pair_protocol
from experiments.fit import Images
from experiments.tasks.base import Task, data_file, embed
from train.state import TrainState

HELD_OUT_PEOPLE = 10
FAR = "1e-2"
LISTS = {
    "lfw": ("lfw", "lists/lfw_pairs.txt"),
    "lookalike": ("sllfw", "lists/pair_similar_LFW.txt"),
}
"""Pair lists by the name of their figures: protocol and file."""


@dataclass(frozen=True)
class Photographs:
    """Aligned photographs of LFW: names as lists have them, uint8 pixels [n, size, size, 3]."""

    names: list[str]
    pixels: Tensor


class FaceTask(Task):
    """Verification: LFW and look-alike pairs, accuracy over folds and TAR at FAR 1e-2.

    While searching, the last people by name are held out, and judged by all pairs of their images.
    """

    criterion = "eer_percent"

    def __init__(self, people: Images) -> None:
        """Keeps the training set; LFW is read, at its size, when it is first asked for."""
        self.people = people
        self.size = people.pixels.shape[1]
        self.split = people.classes - HELD_OUT_PEOPLE

    def training(self, searching: bool) -> Images:
        """See `Task`."""
        if not searching:
            return self.people
        rows = self.people.labels < self.split
        return Images(self.people.pixels[rows], self.people.labels[rows], self.split)

    def judge(
        self, state: TrainState, loss: LossConfig, *, searching: bool, keep: int
    ) -> dict[str, Any]:
        """The figures of both lists, or the error on the people held out."""
        return self._of_held_out(state) if searching else self._of_lists(state)

    def _of_held_out(self, state: TrainState) -> dict[str, Any]:
        """Equal error rate, per cent, of all pairs of the people held out.

        After the few epochs of a search TAR at a small FAR says little: nearly all is missed.
        """
        rows = self.people.labels >= self.split
        emb_nD = _flip_sum(state, self.people.pixels[rows])
        label_n = self.people.labels[rows].numpy()
        first, second = np.triu_indices(len(label_n), 1)
        same = label_n[first] == label_n[second]
        scores = (emb_nD @ emb_nD.T)[first, second]
        error = 100 * eer(roc(scores[same], scores[~same]))
        return {"eer_percent": error}

    def _of_lists(self, state: TrainState) -> dict[str, Any]:
        emb_nD = _flip_sum(state, self.lfw.pixels)
        row = {name: place for place, name in enumerate(self.lfw.names)}
        figures: dict[str, Any] = {}
        for name, pairs in self.lists.items():
            first, second = ([row[image] for image in side] for side in (pairs.a, pairs.b))
            scores = np.einsum("nd,nd->n", emb_nD[first], emb_nD[second])
            accuracy = fold_accuracy(scores, pairs.same, pairs.fold)
            figures[f"{name}_accuracy"] = float(accuracy.folds.mean())
            figures[f"{name}_tar"] = _tar(scores, pairs.same)
            figures[f"{name}_pairs"] = len(scores)
            figures[f"{name}_wrong"] = np.flatnonzero(~accuracy.correct).tolist()
        return figures

    @cached_property
    def lfw(self) -> Photographs:
        """LFW's photographs, aligned with the landmarks given."""
        points = read_landmarks(data_file("lists/lfw_landmarks.txt"))
        pixels = np.empty((len(points), self.size, self.size, 3), dtype=np.uint8)
        names: list[str] = []
        for name, photograph in _images(data_file("lfw_photos.tar"), "lfw/"):
            if name in points:
                pixels[len(names)] = _sized(align(photograph, points[name]), self.size)
                names.append(name)
        return Photographs(names, torch.from_numpy(pixels[: len(names)]))

    @cached_property
    def lists(self) -> dict[str, PairList]:
        """The pair lists."""
        return {
            name: pair_protocol(protocol).parse(data_file(path))
            for name, (protocol, path) in LISTS.items()
        }


def pins(size: int = 112) -> Task:
    """pins_faces112 without the people of LFW.

    Args:
        size: to which crops of 112 pixels are shrunk, those of LFW as well.

    Raises:
        FileNotFoundError: the data is not there.
        ValueError: a damaged image, or people to leave out who are not in the set.
    """
    path, overlap = data_file("pins_faces112.tar"), data_file("lists/pins_lfw_overlap.txt")
    left_out = {line.strip() for line in overlap.read_text(encoding="utf-8").splitlines() if line}
    by_person: dict[str, list[np.ndarray]] = {}
    for name, pixels in _images(path, "pins/"):
        person = name.split("/")[0].replace("_", " ")
        by_person.setdefault(person, []).append(_sized(pixels, size))
    if unknown := left_out - set(by_person):
        raise ValueError(f"{overlap}: expected people of {path}, found {sorted(unknown)}")
    names = sorted(set(by_person) - left_out)
    labels = [place for place, name in enumerate(names) for _ in by_person[name]]
    stacked = np.stack([image for name in names for image in by_person[name]])
    return FaceTask(Images(torch.from_numpy(stacked), torch.tensor(labels), len(names)))


def _sized(crop: np.ndarray, size: int) -> np.ndarray:
    """A crop of 112 pixels, or the mean of the pixels that fall together in a smaller one."""
    import cv2

    if crop.shape[0] == size:
        return crop
    return np.asarray(cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA))


def _images(path: Path, folder: str) -> Iterator[tuple[str, np.ndarray]]:
    """Names within `folder` and decoded pixels of a tar's JPEGs, one at a time."""
    with tarfile.open(path) as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file is not None and member.name.endswith(".jpg"):
                name = member.name.removeprefix(folder)
                yield name, decode(file.read(), f"{path}, {member.name}")


def _flip_sum(state: TrainState, pixels: Tensor) -> np.ndarray:
    """Unit embeddings [n, D] of images and their mirror images, added up."""
    emb_nD = (embed(state, pixels) + embed(state, pixels.flip(2))).numpy().astype(np.float64)
    unit: np.ndarray = emb_nD / np.linalg.norm(emb_nD, axis=1, keepdims=True).clip(1e-12)
    return unit


def _tar(scores: np.ndarray, same: np.ndarray) -> float:
    (point,) = tar_at_far(scores[same], scores[~same], [FAR])
    return float(point["tar"])
