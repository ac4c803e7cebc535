"""CRC-32C (Castagnoli, RFC 3720 appendix B.4), the checksum of TFRecord, with numpy.

A CRC is linear: that of a block is the exclusive or of what each byte contributes by its distance
from the end, so a table of 256 contributions a distance does a whole block at once.
"""

from functools import cache

import numpy as np

_POLYNOMIAL = 0x82F63B78
_BLOCK = 2048


def crc32c(data: bytes) -> int:
    """The CRC-32C of some bytes."""
    table = _contributions()
    state = 0xFFFFFFFF
    values = np.frombuffer(data, np.uint8)
    for start in range(0, len(values), _BLOCK):
        block = values[start : start + _BLOCK].copy()
        # What came before acts as if added to the first four bytes; the rest stays.
        head = min(4, len(block))
        block[:head] ^= np.frombuffer(state.to_bytes(4, "little"), np.uint8)[:head]
        rows = table[_BLOCK - len(block) :]
        added = np.bitwise_xor.reduce(rows[np.arange(len(block)), block])
        state = int(added) ^ (state >> 8 * head)
    return state ^ 0xFFFFFFFF


def masked(crc: int) -> int:
    """As TFRecord stores it: rotated by 15 bits, plus a constant."""
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


@cache
def _contributions() -> np.ndarray:
    """What byte value b at a distance adds, uint32 [block, 256]; the last row is distance 0."""
    one = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        one = np.where(one & 1, (one >> 1) ^ np.uint32(_POLYNOMIAL), one >> 1)
    table = np.empty((_BLOCK, 256), np.uint32)
    table[-1] = one
    for distance in range(1, _BLOCK):
        nearer = table[-distance]
        table[-distance - 1] = (nearer >> 8) ^ one[nearer & 255]
    return table
