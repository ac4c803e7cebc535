"""What a protocol is. One more = one file that defines one, and one row of PROTOCOLS.

`python -m eval run --protocol NAME` asks the row of that name for its options, hands it what was
typed, writes what it returns and prints its summary. Nothing else needs to know a protocol.

The table is imported for every `--help`: import torch and the like inside `judge`.

Under torchrun `judge` runs on every rank within a process group (models/comm); a protocol may use
collectives or let every rank do the same. Rank 0's result is the one that is written, so all ranks
must come to an end of `judge`. An option `--device`, where there is one, also says whether the
group is made for the CPU or for GPUs.
"""

import argparse
from abc import ABC, abstractmethod
from typing import Any

from data_prep.files import sha256_file
from eval.embeddings import Embeddings

SCHEMA = 1
"""Version of a result."""
RESULT = 'a result of "python -m eval run"'
"""What is expected where a result is to be read."""


class Protocol(ABC):
    """A way to judge embeddings.

    Attributes:
        title: as it is written in a report.
        about: half a line for the list of protocols.
        example: options for a command that shows how it is used, after `--protocol NAME`.
    """

    title: str
    about: str
    example: str = ""

    @abstractmethod
    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Adds its own options; `--protocol` and `--out` are there already."""

    @abstractmethod
    def judge(self, args: argparse.Namespace, command: str) -> dict[str, Any]:
        """The result as strict-JSON data (docs/formats.md): `schema`, `protocol`, `title` and more.

        Args:
            args: its options, and `protocol`, the name it is listed under.
            command: what the user typed, for the record.

        Raises:
            ValueError: bad input, in one line.
            OSError: a file that cannot be read.
        """

    @abstractmethod
    def summary(self, result: dict[str, Any]) -> str:
        """A few lines for the terminal."""


def embeddings_facts(embeddings: Embeddings) -> dict[str, Any]:
    """Which embeddings were judged: path, sha256, count, dim and the command that made them."""
    return {
        "path": embeddings.prefix,
        "sha256": sha256_file(f"{embeddings.prefix}.npy"),
        "count": len(embeddings.names),
        "dim": embeddings.vectors.shape[1],
        "command": embeddings.meta.get("command"),
    }


def tar_lines(points: list[dict[str, Any]]) -> list[str]:
    """Rows of `tar_at_far` as text, one line each, with their counts."""
    return [f"TAR@FAR={point['far']:g}  " + _point(point) for point in points]


def _point(point: dict[str, Any]) -> str:
    if not point["resolvable"]:
        return f"not resolvable with {point['impostors']:,} impostors"
    low, high = point["ci95"]
    return (
        f"{point['tar']:.4f}, 95 % interval {low:.4f} to {high:.4f} "
        f"({point['true_accepts']:,} of {point['genuine']:,} accepted, "
        f"{point['false_accepts']:,} of {point['impostors']:,} falsely, k = {point['k']:,})"
    )
