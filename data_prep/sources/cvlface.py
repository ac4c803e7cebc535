"""Record sets of CVLface: keys from 0, people and names in a list beside (formats.md 2.4)."""

from pathlib import Path, PurePosixPath

from data_prep.records.manifest import with_suffix
from data_prep.records.reader import RecordSet
from data_prep.sources.people import Places
from data_prep.sources.tables import class_number, rows


def is_cvlface(records: RecordSet) -> bool:
    """Whether a record set has CVLface's list of images, `PREFIX.tsv`, and no manifest of ours."""
    return records.manifest is None and with_suffix(records.prefix, "tsv").is_file()


def cvlface_names(records: RecordSet) -> list[str]:
    """The images' paths in `PREFIX.tsv`; of paths that lead elsewhere the end.

    That is the folder and the file or, where these are not enough to tell all images apart, all of
    the path.

    Raises:
        ValueError: the .tsv is not this set's, or two images have the same path; names its line.
        OSError: it cannot be read.
    """
    table = with_suffix(records.prefix, "tsv")
    names = _names(records, table, whole=False)
    if Places(names).repeat():
        names = _names(records, table, whole=True)
        if twice := Places(names).repeat():
            first, later = (int(records.keys[place]) for place in twice)
            raise ValueError(
                f"{table}, key {later}: expected a path of its own, found {names[twice[1]]!r} as "
                f"at key {first}; correct the list, or remove it to have images named label/key"
            )
    return names


def _names(records: RecordSet, table: Path, whole: bool) -> list[str]:
    labels = records.labels
    names: list[str] = []
    for number, fields in rows(table):
        where = f"{table}, line {number}"
        if len(fields) != 3:
            raise ValueError(
                f"{where}: expected key, path, label with tabs between, found {len(fields)} "
                f"columns, {fields[0][:40]!r} ..; get the file again"
            )
        if len(names) == len(records):
            raise _mismatch(where, records, "no further line", f"key {fields[0][:20]}")
        key, label = str(records.keys[len(names)]), int(labels[len(names)])
        if fields[0] != key:
            raise _mismatch(where, records, f"key {key}", f"key {fields[0][:20]}")
        if (found := class_number(fields[2], where)) != label:
            raise _mismatch(where, records, f"label {label}", f"label {found}")
        names.append(_name(fields[1], whole))
    if len(names) != len(records):
        raise _mismatch(str(table), records, f"{len(records)} lines", f"{len(names)}")
    return names


def _name(path: str, whole: bool) -> str:
    """A path as an image's name; of one that leads elsewhere the folder and the file, or all."""
    parts = PurePosixPath(path).parts
    if parts[:1] == ("/",) or ".." in parts:
        parts = tuple(part for part in parts if part not in ("/", ".."))
        parts = parts if whole else parts[-2:]
    return "/".join(parts)


def _mismatch(where: str, records: RecordSet, expected: str, found: str) -> ValueError:
    return ValueError(
        f"{where}: expected {expected} as in {records.rec}, found {found}; the list is another "
        "set's: get it again, or remove it to have images named label/key"
    )
