"""Encoded images to RGB pixels and back: one decoder for the whole project.

A few bytes can claim a picture of gigabytes. So width and height are read from an image's header,
and refused if too large, before anything is decoded.
"""

import os
import re
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np

PIXEL_LIMIT = 1 << 26
"""Most pixels of an image. Full-frame cameras have up to 61 million; decoded, this is 200 MB."""

# For formats whose header is not read here: OpenCV looks at it once, when it is first imported.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(PIXEL_LIMIT))

_JPEG_END = b"\xff\xd9"

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".pgm", ".ppm", ".webp", ".tif", ".tiff"})
"""File names that count as images, lower case."""


def is_image(path: Path) -> bool:
    """Whether the file's name ends like an image's."""
    return path.suffix.lower() in SUFFIXES


def decode(encoded: bytes, where: str) -> np.ndarray:
    """RGB pixels, uint8 [H, W, 3]; grey images get three equal channels.

    Args:
        encoded: JPEG, PNG or what else OpenCV reads.
        where: the image's name, for the message.

    Raises:
        ValueError: the bytes are no image, a JPEG that is cut short (OpenCV fills it up grey), or
            an image of more than `PIXEL_LIMIT` pixels.
    """
    import cv2

    return _decoded(encoded, where, cv2.IMREAD_COLOR_RGB, stated_size(encoded))


def decode_into(encoded: bytes, pixels: np.ndarray, where: Callable[[], str]) -> None:
    """`decode` of an image whose size is known, into memory that is there: the quickest way.

    The header is not looked at first: OpenCV refuses more than `PIXEL_LIMIT` pixels itself.

    Args:
        encoded: as for `decode`.
        pixels: uint8 [H, W, 3], filled with RGB.
        where: gives the image's name, for the message.

    Raises:
        ValueError: as `decode`, or an image of another size.
    """
    import cv2

    found = None
    if encoded.endswith(_JPEG_END):
        try:
            found = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR_RGB)
        except cv2.error:
            found = None
    if found is None:
        found = decode(encoded, where())
    if found.shape != pixels.shape:
        raise ValueError(
            f"{where()}: expected {pixels.shape[0]}x{pixels.shape[1]} pixels (height x width), "
            f"found {found.shape[0]}x{found.shape[1]}; align first"
        )
    pixels[...] = found


