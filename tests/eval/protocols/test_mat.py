"""MATLAB files that SciPy writes, and what becomes of them when they are damaged."""

import random
import struct
import zlib

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from eval.protocols.mat import read_mat


def cells(items, shape):
    array = np.empty(len(items), dtype=object)
    for place, item in enumerate(items):
        array[place] = item
    return array.reshape(shape)


def content():
    return {
        "real": np.arange(6.0).reshape(2, 3) / 7,
        "bytes": np.arange(4, dtype=np.uint8),
        "long": np.array([[2**40]]),
        "small": np.array([[-1, 1]], dtype=np.int16),
        "empty": np.zeros((0, 0)),
        "word": "Zoë_0001.jpg",
        "cell": cells(["a", "longer than eight", np.eye(2), cells(["deep"], (1, 1))], (2, 2)),
        "struct": {"name": "x", "age": 30.0},
    }


def equal(ours, theirs):
    """Ours against SciPy's, with its wrapping taken off."""
    if isinstance(ours, str):
        return ours == ("".join(theirs.ravel()) if isinstance(theirs, np.ndarray) else theirs)
    if theirs.dtype.names:
        pairs = zip(ours.ravel(), theirs.ravel())
        return all(equal(o[n], t[n]) for o, t in pairs for n in theirs.dtype.names)
    if theirs.dtype == object:
        return ours.shape == theirs.shape and all(map(equal, ours.ravel(), theirs.ravel()))
    return np.array_equal(ours, theirs)


@pytest.mark.parametrize("compressed", [True, False])
def test_everything_is_read_as_scipy_reads_it(tmp_path, compressed):
    path = tmp_path / "x.mat"
    savemat(path, content(), do_compression=compressed)
    ours, theirs = read_mat(path), loadmat(path)
    assert set(ours) == set(content())
    for key, value in ours.items():
        assert equal(value, theirs[key]), key
    assert list(ours["struct"][0, 0]) == ["name", "age"]
    assert ours["real"].shape == (2, 3)


@pytest.mark.parametrize(
    ("value", "message"),
    [(np.array([1j]), "complex"), (np.empty(0, object), "no_error")],
)
def test_what_is_not_read_is_said(tmp_path, value, message):
    path = tmp_path / "x.mat"
    savemat(path, {"x": value})
    if message == "no_error":
        assert read_mat(path)["x"].size == 0
    else:
        with pytest.raises(
            ValueError, match=rf"x\.mat: damaged, or not to be read here .*{message}"
        ):
            read_mat(path)


def test_a_bomb_and_a_pit_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "x.mat"
    savemat(path, {"x": 1.0})
    header = path.read_bytes()[:128]
    monkeypatch.setattr("eval.protocols.mat._MOST", 1000)
    body = zlib.compress(bytes(10_000))
    path.write_bytes(header + struct.pack("<II", 15, len(body)) + body)
    with pytest.raises(ValueError, match="cut short or too large"):
        read_mat(path)
    monkeypatch.undo()
    deep = cells(["x"], (1, 1))
    for _ in range(40):
        deep = cells([deep], (1, 1))
    savemat(path, {"x": deep})
    with pytest.raises(ValueError, match="more than 16 deep"):
        read_mat(path)


@pytest.mark.parametrize("compressed", [True, False])
def test_damage_is_read_or_refused_in_one_line(tmp_path, compressed):
    path = tmp_path / "x.mat"
    savemat(path, content(), do_compression=compressed)
    whole = path.read_bytes()
    rng = random.Random(0)
    refused = 0
    for _ in range(800):
        data = bytearray(whole)
        for _ in range(rng.choice([1, 3])):
            at = rng.randrange(128, len(data))
            change = rng.random()
            if change < 0.4:
                data[at] = rng.randrange(256)
            elif change < 0.7:
                data[at : at + 4] = rng.choice([b"\xff\xff\xff\x7f", bytes(4), b"\xff" * 4])
            else:
                del data[at : at + rng.randrange(1, 60)]
        path.write_bytes(data)
        try:
            read_mat(path)
        except ValueError as error:
            refused += 1
            assert "\n" not in str(error)
            assert "x.mat" in str(error)
    assert 200 < refused <= 800
