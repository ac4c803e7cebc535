"""A record set back to a folder tree."""

from pathlib import Path, PurePosixPath

from tqdm import tqdm

from data_prep.dataset import record_names
from data_prep.files import folder_written_aside
from data_prep.records.reader import RecordSet

_SIGNATURES = ((b"\xff\xd8", ".jpg"), (b"\x89PNG", ".png"), (b"BM", ".bmp"), (b"P5", ".pgm"))


def unpack_records(prefix: Path, out: Path) -> int:
    """Writes every image, byte for byte, to OUT/person/image; returns how many.

    Sets of our packer get the names that the images had; others `label/key` with the ending that
    the bytes suggest. The folder appears when all is in it.

    Raises:
        ValueError: a record is damaged, a name leads out of the folder, or `out` is not empty.
        OSError: a file cannot be read or written.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out}: expected an empty or new folder; choose another")
    records = RecordSet(prefix)
    names = record_names(records)
    with folder_written_aside(out) as aside:
        for i, name in enumerate(tqdm(names, desc="unpack", unit="image", delay=2)):
            path = PurePosixPath(name)
            if path.is_absolute() or ".." in path.parts:
                raise ValueError(
                    f"{records.rec}: image {i} is named {name!r}, outside of the folder"
                )
            data = records.image_bytes(i)
            target = aside / (path if path.suffix else path.with_suffix(_suffix_of(data)))
            if target.exists():
                raise ValueError(
                    f"{records.rec}: two images are named {name!r}; pack the set again"
                )
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
    return len(names)


def _suffix_of(data: bytes) -> str:
    return next((suffix for start, suffix in _SIGNATURES if data.startswith(start)), ".img")
