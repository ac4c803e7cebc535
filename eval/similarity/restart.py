"""How far a rank has come, so that a stopped run goes on: one file a rank, whole or absent."""

import hashlib
import json
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from data_prep.files import written_aside
from eval.similarity.pairs import Labels
from eval.similarity.plan import Plan
from eval.similarity.statistics import Arrays
from eval.similarity.vectors import Vectors
from models import comm

_FORMAT = 2
"""Of what a note holds; one of another format is not taken up."""


class Restart:
    """The note of one rank; its name holds the hash of inputs and settings."""

    def __init__(self, path: Path) -> None:
        """A note at `path`, which need not exist."""
        self.path = path

    @staticmethod
    def of(
        folder: str,
        probes: Vectors,
        gallery: Vectors,
        plan: Plan,
        labels: tuple[Labels, Labels] | None,
        settings: Any,
    ) -> "Restart":
        """The note of this rank for a run on just these inputs; reads all of them once."""
        above = None if plan.above is None else _digest(plan.above)
        parts = [
            _FORMAT,
            probes.digest(),
            probes.digest() if gallery is probes else gallery.digest(),
            [plan.top, plan.tail, above, plan.bins, list(plan.sizes)],
            None if labels is None else [_digest(side) for side in labels],
            str(settings),
        ]
        key = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
        name = f"similarity-{key}-{comm.rank()}of{comm.world_size()}.npz"
        return Restart(Path(folder) / name)

    def save(self, done: int, kept: dict[str, Arrays]) -> None:
        """Writes that `done` tiles are in `kept`."""
        flat: dict[str, Any] = {"done": np.int64(done)}
        flat |= {f"{name}/{key}": a for name, arrays in kept.items() for key, a in arrays.items()}
        with written_aside(self.path) as aside, aside.open("wb") as file:
            np.savez(file, **flat)

    def restore(self, kept: dict[str, Arrays]) -> int:
        """Puts what was saved into `kept`, in place; returns how many tiles it holds, perhaps 0.

        Raises:
            ValueError: the note is not one of ours.
        """
        if not self.path.exists():
            return 0
        try:
            with np.load(self.path, allow_pickle=False) as note:
                for name, arrays in kept.items():
                    for key in arrays:
                        arrays[key] = note[f"{name}/{key}"]
                return int(note["done"])
        except (ValueError, KeyError, OSError, EOFError, BadZipFile) as error:
            raise ValueError(f"{self.path}: not a note of this run ({error}); remove it") from None

    def forget(self) -> None:
        """Removes the note."""
        self.path.unlink(missing_ok=True)


def _digest(array: Any) -> str:
    array = np.ascontiguousarray(array)
    state = hashlib.sha256(f"{array.dtype} {array.shape}".encode())
    state.update(array)
    return state.hexdigest()
