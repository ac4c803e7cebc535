"""What exists out there, read in place: folders, lists, record sets, tables, bins."""

import glob
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from data_prep.sources.people import People

KINDS = (
    "a folder DIR/person/image; with --list, a folder of images or of TFRecord shards; a record "
    "set (PREFIX of PREFIX.rec); several as a quoted pattern ('shards/*.rec'); an MS-Celeb-1M "
    "table (.tsv, or a pattern)"
)
"""What `open_people` takes, for help and messages."""

_LISTS = (".lst", ".index")
_TABLES = (".tsv", ".txt")


def open_people(path: str | Path, list_file: Path | None = None) -> "People":
    """The people of a source, of whatever kind; the kind is told from what is there.

    Args:
        path: one of KINDS.
        list_file: the list of images, for folders that have no folder a person.

    Raises:
        ValueError: it is none of these kinds, or damaged; names the place.
        OSError: nothing is there.
    """
    from data_prep.shards import is_pattern

    path = Path(path)
    if list_file is not None:
        return _open_listed(path, list_file)
    if path.is_dir():
        return _open_folder(path)
    patterned = is_pattern(path) and not path.exists()
    return _open_files(path, _fitting(path) if patterned else [path])


def _fitting(pattern: Path) -> list[Path]:
    """The files of a pattern: .rec as everywhere in the project, unless it says .tsv or .txt."""
    text = str(pattern)
    if pattern.suffix not in _TABLES:
        text = text.removesuffix(".rec") + ".rec"
    found = map(Path, glob.glob(text, recursive=True))  # noqa: PTH207  (no root)
    paths = sorted(path for path in found if path.is_file())
    if not paths:
        raise FileNotFoundError(f"{text}: expected files of this pattern, found none; correct it")
    return paths


def _open_listed(path: Path, list_file: Path) -> "People":
    from data_prep.sources.lists import ListPeople, form_of
    from data_prep.sources.tables import rows
    from data_prep.sources.tfrecord import TFRecordPeople

    if not path.is_dir():
        raise NotADirectoryError(
            f"{path}: expected a folder of images (or of TFRecord shards), since --list is given"
        )
    number, fields = next(rows(list_file))
    if form_of(fields, f"{list_file}, line {number}") == "tface":
        return TFRecordPeople(path, list_file)
    return ListPeople(path, list_file)


def _open_folder(path: Path) -> "People":
    from data_prep.sources.tree import FolderTree

    # Two mistakes that would not end in an error, or in one that does not help.
    if (path / "label.txt").is_file():
        raise ValueError(
            f"{path}: has label.txt, so its folders are not people; add --list {path}/label.txt"
        )
    records = sorted(path.glob("*.rec"))
    if records and not any(entry.is_dir() for entry in path.iterdir()):
        raise ValueError(
            f"{path}: expected one folder a person, found a record set; give its prefix, "
            f"{records[0].with_suffix('')}"
        )
    return FolderTree(path)


def _open_files(path: Path, paths: Sequence[Path]) -> "People":
    from data_prep.records.manifest import as_prefix, with_suffix
    from data_prep.sources.msceleb import TextImages
    from data_prep.sources.records import open_records

    if all(with_suffix(as_prefix(one), "rec").is_file() for one in paths):
        return open_records(paths)
    if all(one.suffix in _TABLES and one.is_file() for one in paths):
        return TextImages(paths)
    if path.suffix in _LISTS and path.is_file():
        raise ValueError(f"{path}: is a list; give it as --list and the images' folder as --images")
    if not path.exists() and not as_prefix(path).exists():
        raise FileNotFoundError(f"{path}: found nothing there; expected {KINDS}")
    raise ValueError(f"{path}: expected {KINDS}")
