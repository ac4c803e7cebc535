"""Frames, headers and index against bytes that Apache MXNet 1.9.1 wrote."""

import hashlib
import random
from pathlib import Path

import numpy as np
import pytest

from data_prep.records import index, recordio
from data_prep.records.header import IRHeader, pack, unpack
from data_prep.records.index import format_index, parse_index, read_index

GOLDEN = Path(__file__).parents[2] / "golden" / "recordio_golden.txt"
MAGIC = recordio.MAGIC_BYTES


def golden() -> tuple[bytes, bytes]:
    lines = GOLDEN.read_text().splitlines()
    index = lines[1].split("'")[1].encode().decode("unicode_escape").encode()
    rec = bytes.fromhex("".join(line for line in lines[3:] if " " not in line))
    assert hashlib.sha256(rec).hexdigest() == lines[-1].split()[0]
    return rec, index


RECORDS = [
    (7, 1, 0, b"ABCDE"),
    ((7, 1), 2, 0, b"XY"),
    ((1, 3), 3, 0, b""),
    ((3, 4), 0, 1, b""),
    (1, 4, 0, b"aaaa" + MAGIC + b"bbb"),
    (1, 5, 0, b"a" + MAGIC + b"bbb"),
    (1, 6, 0, MAGIC + MAGIC + b"zz"),
    (1, 7, 0, b"cccc" + MAGIC),
]


def test_mxnets_bytes_are_written():
    rec, index = golden()
    frames = [recordio.encode(pack(label, key, data, id2=id2)) for label, key, id2, data in RECORDS]
    assert b"".join(frames) == rec
    offsets = np.cumsum([0, *map(len, frames[:-1])])
    assert format_index(np.array([key for _, key, _, _ in RECORDS]), offsets) == index


def test_mxnets_bytes_are_read():
    rec, index = golden()
    keys, offsets = parse_index(index, "t.idx")
    assert [offset for offset, _ in recordio.scan(rec)] == offsets.tolist()
    for (label, key, id2, data), key_read, offset in zip(RECORDS, keys, offsets):
        header, image = unpack(recordio.decode(rec, int(offset))[0])
        labels = tuple(map(float, label)) if isinstance(label, tuple) else (float(label),)
        flag = len(label) if isinstance(label, tuple) else 0
        assert (header, image, key_read) == (IRHeader(flag, labels, key, id2), data, key)


def test_any_payload_comes_back_and_magic_appears_only_at_frames():
    draw = random.Random(0)
    pieces = [MAGIC, b"\0", b"\x0a", b"\x0a\x23", b"abcd", b"xyz"]
    for _ in range(3000):
        payload = b"".join(draw.choices(pieces, k=draw.randrange(9)))
        frames = recordio.encode(payload)
        assert recordio.decode(frames) == (payload, len(frames))
        at = 0
        starts = []
        while at < len(frames):
            starts.append(at)
            _, _, stop = recordio.read_frame(frames, at, "")
            at = stop + -stop % 4
        found = [i for i in range(0, len(frames), 4) if frames[i : i + 4] == MAGIC]
        assert found == starts


def test_a_record_of_2_to_29_bytes_is_refused():
    class Long(bytes):
        def __len__(self) -> int:
            return 1 << 29

    with pytest.raises(ValueError, match="fewer than 536870912"):
        recordio.encode(Long())


@pytest.mark.parametrize("label", [2**24, 2**24 + 2, 17091658, 17451890])
def test_labels_that_float32_holds(label):
    assert unpack(pack(label, 1))[0].labels == (label,)


@pytest.mark.parametrize("label", [2**24 + 1, 25130987, 42474557, 10**60])
def test_labels_that_float32_would_change_are_refused(label):
    with pytest.raises(ValueError, match="float32 holds exactly"):
        pack(label, 1)
    with pytest.raises(ValueError, match="float32 holds exactly"):
        pack((1, label), 1)


@pytest.mark.parametrize("cut", range(34))
def test_header_cut_short(cut):
    whole = pack((1, 2), 5, b"xy")
    if cut >= 32:
        assert unpack(whole[:cut])[1] == b"xy"[: cut - 32]
    else:
        with pytest.raises(ValueError, match="expected"):
            unpack(whole[:cut])


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"1",
        b"1\t0",
        b"1\t0\n2\n",
        b"1 0\n",
        b"\t0\n",
        b"1\t\n",
        b"1\t0\n\n",
        b"1\t-4\n",
        b"1\t0\n\t",
        b"1\t0\t4\n",
        b"1\n0\t",
        b"x\t0\n",
        b"1\t" + b"9" * 19 + b"\n",
        b"1\t0\n\xff",
    ],
)
def test_lines_that_are_no_index(text):
    with pytest.raises(ValueError, match=r"t\.idx"):
        parse_index(text, "t.idx")


def test_index_errors_name_the_line_and_carriage_returns_pass():
    with pytest.raises(ValueError, match="line 3:"):
        parse_index(b"1\t0\n2\t8\n3 16\n", "t.idx")
    assert [list(part) for part in parse_index(b"1\t0\r\n0\t8\r\n", "")] == [[1, 0], [0, 8]]


@pytest.mark.parametrize("block", [40, 41, 64, 1000])
def test_an_index_is_read_in_blocks(tmp_path, monkeypatch, block):
    """Numbers of every length, both line ends, blocks that end anywhere."""
    monkeypatch.setattr(index, "_BLOCK", block)
    draw = random.Random(block)
    rows = [[draw.randrange(10 ** draw.randrange(1, 19)) for _ in range(2)] for _ in range(200)]
    lines = [b"%d\t%d%b\n" % (*row, draw.choice([b"", b"\r"])) for row in rows]
    path = tmp_path / "t.idx"
    path.write_bytes(b"".join(lines))
    keys, offsets = read_index(path)
    assert np.stack([keys, offsets], 1).tolist() == rows
    path.write_bytes(b"".join([*lines[:47], b"1 2\n", *lines[47:]]))
    with pytest.raises(ValueError, match=r"t\.idx, line 48: expected key, tab"):
        read_index(path)
    path.write_bytes(b"".join([*lines, b"9" * 3000]))
    with pytest.raises(ValueError, match=r"line 201: .* found b'9+'; delete"):
        read_index(path)
