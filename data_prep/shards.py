"""One record set in several files, as other programs write it: named by a pattern."""

import glob
from pathlib import Path

from data_prep.records.manifest import with_suffix
from data_prep.records.reader import RecordSet


def open_shards(records: RecordSet | str | Path) -> list[RecordSet]:
    """The record sets that one entry stands for: itself, or the files that a pattern fits.

    Args:
        records: a set, its prefix or .rec, or a pattern (`*`, `?`, `[..]`, `**` for folders of any
            depth) of .rec files, sorted by path.

    Raises:
        ValueError: a set is damaged, or sets of ours do not have the same people.
        OSError: a file is missing, or the pattern fits none.
    """
    if isinstance(records, RecordSet):
        return [records]
    if not is_pattern(Path(records)):
        return [RecordSet(records)]
    pattern = str(records).removesuffix(".rec") + ".rec"
    paths = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207  (no root)
    if not paths:
        raise FileNotFoundError(
            f"{records}: expected a pattern of .rec files, none fits; correct it, with quotes "
            "around it so that the shell leaves it alone"
        )
    shards = [RecordSet(path) for path in paths]
    known = [one for one in shards if one.manifest is not None]
    for one in known[1:]:
        assert one.manifest is not None and known[0].manifest is not None
        if one.manifest["class_names"] != known[0].manifest["class_names"]:
            raise ValueError(
                f"{one.rec}: expected the people of {known[0].rec}, its manifest names others; "
                "labels of sets that were packed apart are different people: give them one by "
                'one, or join parts of one pack with "python -m data_prep merge"'
            )
    return shards


def is_pattern(path: Path) -> bool:
    """Whether a path stands for several files: it has wildcards, and no set has just this name."""
    named = path if path.suffix == ".rec" else with_suffix(path, "rec")
    return glob.has_magic(str(path)) and not named.exists()
