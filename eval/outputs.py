"""Files to write, looked at before the work: no folders, and nothing that is read."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data_prep.embeddings import paths


def require_free(option: str, out: str, read: Mapping[str, Any]) -> None:
    """Refuses a file to write that is a folder or one of the inputs.

    Args:
        option: what names the file, for the message.
        out: the file.
        read: what is read, by option: a path or several; X stands for X.npy, X.txt and X.json.
            What is no path is passed over.

    Raises:
        ValueError: it is an input.
        IsADirectoryError: it is a folder.
    """
    place = Path(out).resolve()
    if place.is_dir():
        raise IsADirectoryError(f"{option} {out}: is a folder, expected a file to write")
    for name, given in read.items():
        for path in given if isinstance(given, list | tuple) else [given]:
            if not isinstance(path, str | Path):
                continue
            if place.exists() and place == Path(path).resolve():
                raise ValueError(f"{option} {out}: is read as {name}; choose another name")
            array, names, note = paths(path)
            what = {array: "array", names: "list", note: "description"}
            for part in what if array.is_file() else ():
                if place == part.resolve():
                    raise ValueError(
                        f"{option} {out}: is the {what[part]} of the embeddings read as {name}; "
                        "choose another name"
                    )
