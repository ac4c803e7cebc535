"""Encoded images to RGB pixels and back: one decoder for the whole project."""

from pathlib import Path

import numpy as np

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
        ValueError: the bytes are no image, or a JPEG that is cut short (OpenCV fills it up grey).
    """
    import cv2

    # Past the last start of scan there must be an end of image; a preview inside has its own.
    if encoded[:2] == b"\xff\xd8" and encoded.rfind(b"\xff\xd9") < encoded.rfind(b"\xff\xda"):
        raise ValueError(f"{where}: the JPEG is cut short (no end marker); get the file again")
    pixels = None
    if encoded:
        try:
            pixels = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR_RGB)
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
    done, encoded = cv2.imencode(suffix, np.ascontiguousarray(pixels[..., ::-1]), parameters)
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
