"""The images of any source as a folder tree."""

from pathlib import Path, PurePosixPath

from tqdm import tqdm

from data_prep.files import folder_written_aside
from data_prep.leftovers import remove_leftovers
from data_prep.sources import open_people

_SIGNATURES = ((b"\xff\xd8", ".jpg"), (b"\x89PNG", ".png"), (b"BM", ".bmp"), (b"P5", ".pgm"))


def unpack_images(images: Path, out: Path, list_file: Path | None = None) -> int:
    """Writes every image, byte for byte, to OUT/person/image; returns how many.

    Images keep the names that the source has for them; one without folder goes to the person's,
    one without ending gets what its bytes suggest. The folder appears when all is in it.

    Args:
        images: what `open_people` takes.
        out: a new folder.
        list_file: the list of images, for sources that have one.

    Raises:
        ValueError: an image is damaged, a name leads out of the folder, or `out` is not empty.
        OSError: a file cannot be read or written.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out}: expected an empty or new folder; choose another")
    source = open_people(images, list_file)
    if out.parent.is_dir():
        remove_leftovers(out.parent.iterdir(), {out.name})  # of an unpack that was killed
    count = sum(len(person.images) for person in source.people)
    tasks = ((person.name, name) for person in source.people for name in person.images)
    with folder_written_aside(out) as aside:
        for person, name in tqdm(tasks, total=count, desc="unpack", unit="image", delay=2):
            path = PurePosixPath(name)
            if len(path.parts) == 1:
                path = PurePosixPath(person) / path
            if path.is_absolute() or ".." in path.parts:
                raise ValueError(
                    f"{source.where(name)}: the image is named {str(path)!r}, outside of the folder"
                )
            data = source.encoded(name)
            target = aside / (path if path.suffix else path.with_suffix(_suffix_of(data)))
            if target.exists():
                raise ValueError(
                    f"{source.where(name)}: two images would be the file {path}; pack the set "
                    "again under other names"
                )
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
    return count


def _suffix_of(data: bytes) -> str:
    return next((suffix for start, suffix in _SIGNATURES if data.startswith(start)), ".img")
