"""Apache MXNet 1.9.1, in its own environment, reads what we write and writes what we read."""

import hashlib
import json
import struct
import subprocess

import numpy as np
import pytest

from data_prep.images import decode
from data_prep.records import header
from data_prep.records.reader import RecordSet
from data_prep.records.writer import RecordSetWriter
from tests.conftest import ROOT

MXNET = ROOT / ".venv-mxnet/bin/python"
pytestmark = pytest.mark.skipif(not MXNET.exists(), reason="no .venv-mxnet; make venv installs it")

READ = """
import hashlib, json, sys
from mxnet import recordio
file = recordio.MXIndexedRecordIO(sys.argv[1] + ".idx", sys.argv[1] + ".rec", "r")
found = {}
for key in file.keys:
    header, data = recordio.unpack(file.read_idx(key))
    label = header.label.tolist() if header.flag else header.label
    found[key] = [header.flag, label, header.id, hashlib.sha256(data).hexdigest()]
print(json.dumps(found))
"""

WRITE = """
import sys
import numpy as np
from mxnet import recordio
out = recordio.MXIndexedRecordIO(sys.argv[1] + ".idx", sys.argv[1] + ".rec", "w")
magic = bytes.fromhex("0a23d7ce")
for key in range(40):
    label = float(key // 8) if key % 3 else np.array([key // 8, 1.0], dtype=np.float32)
    image = bytes([key]) * (key + 1) + (magic * (key % 4) + b"tail" * (key % 2))
    out.write_idx(key, recordio.pack(recordio.IRHeader(0, label, key, 0), image))
out.close()
"""


IM2REC = """
import json, runpy, sys
from pathlib import Path
import mxnet
for words in json.loads(sys.argv[1]):
    sys.argv = ["im2rec.py", *words]
    runpy.run_path(str(Path(mxnet.__file__).parent / "tools/im2rec.py"), run_name="__main__")
"""


def mxnet(script, *words):
    """What a script prints in MXNet's environment."""
    result = subprocess.run(
        [str(MXNET), "-c", script, *map(str, words)], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_mxnet_reads_our_set(people):
    found = json.loads(mxnet(READ, people.records))
    ours = RecordSet(people.records)
    for place, key in enumerate(ours.keys):
        flag, label, identifier, digest = found.pop(str(key))
        assert (flag, label, identifier) == (0, ours.labels[place], key)
        assert digest == hashlib.sha256(ours.image_bytes(place)).hexdigest()
    count, classes = len(ours), ours.num_classes
    assert found.pop("0")[:2] == [2, [count + 1, count + 1 + classes]]
    assert [found[str(count + 1 + c)][1] for c in range(classes)] == [
        [1 + 6 * c, 7 + 6 * c] for c in range(classes)
    ]


def test_we_read_mxnets_set_without_a_header_record(tmp_path):
    mxnet(WRITE, tmp_path / "theirs")
    theirs = RecordSet(tmp_path / "theirs")
    assert theirs.labels.tolist() == [key // 8 for key in range(40)]
    magic = bytes.fromhex("0a23d7ce")
    for key in range(40):
        expected = bytes([key]) * (key + 1) + (magic * (key % 4) + b"tail" * (key % 2))
        assert theirs.image_bytes(key) == expected


def test_mxnet_reads_a_wide_set(tmp_path, monkeypatch):
    """The exact numbers stand where it looks for an image, or in id2."""
    monkeypatch.setattr(header, "EXACT_LIMIT", 3)
    with RecordSetWriter(tmp_path / "train", height=1, width=1) as writer:
        for label in range(5):
            writer.add(f"person {label}", b"image %d" % label, f"{label}.png")
    found = json.loads(mxnet(READ, tmp_path / "train"))
    for label in range(5):
        digest = hashlib.sha256(b"image %d" % label).hexdigest()
        assert found[str(label + 1)] == [0, label, label + 1, digest]
    digest = hashlib.sha256(struct.pack("<QQ", 6, 11)).hexdigest()
    assert found["0"] == [2, [6.0, 11.0], 0, digest]


@pytest.fixture(scope="module")
def im2rec(people, tmp_path_factory):
    """Sets of its own im2rec.py from one shuffled list, and that list: [key, labels, path]."""
    out = tmp_path_factory.mktemp("im2rec")
    modes = {
        "copied": ["--pass-through"],
        "encoded": [],
        "threads": ["--pass-through", "--num-thread", "3"],
        "labels": ["--pass-through", "--pack-label"],
        "all": ["--pack-label", "--num-thread", "2", "--encoding", ".png", "--quality", "3"],
    }
    crops = str(people.crops)
    mxnet(IM2REC, json.dumps([[str(out / "list"), crops, "--list", "--recursive"]]))
    rows = [line.split("\t") for line in (out / "list.lst").read_text().splitlines()]
    for mode in modes:
        lines = rows
        if "--pack-label" in modes[mode]:
            # Further labels as a list with landmarks has them, 2 to 4 of them.
            lines = [
                [*row[:2], *["9.5", "-1", "3"][: 1 + i % 3], row[2]] for i, row in enumerate(rows)
            ]
        (out / f"{mode}.lst").write_text("".join("\t".join(line) + "\n" for line in lines))
    calls = [[str(out / mode), crops, *words] for mode, words in modes.items()]
    mxnet(IM2REC, json.dumps(calls))
    return out, [(int(row[0]), float(row[1]), people.crops / row[2]) for row in rows]


@pytest.mark.parametrize("mode", ["copied", "encoded", "threads", "labels", "all"])
@pytest.mark.parametrize("indexed", [True, False])
def test_we_read_im2recs_sets(im2rec, mode, indexed, tmp_path):
    out, rows = im2rec
    for suffix in ("rec", "idx") if indexed else ("rec",):
        (tmp_path / f"train.{suffix}").symlink_to(out / f"{mode}.{suffix}")
    records = RecordSet(tmp_path / "train")
    assert [row[0] for row in rows] != sorted(row[0] for row in rows), "the list is not shuffled"
    rows = sorted(rows)
    assert records.keys.tolist() == [key for key, _, _ in rows] == list(range(72))
    assert records.labels.tolist() == [label for _, label, _ in rows]
    assert records.num_classes == 12 and not len(records.identities.keys)
    for image, (_, _, path) in zip(records, rows):
        if mode in ("copied", "threads", "labels"):
            assert image == path.read_bytes()
        else:
            pixels = decode(image, "").astype(int)
            assert np.abs(pixels - decode(path.read_bytes(), "")).mean() < (
                0.1 if mode == "all" else 5
            )
