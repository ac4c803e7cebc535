"""Verification pickles of Python 2 and 3 are read; anything that could run code is not."""

import io
import os
import pickle
import struct

import numpy as np
import pytest

from data_prep.sources.verification_bin import read_bin, write_bin

IMAGES = [b"\xff\xd8one", b"two\n\0", b"\x80three", b"four"]
SAME = [True, False]


def of_python_2() -> bytes:
    """As cPickle of Python 2 writes it, protocol 2: str is SHORT_BINSTRING."""
    images = b"".join(b"U" + struct.pack("B", len(image)) + image for image in IMAGES)
    return b"\x80\x02](" + images + b"e](\x88\x89e\x86."


def of_python_2_as_text() -> bytes:
    """The same, protocol 0."""
    images = b"".join(b"S" + repr(image)[1:].encode() + b"\na" for image in IMAGES)
    return b"((lp1\n" + images + b"(lp2\nI01\naI00\natp3\n."


def content(kind: str) -> tuple:
    if kind == "arrays":
        return [np.frombuffer(image, np.uint8) for image in IMAGES], [np.bool_(s) for s in SAME]
    if kind == "one array":
        return IMAGES, np.array(SAME)
    if kind == "tuples":
        return tuple(IMAGES), tuple(SAME)
    return [IMAGES, [int(same) for same in SAME]]


@pytest.mark.parametrize("protocol", range(5))
@pytest.mark.parametrize("kind", ["arrays", "one array", "tuples", "numbers"])
def test_pickles_of_python_3_and_numpy(tmp_path, kind, protocol):
    path = tmp_path / "lfw.bin"
    path.write_bytes(pickle.dumps(content(kind), protocol))
    assert read_bin(path) == (IMAGES, SAME)


@pytest.mark.parametrize("make", [of_python_2, of_python_2_as_text])
def test_pickles_of_python_2(tmp_path, make):
    path = tmp_path / "lfw.bin"
    path.write_bytes(make())
    assert read_bin(path) == (IMAGES, SAME)


def test_what_is_written_is_what_insightface_reads(tmp_path):
    path = tmp_path / "lfw.bin"
    write_bin(path, IMAGES, SAME)
    loaded = pickle.loads(path.read_bytes(), encoding="bytes")  # noqa: TID251
    assert loaded == (IMAGES, SAME)
    assert read_bin(path) == (IMAGES, SAME)
    with pytest.raises(ValueError, match="two images a label"):
        write_bin(path, IMAGES[:3], SAME)


class Runs:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    ("evil", "name"),
    [
        (Runs(os.system, "exit 1"), "system"),
        (Runs(eval, "1"), "eval"),
        (Runs(io.open, "/dev/null"), "open"),
        (Runs(getattr, 1, "real"), "getattr"),
        (np.int64, "int64"),
        (np.load, "load"),
    ],
)
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_nothing_runs(tmp_path, evil, name, protocol):
    path = tmp_path / "lfw.bin"
    path.write_bytes(pickle.dumps((IMAGES, [evil, True]), protocol))
    with pytest.raises(ValueError, match=rf"{path}.*asks for .*{name}.*could run code"):
        read_bin(path)


@pytest.mark.parametrize(
    "wrong",
    [
        IMAGES,
        (IMAGES, SAME, 1),
        (IMAGES[:3], SAME),
        ([], []),
        ([*IMAGES[:3], "text"], SAME),
        (IMAGES, [2, True]),
        ([*IMAGES[:3], np.zeros(3)], SAME),
        (3, SAME),
        (IMAGES, {"a": 1}),
    ],
)
def test_other_pickles(tmp_path, wrong):
    path = tmp_path / "lfw.bin"
    path.write_bytes(pickle.dumps(wrong, 2))
    with pytest.raises(ValueError, match="expected"):
        read_bin(path)


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_cut_or_damaged_files_give_one_line(tmp_path, protocol):
    path = tmp_path / "lfw.bin"
    whole = pickle.dumps(content("arrays"), protocol)
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=str(path)):
            read_bin(path)
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 0x15
        path.write_bytes(damaged)
        try:
            read_bin(path)
        except ValueError as error:
            assert str(path) in str(error) and "\n" not in str(error)
