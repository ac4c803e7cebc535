"""What a killed run was still writing: files and folders that `files.py` left aside."""

import os
import re
import shutil
from collections.abc import Collection, Iterable
from pathlib import Path

from data_prep.records.manifest import ROLES, manifest_path, with_suffix

_ASIDE = re.compile(r"\.(.+)\.(\d+)\.tmp")


def remove_leftovers(paths: Iterable[Path], targets: Collection[str] | None = None) -> int:
    """Removes files and folders `.NAME.PID.tmp` whose process is gone; returns how many.

    To be called before this process writes there: a file under its own number is from an earlier
    process of that number, as happens in containers. Processes of other machines are not seen, so
    no other machine may be writing there.

    Args:
        paths: files and folders to look at; others are passed over.
        targets: only leftovers of files with these names; None for any.
    """
    removed = 0
    for path in list(paths):
        found = _ASIDE.fullmatch(path.name)
        if found and (targets is None or found[1] in targets) and _is_gone(int(found[2])):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
            removed += 1
    return removed


def remove_set_leftovers(prefix: Path) -> None:
    """Removes what a killed run that wrote the record set `prefix` left beside it."""
    if prefix.parent.is_dir():
        paths = [manifest_path(prefix), *(with_suffix(prefix, role) for role in ROLES)]
        remove_leftovers(prefix.parent.iterdir(), {path.name for path in paths} | {"property"})


def _is_gone(process: int) -> bool:
    if process == os.getpid():
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return True
    except PermissionError:
        return False
    return False
