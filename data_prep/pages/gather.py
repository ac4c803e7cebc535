"""All that the page of a data set shows, from the files that are given."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from data_prep.cli import one_line
from data_prep.pages.crops import Crops, gather_crops
from data_prep.pages.lists import CleanList, gather_list
from data_prep.pages.packed import Packed, gather_set


@dataclass(frozen=True)
class Checked:
    """What `check` said.

    Attributes:
        problems: one a line; empty for a good set.
        older: whether the set was written after it was checked.
    """

    problems: list[str]
    older: bool


@dataclass(frozen=True)
class Data:
    """What is known of a data set.

    Attributes:
        crops: the folder of aligned crops; None if not given.
        packed: the record set; None if not given.
        photos: the folder of the photographs; None if not given, or no longer there.
        lists: clean-up lists.
        checked: what check said; None if not given.
        missing: what could not be read, and so is not shown; a sentence each.
    """

    crops: Crops | None
    packed: Packed | None
    photos: Path | None
    lists: list[CleanList]
    checked: Checked | None
    missing: list[str]

    @property
    def people(self) -> dict[str, int]:
        """Images a person, of the set if it is there, else of the crops."""
        if self.packed is not None and self.packed.people:
            return self.packed.people
        return dict(self.crops.people) if self.crops else {}


def gather(
    sources: Sequence[Path],
    *,
    photos: Path | None = None,
    lists: Sequence[Path] = (),
    checked: Path | None = None,
) -> Data:
    """Reads what data preparation left.

    Args:
        sources: a folder of crops, the prefix of a record set, or one of each.
        photos: folder of the photographs that the crops were cut out of.
        lists: clean-up lists.
        checked: what `check` printed.

    Raises:
        ValueError: two sources of a kind, or crops without images.
        OSError: a source is not there.
    """
    crops: Crops | None = None
    packed: Packed | None = None
    for source in sources:
        if source.is_dir():
            if crops is not None:
                raise ValueError(f"{source}: expected one folder of crops, {crops.folder} is too")
            crops = gather_crops(source)
        else:
            if packed is not None:
                raise ValueError(f"{source}: expected one record set, {packed.prefix} is too")
            packed = gather_set(source)
    missing = [*(crops.missing if crops else []), *(packed.missing if packed else [])]
    if photos is not None and not photos.is_dir():
        missing.append(f"{photos} is not there: photographs that were missed cannot be shown.")
        photos = None
    manifest = packed.manifest if packed else {}
    found = [gather_list(path, manifest) for path in lists]
    missing += [f"{one.problem}." for one in found if one.problem]
    said = None if checked is None else _checked(checked, packed, missing)
    return Data(crops, packed, photos, found, said, missing)


def _checked(path: Path, packed: Packed | None, missing: list[str]) -> Checked | None:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
        older = packed is not None and packed.written_at > path.stat().st_mtime
    except OSError as error:
        missing.append(f"{one_line(error)}; what check found is unknown.")
        return None
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        missing.append(f"{path} is empty: check was stopped before it said anything.")
        return None
    good = lines[-1].endswith(": no problem found")
    return Checked([] if good else lines, older)
