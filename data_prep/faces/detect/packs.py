"""InsightFace model packs: a folder or a .zip of several ONNX networks, such as buffalo_l."""

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path


def networks(source: Path) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of every network in a pack, sorted by name; nothing is unpacked to disk.

    Args:
        source: an .onnx file, a folder, or a .zip; in these every *.onnx at any depth.

    Raises:
        FileNotFoundError: it is not there.
        ValueError: there is no .onnx in it, or the .zip is damaged.
        OSError: it cannot be read.
    """
    if source.is_dir():
        files = sorted(source.rglob("*.onnx"))
        if not files:
            raise ValueError(f"{source}: expected a model pack with .onnx files, found none in it")
        yield from ((str(path), path.read_bytes()) for path in files)
    elif not source.is_file():
        raise FileNotFoundError(f"{source}: expected the ONNX file or model pack of a detector")
    elif zipfile.is_zipfile(source):
        yield from _zipped(source)
    else:
        yield str(source), source.read_bytes()


def _zipped(source: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(source) as pack:
        names = sorted(name for name in pack.namelist() if name.endswith(".onnx"))
        if not names:
            raise ValueError(f"{source}: expected a model pack with .onnx files, found none in it")
        for name in names:
            try:
                yield f"{source}/{name}", pack.read(name)
            except (zipfile.BadZipFile, zlib.error, RuntimeError) as error:
                raise ValueError(
                    f"{source}, {name}: cannot be read ({error}); get the pack again"
                ) from None
