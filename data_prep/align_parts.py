"""What a run leaves beside the crops: its note, and with several processes the parts to be joined.

Under torchrun each process aligns the photographs of its own chunks into the one tree and says so
in `align.part-R-of-W.json`; a detector's findings stay in `detected.part-R-of-W.jsonl`. Joining
them is a run of one process that finds every crop there.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_prep.faces.detect.folder import CHUNK, LANDMARKS, read_entries
from data_prep.files import read_json, write_json, written_aside
from data_prep.leftovers import remove_leftovers

SUMMARY = "align.json"
"""What was done, beside the crops."""

_NOTE = re.compile(r"align\.part-\d+-of-(\d+)\.json")


@dataclass(frozen=True)
class Part:
    """One process of a run.

    Attributes:
        rank: its number, from 0.
        world: how many there are.
    """

    rank: int = 0
    world: int = 1

    @property
    def note(self) -> str:
        """The file that says what it did."""
        return SUMMARY if self.world == 1 else f"align.{self}.json"

    @property
    def detected(self) -> str:
        """The file of what its detector found."""
        return "detected.jsonl" if self.world == 1 else f"detected.{self}.jsonl"

    def __str__(self) -> str:
        return f"part-{self.rank}-of-{self.world}"

    def share(self, names: list[str]) -> list[str]:
        """Its photographs: every `world`-th chunk, whole, because a detector is shown a chunk at
        once and may say something else in the last digit of a picture that it is shown alone."""
        return [name for i, name in enumerate(names) if i // CHUNK % self.world == self.rank]

    def all(self) -> list["Part"]:
        """The parts of the run."""
        return [Part(rank, self.world) for rank in range(self.world)]


def read_note(path: Path) -> dict[str, Any]:
    """A note, `align.json` or that of a part.

    Raises:
        ValueError: it is no object of JSON.
        OSError: it cannot be read.
    """
    note = read_json(path)
    if not isinstance(note, dict):
        raise ValueError(
            f"{path}: expected an object, as align writes it, found {type(note).__name__}; align "
            "again into a new folder"
        )
    return note


def begin(out: Path, header: dict[str, Any], part: Part, *, resume: bool) -> dict[str, Any]:
    """Leaves a note of what decides the crops in `out`, or compares with those that are there.

    Args:
        out: folder of the crops.
        header: what decides the crops.
        part: this process.
        resume: go on with what is in `out`.

    Returns:
        Nothing; for one process of several, if all is done and joined, the account of it.

    Raises:
        ValueError: `out` holds something else.
    """
    if out.is_dir():
        remove_leftovers(out.iterdir(), {part.note, part.detected, LANDMARKS})
    held = out.exists() and any(path.name[0] != "." for path in out.iterdir())
    notes = _notes(out)  # looked for second: each is older than what else its process wrote
    others = notes.keys() - {part.note, SUMMARY}
    # Another process of this run may have been quicker, while this one has written nothing yet.
    joins_in = part.world > 1 and others and part.note not in notes
    if held and not resume and not joins_in:
        raise ValueError(
            f"{out}: expected an empty or new folder; --resume goes on with a run in it"
        )
    if held and not notes:
        raise ValueError(f"{out}: expected {SUMMARY} of the run to go on with; choose a new folder")
    for name, note in notes.items():
        _compare(out / name, note, header)
    strange = sorted(name for name in others if part.world > 1 and _world(name) != part.world)
    if strange:
        raise ValueError(
            f"{out / strange[0]}: expected parts of {part.world} processes; go on with as many as "
            "before, or in a single one"
        )
    if part.world > 1 and notes.get(SUMMARY, {}).get("complete"):
        return notes[SUMMARY]
    write_json(out / part.note, {"complete": False} | header)
    if part.rank == 0 and part.world > 1:  # so that nobody takes the tree for a whole one
        write_json(out / SUMMARY, {"complete": False} | header)
    return {}


def remove_leftovers_of(out: Path, targets: list[str]) -> None:
    """Removes what killed runs left of these crops, and of no other process's."""
    names: dict[Path, set[str]] = defaultdict(set)
    for target in targets:
        names[(out / target).parent].add(Path(target).name)
    for folder, wanted in names.items():
        remove_leftovers(folder.glob(".*.tmp"), wanted)


def join_parts(out: Path, header: Mapping[str, Any], names: list[str], *, detected: bool) -> None:
    """Sees that all processes are done, and brings together what their detectors found.

    A run of one process that goes on in `out` then finds every crop there, and is the joined one.
    Where that has been done already nothing happens.

    Args:
        out: folder of the crops.
        header: what decides the crops.
        names: all photographs.
        detected: a detector found the faces.

    Raises:
        ValueError: a part is missing, not done, or of another run.
    """
    notes = _notes(out)
    if notes.pop(SUMMARY, {}).get("complete"):
        return
    if not notes:
        raise ValueError(
            f"{out}: expected {Part(0, 2).note} and so on, found no part; run align under torchrun "
            "first, without --join"
        )
    world = min(_world(name) for name in notes)
    for part in Part(0, world).all():
        if not notes.get(part.note, {}).get("complete"):
            raise ValueError(
                f"{out / part.note}: expected the part of a process that is done; go on with "
                f"torchrun --nproc-per-node {world} and --resume, then join"
            )
        _compare(out / part.note, notes[part.note], header)
    if detected:
        _join_detected(out, names, world)


def remove_parts(out: Path) -> None:
    """Removes the parts, notes last, of a run whose `align.json` is whole."""
    for pattern in ("detected.part-*-of-*.jsonl*", "align.part-*-of-*.json"):
        for path in out.glob(pattern):
            path.unlink()


def _join_detected(out: Path, names: list[str], world: int) -> None:
    """One `detected.jsonl` out of the parts', in the order of the photographs."""
    parts = Part(0, world).all()
    for part in parts:
        own = part.share(names)
        if len(read_entries(out / part.detected, own)[0]) != len(own):
            raise ValueError(
                f"{out / part.detected}: expected {len(own)} whole lines; delete it and "
                f"{part.note}, go on with torchrun and --resume, then join"
            )
    with written_aside(out / Part().detected) as aside, aside.open("wb") as whole:
        files = [(out / part.detected).open("rb") for part in parts]
        try:
            for i in range(len(names)):
                whole.write(files[i // CHUNK % world].readline())
        finally:
            for file in files:
                file.close()


def _notes(out: Path) -> dict[str, dict[str, Any]]:
    """The notes in a folder, by name."""
    names = [path.name for path in out.glob("align.*json")]
    notes = sorted(name for name in names if name == SUMMARY or _NOTE.fullmatch(name))
    return {name: read_note(out / name) for name in notes}


def _world(note: str) -> int:
    """How many processes a part's note is one of."""
    found = _NOTE.fullmatch(note)
    assert found
    return int(found[1])


def _compare(path: Path, note: Mapping[str, Any], header: Mapping[str, Any]) -> None:
    for field, value in header.items():
        if note.get(field) != value:
            raise ValueError(
                f"{path}: {field} was {note.get(field)}, now it is {value}; "
                "resume with the same, or choose a new folder"
            )
