"""Files that a killed run was still writing: what `written_aside` leaves when nothing can tidy."""

import os
import re
from collections.abc import Collection, Iterable
from pathlib import Path

_ASIDE = re.compile(r"\.(.+)\.(\d+)\.tmp")


def remove_leftovers(paths: Iterable[Path], targets: Collection[str] | None = None) -> int:
    """Removes files `.NAME.PID.tmp` whose process is gone; returns how many.

    To be called before this process writes there: a file under its own number is from an earlier
    process of that number, as happens in containers. Processes of other machines are not seen, so
    no other machine may be writing there.

    Args:
        paths: files to look at; others are passed over.
        targets: only leftovers of files with these names; None for any.
    """
    removed = 0
    for path in list(paths):
        found = _ASIDE.fullmatch(path.name)
        if found and (targets is None or found[1] in targets) and _is_gone(int(found[2])):
            path.unlink(missing_ok=True)
            removed += 1
    return removed


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