def decoded_size(encoded: bytes, where: str) -> tuple[int, int]:
    """(height, width) of what `decode` gives, pixels; refuses what it refuses.

    A JPEG is read whole, but only an eighth of its rows and columns is made: four times as fast.

    Raises:
        ValueError: as `decode`.
    """
    import cv2

    stated = stated_size(encoded)
    if stated and encoded.startswith(b"\xff\xd8"):
        small = _decoded(encoded, where, cv2.IMREAD_REDUCED_COLOR_8, stated).shape[:2]
        # A camera's note of how it was held may swap the sides.
        both = {stated, stated[::-1]}
        fitting = [size for size in both if (-(-size[0] // 8), -(-size[1] // 8)) == small]
        if len(fitting) == 1:
            return fitting[0]
    height, width = decode(encoded, where).shape[:2]
    return height, width


def _decoded(encoded: bytes, where: str, form: int, stated: tuple[int, int] | None) -> np.ndarray:
    import cv2

    height, width = stated or (0, 0)
    if height * width > PIXEL_LIMIT:
        raise ValueError(
            f"{where}: expected at most {PIXEL_LIMIT} pixels, the image's header says "
            f"{width}x{height}; make it smaller or leave it out"
        )
    # Past the last start of scan there must be an end of image; a preview inside has its own.
    if (
        encoded[:2] == b"\xff\xd8"
        and not encoded.endswith(_JPEG_END)
        and encoded.rfind(_JPEG_END) < encoded.rfind(b"\xff\xda")
    ):
        raise ValueError(f"{where}: the JPEG is cut short (no end marker); get the file again")
    pixels = None
    if encoded:
        try:
            pixels = cv2.imdecode(np.frombuffer(encoded, np.uint8), form)
        except cv2.error:
            pixels = None
    if pixels is None:
        raise ValueError(f"{where}: {len(encoded)} bytes that are no image OpenCV can decode")
    return pixels


def encode(pixels: np.ndarray, suffix: str, quality: int = 95) -> bytes:
    """Encodes RGB pixels, uint8 [H, W, 3].

    Args:
        pixels: the image.
        suffix: ".jpg" or ".png".
        quality: of JPEG, 1 to 100.
    """
    import cv2

    parameters = [cv2.IMWRITE_JPEG_QUALITY, quality] if suffix == ".jpg" else []
    done, encoded = cv2.imencode(suffix, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), parameters)
    assert done
    return encoded.tobytes()


def parse_size(text: str) -> tuple[int, int]:
    """`112` or `112x96` (height x width) as (height, width), pixels.

    Raises:
        ValueError: the text is neither.
    """
    fields = text.lower().split("x")
    if len(fields) > 2 or not all(field.isdecimal() and int(field) > 0 for field in fields):
        raise ValueError(f"--size: expected 112, or 112x96 for height x width; found {text!r}")
    return int(fields[0]), int(fields[-1])


def stated_size(encoded: bytes) -> tuple[int, int] | None:
    """(height, width) as the header of an encoded image states them, without decoding; pixels.

    JPEG, PNG, BMP, PBM to PPM, WebP and TIFF; None for others, and for headers without a size.
    """
    for start, read in _READERS.items():
        if encoded.startswith(start):
            try:
                return read(encoded)
            except (struct.error, IndexError):  # the header is cut short
                return None
    return None


def _jpeg_size(encoded: bytes) -> tuple[int, int] | None:
    """From the frame header SOFn; segments, and bytes between them, are skipped as libjpeg does."""
    at = 2
    while (at := encoded.find(b"\xff", at)) >= 0:
        marker = encoded[at + 1]
        if marker == 0xFF:  # filling
            at += 1
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return struct.unpack_from(">HH", encoded, at + 5)
        elif marker in (0xD9, 0xDA):  # end of image, start of scan
            return None
        elif marker <= 0x01 or 0xD0 <= marker <= 0xD8:  # these have no length
            at += 2
        else:
            at += 2 + max(2, int.from_bytes(encoded[at + 2 : at + 4], "big"))
    return None


def _png_size(encoded: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from(">II", encoded, 16)
    return height, width


def _bmp_size(encoded: bytes) -> tuple[int, int]:
    old = struct.unpack_from("<I", encoded, 14)[0] == 12
    width, height = struct.unpack_from("<HH" if old else "<ii", encoded, 18)
    return abs(height), abs(width)


def _netpbm_size(encoded: bytes) -> tuple[int, int] | None:
    found = _NETPBM.match(encoded)
    return (int(found[2]), int(found[1])) if found else None


_NETPBM = re.compile(rb"P[1-6]" + 2 * rb"(?:\s|#[^\n\r]*[\n\r])+(\d{1,10})(?!\d)")


def _webp_size(encoded: bytes) -> tuple[int, int] | None:
    kind = encoded[12:16]
    if kind == b"VP8X":
        width, height = (int.from_bytes(encoded[at : at + 3], "little") for at in (24, 27))
        return height + 1, width + 1
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", encoded, 21)
        return (bits >> 14) % (1 << 14) + 1, bits % (1 << 14) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", encoded, 26)
        return height % (1 << 14), width % (1 << 14)
    return None


def _tiff_size(encoded: bytes) -> tuple[int, int] | None:
    """From the entries 256 and 257, SHORT or LONG, of the first directory."""
    order = "<" if encoded[:1] == b"I" else ">"
    (directory,) = struct.unpack_from(order + "I", encoded, 4)
    (count,) = struct.unpack_from(order + "H", encoded, directory)
    found = {}
    for at in range(directory + 2, directory + 2 + 12 * count, 12):
        tag, kind = struct.unpack_from(order + "HH", encoded, at)
        if tag in (256, 257) and kind in (3, 4):
            (found[tag],) = struct.unpack_from(order + ("H" if kind == 3 else "I"), encoded, at + 8)
    return (found[257], found[256]) if len(found) == 2 else None


_READERS: dict[bytes, Callable[[bytes], tuple[int, int] | None]] = {
    b"\xff\xd8\xff": _jpeg_size,
    b"\x89PNG\r\n\x1a\n": _png_size,
    b"BM": _bmp_size,
    **{b"P%d" % kind: _netpbm_size for kind in range(1, 7)},
    b"RIFF": _webp_size,
    b"II*\0": _tiff_size,
    b"MM\0*": _tiff_size,
}
"""What reads the size, by the first bytes."""
