"""Apache MXNet 1.9.1, in its own environment, reads what we write and writes what we read."""

import hashlib
import json
import subprocess

import pytest

from data_prep.records.reader import RecordSet
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
