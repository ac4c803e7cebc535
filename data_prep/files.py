"""Output files that are whole or absent: written aside, then renamed."""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
"""Nothing more can be written. The system does not say to which file."""


@contextmanager
def written_aside(target: str | os.PathLike[str]) -> Iterator[Path]:
    """Yields a path beside `target`; renames it to `target` when the block ends well.

    If the block raises, the file aside is removed and an earlier `target` stays as it was.
    The parent folder is created.
    """
    target = Path(target)
    _make_folder(target.parent)
    aside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        aside.touch()  # at once, so that a place that cannot be written to is named
        yield aside
        with aside.open("rb+") as file:
            os.fsync(file.fileno())
        aside.replace(target)
    except BaseException as error:
        aside.unlink(missing_ok=True)
        _name_target(error, aside, target)
        raise


@contextmanager
def folder_written_aside(target: str | os.PathLike[str]) -> Iterator[Path]:
    """The same for a folder: complete under its name, or not there at all.

    An existing `target` is replaced; for the moment between two renames neither is in place.
    """
    target = Path(target)
    _make_folder(target.parent)
    aside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    old = target.with_name(f".{target.name}.{os.getpid()}.old")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        aside.mkdir()
        yield aside
        if target.exists():
            target.replace(old)
        aside.replace(target)
        shutil.rmtree(old, ignore_errors=True)
    except BaseException as error:
        shutil.rmtree(aside, ignore_errors=True)
        _name_target(error, aside, target)
        raise


def write_text(target: str | os.PathLike[str], text: str) -> None:
    """Writes `text` as UTF-8, whole or not at all."""
    with written_aside(target) as aside:
        aside.write_text(text, encoding="utf-8")


def write_json(target: str | os.PathLike[str], data: Any) -> None:
    """Writes `data` as `json_text`, whole or not at all."""
    write_text(target, json_text(data))


def json_text(data: Any) -> str:
    """`data` as readable, strict JSON (no NaN)."""
    return json.dumps(data, indent=1, allow_nan=False) + "\n"


def read_json(path: str | os.PathLike[str], expected: str = "JSON") -> Any:
    """Reads JSON.

    Args:
        path: the file.
        expected: what it is to hold, for the message where there is no such file.

    Raises:
        ValueError: the file is not JSON, or nested too deep; the message names the file.
        FileNotFoundError: there is no such file.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: expected {expected}, found no such file") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: expected JSON in UTF-8, byte {error.start} is not") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}, line {error.lineno}: not JSON ({error.msg})") from None
    except RecursionError:
        raise ValueError(f"{path}: expected {expected}, found brackets nested too deep") from None


def sha256_file(path: str | os.PathLike[str]) -> str:
    """Hex SHA-256 of a file's bytes, read in blocks."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder)) from None


def _name_target(error: BaseException, aside: Path, target: Path) -> None:
    """Has a system's error name the file that was to be written, not nothing or the one aside."""
    if isinstance(error, OSError) and (
        error.filename == str(aside) or (error.filename is None and error.errno in _FULL)
    ):
        error.filename = str(target)
