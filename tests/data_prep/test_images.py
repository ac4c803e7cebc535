"""Sizes read from headers are those OpenCV decodes; a few bytes cannot claim gigabytes."""

import struct
import subprocess
import sys
import zlib

import cv2
import numpy as np
import pytest

from data_prep import images
from data_prep.images import PIXEL_LIMIT, decode, decoded_size, stated_size
from tests.conftest import ROOT

HUGE = 60_000


def encoded(suffix: str, height: int, width: int, *parameters: int) -> bytes:
    grey = suffix in (".pgm", ".pbm")
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    done, data = cv2.imencode(suffix, pixels[..., 0] if grey else pixels, parameters)
    assert done
    return data.tobytes()


def png(width: int, height: int, rows: bytes = b"") -> bytes:
    """A PNG of one bit a pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def jpeg(width: int, height: int) -> bytes:
    """A real JPEG whose frame header says something else."""
    data = bytearray(encoded(".jpg", 8, 8))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def tiff(width: int, height: int, order: str) -> bytes:
    entries = struct.pack(order + "HHIIHHII", 256, 4, 1, width, 257, 4, 1, height)
    start = {"<": b"II*\0", ">": b"MM\0*"}[order]
    return start + struct.pack(order + "IH", 8, 2) + entries


VARIANTS = [
    (".jpg",),
    (".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1, cv2.IMWRITE_JPEG_RST_INTERVAL, 2),
    (".png",),
    (".bmp",),
    (".pgm",),
    (".pgm", cv2.IMWRITE_PXM_BINARY, 0),
    (".ppm",),
    (".webp",),
    (".webp", cv2.IMWRITE_WEBP_QUALITY, 101),
    (".tiff",),
]


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_stated_size_is_the_decoded_one(variant):
    data = encoded(variant[0], 37, 53, *variant[1:])
    assert stated_size(data) == (37, 53) == decode(data, "").shape[:2]


def test_sizes_in_headers_that_opencv_does_not_write():
    assert stated_size(tiff(5, 7, "<")) == stated_size(tiff(5, 7, ">")) == (7, 5)
    assert stated_size(b"P5 # a comment\n#more 9 9\r\t5\n7 255 ") == (7, 5)
    assert stated_size(b"BM" + bytes(12) + struct.pack("<IHH", 12, 5, 7)) == (7, 5)
    assert stated_size(b"BM" + bytes(12) + struct.pack("<Iii", 40, 5, -7)) == (7, 5)
    canvas = b"RIFF____WEBPVP8X" + bytes(8) + (4).to_bytes(3, "little") + (6).to_bytes(3, "little")
    assert stated_size(canvas) == (7, 5)


def test_jpegs_with_a_thumbnail_filling_and_loose_bytes():
    """The frame header of a preview within a segment does not count."""
    data = encoded(".jpg", 37, 53)
    preview = encoded(".jpg", 9, 9)
    segment = b"\xff\xe1" + struct.pack(">H", 2 + len(preview)) + preview
    for between in (segment, b"\xff\xff\xff", segment + b"\xff"):
        longer = data[:2] + between + data[2:]
        assert stated_size(longer) == (37, 53) == decode(longer, "").shape[:2]


@pytest.mark.parametrize("variant", VARIANTS)
def test_headers_cut_short_have_no_size(variant):
    data = encoded(variant[0], 37, 53, *variant[1:])
    for length in range(60):
        # A number written out in digits can be cut into a smaller one.
        assert stated_size(data[:length]) in (None, (37, 53), (3, 53))
    assert stated_size(b"") is None and stated_size(b"GIF89a" + bytes(20)) is None


def turned(data: bytes, orientation: int) -> bytes:
    """A JPEG with a camera's note of how it was held."""
    entry = struct.pack("<HHHII", 1, 0x112, 3, 1, orientation)
    note = b"Exif\0\0II*\0\x08\0\0\0" + entry + bytes(4)
    return data[:2] + b"\xff\xe1" + struct.pack(">H", 2 + len(note)) + note + data[2:]


