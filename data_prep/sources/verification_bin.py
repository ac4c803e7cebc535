"""InsightFace's verification .bin files: pairs of encoded images in a pickle (formats.md 2.6).

A pickle can run anything when read. Here only lists, tuples, bytes and booleans come out, and the
names that NumPy arrays need stand for inert records of ours: no NumPy code sees the file.
"""

import io
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from data_prep.files import written_aside

_PROTOCOL = 3
"""The oldest in which bytes are bytes; every Python 3 reads it."""


def read_bin(path: Path) -> tuple[list[bytes], list[bool]]:
    """The 2P encoded images of a verification file, and whether each of its P pairs is one person.

    Pair i is images 2i and 2i + 1. Reads files of Python 2 and 3.

    Raises:
        ValueError: not such a file, cut, or it asks for anything else than data; names the file.
        OSError: the file cannot be read.
    """
    file = io.BytesIO(path.read_bytes())
    try:
        content = _DataUnpickler(file, encoding="bytes").load()
    except _ForbiddenNameError as error:
        raise ValueError(
            f"{path}: expected images and booleans only, the pickle asks for {error}; "
            "not read, it could run code"
        ) from None
    except Exception as error:  # a damaged pickle raises nearly anything
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(
            f"{path}, near byte {file.tell()}: not a pickle, or cut short ({reason}); get it again"
        ) from None
    if not isinstance(content, tuple | list) or len(content) != 2:
        raise ValueError(f"{path}: expected (images, labels), found {_kind(content)}")
    images = [_as_bytes(item, i, path) for i, item in enumerate(_items(content[0], path))]
    is_same = [_as_bool(item, i, path) for i, item in enumerate(_items(content[1], path))]
    if not is_same or len(images) != 2 * len(is_same):
        raise ValueError(
            f"{path}: expected two images a label, found {len(images)} images and "
            f"{len(is_same)} labels"
        )
    return images, is_same


def write_bin(path: Path, images: Sequence[bytes], is_same: Sequence[bool]) -> None:
    """Writes a verification file as InsightFace's readers expect it.

    Args:
        path: the file.
        images: 2P encoded images; pair i is images 2i and 2i + 1.
        is_same: P booleans.

    Raises:
        ValueError: there are not two images a pair.
    """
    if not is_same or len(images) != 2 * len(is_same):
        raise ValueError(
            f"{path}: expected two images a label, got {len(images)} images and "
            f"{len(is_same)} labels"
        )
    content = ([bytes(image) for image in images], [bool(same) for same in is_same])
    with written_aside(path) as aside:
        aside.write_bytes(pickle.dumps(content, protocol=_PROTOCOL))


class _ForbiddenNameError(Exception):
    """The pickle names something that is not data."""


class _Dtype:
    """Stands for numpy.dtype: its name such as `u1` is all that is kept."""

    def __init__(self, name: str | bytes, *_: object):
        self.name = name.decode("ascii") if isinstance(name, bytes) else name

    def __setstate__(self, state: object) -> None:
        """Byte order and the like, of no interest for bytes and booleans."""


class _Array:
    """Stands for numpy.ndarray: dtype and raw bytes, or the items of an array of objects."""

    dtype: Any = None
    raw: Any = None

    def __setstate__(self, state: tuple[object, ...]) -> None:
        _, _, self.dtype, _, self.raw = state


def _scalar(dtype: object, raw: object) -> _Array:
    array = _Array()
    array.dtype, array.raw = dtype, raw
    return array


def _latin1(text: str, encoding: str | bytes) -> bytes:
    """_codecs.encode, for the one use Python 3 has for it: bytes in old protocols."""
    if encoding not in ("latin1", b"latin1"):
        raise _ForbiddenNameError(f"the codec {encoding!r}")
    return text.encode("latin-1")


def _known_names() -> dict[tuple[str, str], object]:
    names: dict[tuple[str, str], object] = {
        ("numpy", "ndarray"): None,
        ("numpy", "dtype"): _Dtype,
        ("_codecs", "encode"): _latin1,
    }
    for module in ("numpy.core.multiarray", "numpy._core.multiarray"):
        names[module, "_reconstruct"] = lambda *_: _Array()
        names[module, "scalar"] = _scalar
    return names


class _DataUnpickler(pickle._Unpickler):
    """The one in Python: that in C allocates as many memo slots as four bytes of the file say."""

    known: ClassVar[dict[tuple[str, str], Any]] = _known_names()

    def find_class(self, module: str, name: str) -> Any:
        try:
            return self.known[module, name]
        except KeyError:
            raise _ForbiddenNameError(repr(f"{module}.{name}")) from None


def _items(value: object, path: Path) -> Sequence[object]:
    """A list, from a list, a tuple, or an array of objects or booleans."""
    if isinstance(value, _Array):
        if isinstance(value.raw, list):
            return value.raw
        if isinstance(value.raw, bytes) and _name(value) in ("b1", "?"):
            return [bool(byte) for byte in value.raw]
    if isinstance(value, list | tuple):
        return value
    raise ValueError(f"{path}: expected a list, found {_kind(value)}")


def _as_bytes(item: object, i: int, path: Path) -> bytes:
    if isinstance(item, _Array) and _name(item) == "u1" and isinstance(item.raw, bytes):
        item = item.raw
    if not isinstance(item, bytes) or not item:
        raise ValueError(f"{path}: expected encoded bytes as image {i}, found {_kind(item)}")
    return item


def _as_bool(item: object, i: int, path: Path) -> bool:
    if (
        isinstance(item, _Array)
        and isinstance(item.raw, bytes)
        and _name(item) in ("b1", "i8", "i4")
    ):
        item = int.from_bytes(item.raw, "little")
    if isinstance(item, int) and item in (0, 1):
        return bool(item)
    raise ValueError(f"{path}: expected True or False as label {i}, found {_kind(item)}")


def _name(array: _Array) -> str:
    return array.dtype.name if isinstance(array.dtype, _Dtype) else ""


def _kind(value: object) -> str:
    if isinstance(value, _Array):
        return f"an array of {_name(value) or 'unknown kind'!r}"
    return "no bytes" if value == b"" else type(value).__name__
