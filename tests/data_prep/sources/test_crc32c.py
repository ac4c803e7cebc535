"""CRC-32C against RFC 3720's vectors, another program's, and the definition."""

import random

import pytest

from data_prep.sources.crc32c import crc32c, masked


def bit_by_bit(data: bytes) -> int:
    state = 0xFFFFFFFF
    for byte in data:
        state ^= byte
        for _ in range(8):
            state = state >> 1 ^ (0x82F63B78 if state & 1 else 0)
    return state ^ 0xFFFFFFFF


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
    ],
)
def test_vectors_of_rfc_3720(data, expected):
    assert crc32c(data) == expected


@pytest.mark.parametrize("length", [0, 1, 3, 4, 5, 2047, 2048, 2049, 2051, 2052, 5000])
def test_lengths_around_a_block(length):
    data = random.Random(length).randbytes(length)
    assert crc32c(data) == bit_by_bit(data)


def test_mask_is_tensorflows():
    stub = pytest.importorskip("tensorboard.compat.tensorflow_stub.pywrap_tensorflow")
    for length in range(40):
        data = random.Random(length).randbytes(length)
        assert masked(crc32c(data)) == stub.masked_crc32c(data)