@pytest.mark.parametrize("height", [1, 8, 9, 31, 32, 33])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_decoded_size_of_a_jpeg_held_any_way(height, orientation):
    data = turned(encoded(".jpg", height, 40), orientation)
    size = (40, height) if orientation > 4 else (height, 40)
    assert decoded_size(data, "") == size == decode(data, "").shape[:2]


@pytest.mark.parametrize("variant", VARIANTS)
def test_decoded_size_refuses_what_decode_refuses(variant):
    """Also damaged images that OpenCV still makes something of."""
    data = encoded(variant[0], 37, 53, *variant[1:])
    draw = np.random.default_rng(1)
    outcomes = []
    for _ in range(150):
        damaged = bytearray(data[: draw.integers(len(data) // 2, len(data) + 30)])
        damaged[draw.integers(len(damaged))] ^= 1 << draw.integers(8)
        if np.prod(stated_size(bytes(damaged)) or (0, 0)) > 1 << 20:
            continue  # it would take a while
        found = []
        for size_of in (
            lambda data: decode(data, "a").shape[:2],
            lambda data: decoded_size(data, "a"),
        ):
            try:
                found.append(size_of(bytes(damaged)))
            except ValueError as error:
                found.append(str(error))
        assert found[0] == found[1]
        outcomes.append(isinstance(found[0], str))
    assert 0 < sum(outcomes) < len(outcomes) or variant[0] != ".jpg"


BOMBS = {
    "png": png(HUGE, HUGE, bytes(HUGE)),
    "jpeg": jpeg(HUGE, HUGE),
    "bmp": b"BM" + bytes(12) + struct.pack("<IiiHHI", 40, HUGE, -HUGE, 1, 24, 0) + bytes(64),
    "ppm": b"P6 60000 60000 255\n" + bytes(64),
    "webp": b"RIFF____WEBPVP8X" + bytes(8) + b"\x5f\xea\0" + b"\x5f\xea\0" + bytes(64),
    "tiff": tiff(HUGE, HUGE, "<") + bytes(64),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_an_image_that_claims_too_much_is_refused(kind):
    assert len(BOMBS[kind]) < 5000
    with pytest.raises(ValueError, match=f"a: expected at most {PIXEL_LIMIT} pixels.*60000x60000"):
        decode(BOMBS[kind], "a")


def test_the_limit_itself(monkeypatch):
    monkeypatch.setattr(images, "PIXEL_LIMIT", 100)
    assert decode(encoded(".png", 10, 10), "").shape == (10, 10, 3)
    with pytest.raises(ValueError, match="10x11"):
        decode(encoded(".png", 11, 10), "")


CHILD = """
import sys
from pathlib import Path
import cv2
from data_prep.images import decode

def peak():  # kB; getrusage would give the parent's, which outlives exec
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])

data = sys.stdin.buffer.read()
before = peak()
try:
    decode(data, "bomb")
except ValueError as error:
    assert "\\n" not in str(error)
print(peak() - before)
"""


@pytest.mark.parametrize("kind", ["png", "jpeg", "pam"])
def test_memory_stays_flat(kind):
    """Also for a format whose size only OpenCV reads, with its limit taken from the environment."""
    pam = b"P7\nWIDTH 60000\nHEIGHT 60000\nDEPTH 3\nMAXVAL 255\nTUPLTYPE RGB\nENDHDR\n" + bytes(64)
    data = BOMBS.get(kind, pam)
    child = CHILD.replace("import cv2\n", "") if kind == "pam" else CHILD
    result = subprocess.run(
        [sys.executable, "-c", child], cwd=ROOT, input=data, capture_output=True
    )
    assert result.returncode == 0, result.stderr
    room = 200 if kind == "pam" else 4  # there, importing OpenCV counts too
    assert int(result.stdout) < room * 1024, "kilobytes"


def test_the_measure_of_memory_works():
    """A picture below the limit does take what one above it would."""
    side = 8000
    big = png(side, side, bytes((side // 8 + 1) * side))
    result = subprocess.run([sys.executable, "-c", CHILD], cwd=ROOT, input=big, capture_output=True)
    assert int(result.stdout) > 100 * 1024
