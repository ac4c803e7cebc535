"""Every large protocol x every way its input can be wrong: named, located, exit status 2, and no
result; or, where it is legal, told of in the result.
"""

import json
import re
import shutil

import numpy as np
import pytest
from scipy.io import savemat

from data_prep.cli import run
from eval.__main__ import main
from eval.embeddings import load, save
from eval.features.matrix import write_matrix
from eval.features.tree import write_tree
from tests.eval.protocols.test_blufr import cells

PEOPLE, IMAGES, OTHERS, DIM = 8, 4, 40, 6
NAMES = [f"P{p}/P{p}_{i:04d}.jpg" for p in range(PEOPLE) for i in range(1, IMAGES + 1)]
PERSON = np.repeat(np.arange(PEOPLE), IMAGES)


def lines(rows):
    return "".join(f"{row}\n" for row in rows)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Good inputs of all protocols."""
    folder = tmp_path_factory.mktemp("good")
    random = np.random.default_rng(0)
    shown = random.standard_normal((PEOPLE, DIM))[PERSON] + random.standard_normal((32, DIM))
    others = random.standard_normal((OTHERS, DIM))
    shown, others = shown.astype(np.float32), others.astype(np.float32)
    names = [f"0/1/{n}.jpg" for n in range(OTHERS)]
    save(folder / "X", NAMES, shown, {})
    save(folder / "D", names, others, {})
    (folder / "X.list").write_text(lines(NAMES))
    (folder / "D.list").write_text(lines(names))
    write_tree(folder / "tree", names, others, "a")
    write_matrix(folder / "m.bin", np.concatenate([shown, others]))
    labels = [*PERSON, *[-1] * OTHERS]
    (folder / "l.txt").write_text(lines(f"{row} {label}" for row, label in enumerate(labels)))
    (folder / "labels").write_text(lines(f"{n} {n.split('/')[0]}" for n in NAMES))
    media = [f"{name} {row // 2} {row}" for row, name in enumerate(NAMES)]
    (folder / "media").write_text(lines(media))
    (folder / "pairs").write_text("0 1 1\n2 3 1\n0 2 0\n1 3 0\n")
    for name, rows in (("G", range(0, 8, 2)), ("P", range(1, 16, 2))):
        text = lines(f"{row},{row // 2}" for row in rows)
        (folder / f"{name}.csv").write_text("TEMPLATE_ID,SUBJECT_ID\n" + text)
    definition(folder, NAMES)
    return folder


def definition(folder, names):
    rows = {"testIndex": range(1, 33), "galIndex": range(1, 17, 4), "probIndex": range(2, 33, 2)}
    trials = {key: cells([np.array(some)[:, None]] * 2) for key, some in rows.items()}
    short = [name.rpartition("/")[2] for name in names]
    about = {"imageList": cells(short), "labels": PERSON[: len(names), None] + 1}
    savemat(folder / "c.mat", about | trials)


PROTOCOLS = {
    "megaface": "--probes X --probe-list X.list --distractors D --distractor-list D.list",
    "megaface tree": "--probes X --distractors tree --distractor-list D.list --algorithm a",
    "trillion": "--features m.bin --labels l.txt --far 1e-2 --fpr 0.2",
    "ijb": "--embeddings X --media media --pooling N1D0F1 --pairs pairs --far 0.5",
    "ijb_1n": "--embeddings X --media media --pooling N1D0F1 --probes P.csv --galleries G.csv",
    "retrieval": "--embeddings X --labels labels --recall 1 --no-nmi",
    "blufr": "--config c.mat --embeddings X --far 1e-2 --open-set-far 0.5",
}
"""Options by protocol; words that are files of the fixture's folder."""


def judge(folder, kind):
    words = [
        str(folder / word) if (folder / word).exists() or word in ("X", "D") else word
        for word in PROTOCOLS[kind].split()
    ]
    words = ["run", "--protocol", kind.split()[0], *words, "--out", str(folder / "r.json")]
    main(words if kind in ("ijb", "blufr") else [*words, "--device", "cpu"])
    return json.loads((folder / "r.json").read_text())


@pytest.fixture
def folder(made, tmp_path):
    return shutil.copytree(made, tmp_path / "in")


@pytest.mark.parametrize("kind", PROTOCOLS)
def test_what_is_not_wrong_is_judged(folder, kind):
    assert judge(folder, kind)["data"]["duplicates"] == {"count": 0, "first": []}


def number(value):
    """One number of row 5 of everything that holds embeddings."""

    def spoil(folder, kind):
        for path in folder.glob("*.npy"):
            vectors = np.load(path)
            vectors[5, 2] = value
            np.save(path, vectors)
        data = bytearray((folder / "m.bin").read_bytes())
        data[16 + (5 * DIM + 2) * 4 : 16 + (5 * DIM + 3) * 4] = np.float32(value).tobytes()
        (folder / "m.bin").write_bytes(data)
        data = bytearray((folder / "tree/0/1/5.jpg_a.bin").read_bytes())
        data[16 + 8 : 16 + 12] = np.float32(value).tobytes()
        (folder / "tree/0/1/5.jpg_a.bin").write_bytes(data)
        if kind == "megaface tree":  # its distractors alone
            np.save(folder / "X.npy", np.ones((32, DIM), np.float32))

    return spoil


def zeros(folder, kind):
    vectors = load(folder / "X").vectors.copy()
    vectors[4:6] = 0  # a whole template too
    np.save(folder / "X.npy", vectors)
    write_matrix(folder / "m.bin", np.concatenate([vectors, load(folder / "D").vectors]))
    data = (folder / "tree/0/1/5.jpg_a.bin").read_bytes()
    (folder / "tree/0/1/5.jpg_a.bin").write_bytes(data[:16] + bytes(4 * DIM))
    if kind == "megaface tree":
        np.save(folder / "X.npy", np.ones((32, DIM), np.float32))


def dimension(folder, kind):
    wide = np.ones((OTHERS, DIM + 1), np.float32)
    if kind == "megaface":
        save(folder / "D", load(folder / "D").names, wide, {})
    else:
        np.save(folder / "X.npy", np.ones((32, DIM + 1), np.float32))
    shutil.rmtree(folder / "tree")
    write_tree(folder / "tree", load(folder / "D").names, wide, "a") if kind == "megaface" else None
    if kind == "megaface tree":
        write_tree(folder / "tree", load(folder / "D").names, wide, "a")
        save(folder / "X", NAMES, np.ones((32, DIM), np.float32), {})
    data = (folder / "m.bin").read_bytes()
    (folder / "m.bin").write_bytes(
        data[:4] + np.int32([DIM + 1, 4 * DIM + 4]).tobytes() + data[12:]
    )


def truncated(folder, kind):
    for path in (folder / "X.npy", folder / "m.bin", folder / "tree/0/1/5.jpg_a.bin"):
        path.write_bytes(path.read_bytes()[:-10])
    if kind == "megaface tree":
        np.save(folder / "X.npy", np.ones((32, DIM), np.float32))


def absent(folder, kind):
    """The lists' fifth entry is of an image that has no embedding."""
    for name in ("X.list", "D.list", "labels", "media"):
        rows = (folder / name).read_text().splitlines()
        rows[4] = " ".join(["Nobody/Nobody_0001.jpg", *rows[4].split()[1:]])
        (folder / name).write_text(lines(rows))
    rows = (folder / "l.txt").read_text().splitlines()
    rows[4] = "99 1"
    (folder / "l.txt").write_text(lines(rows))
    definition(folder, [*NAMES[:4], "Nobody/Nobody_0001.jpg", *NAMES[5:]])


def twice(folder, kind):
    """The lists' fifth entry is the first one again; where lists may do so, the embeddings'."""
    for name in ("X.list", "D.list", "labels", "l.txt", "X.txt"):
        rows = (folder / name).read_text().splitlines()
        rows[4] = rows[0]
        (folder / name).write_text(lines(rows))
    if kind.startswith(("megaface", "retrieval")):
        (folder / "X.txt").write_text(lines(NAMES))


FAULTS = {
    "nan": (number(np.nan), {"m.bin": "row 5.* nan at place 2", "tree": "byte 24: nan"}),
    "inf": (number(np.inf), {"m.bin": "row 5.* inf at place 2", "tree": "byte 24: inf"}),
    "-inf": (number(-np.inf), {"m.bin": "row 5.* -inf at place 2", "tree": "byte 24: -inf"}),
    "zeros": (zeros, {}),
    "dimension": (dimension, {}),
    "truncated": (truncated, {}),
    "absent": (absent, {}),
    "twice": (twice, {}),
}
WHERE = {
    "number": r"X\.npy, row 5: the embedding of 'P1/P1_0002\.jpg' has NaN or infinity",
    ("zeros", "megaface"): r"X, row 4 \('P1/P1_0001\.jpg'\): the embedding is all zeros",
    ("zeros", "megaface tree"): r"tree, row 5 \('0/1/5\.jpg'\): the embedding is all zeros",
    ("zeros", "trillion"): r"m\.bin, row 4: the embedding is all zeros",
    ("zeros", "ijb"): r"media: the embedding of 'template 2' is all zeros",
    ("zeros", "ijb_1n"): r"media: the embedding of 'template 2' is all zeros",
    ("zeros", "retrieval"): r"X, row 4 \('P1/P1_0001\.jpg'\): the embedding is all zeros",
    ("zeros", "blufr"): r"X, row 4 \('P1/P1_0001\.jpg'\): the embedding is all zeros",
    ("dimension", "megaface"): r"D: expected embeddings of dimension 6 like .*X, found 7",
    ("dimension", "megaface tree"): r"tree: expected embeddings of dimension 6 like .*X, found 7",
    ("dimension", "trillion"): r"m\.bin, byte \d+: 1,744 bytes in all, 72 rows of 7 numbers take",
    ("truncated", "megaface tree"): r"5\.jpg_a\.bin, byte 30: 30 bytes in all, 6 rows",
    ("truncated", "trillion"): r"m\.bin, byte 1734: 1,734 bytes in all",
    ("absent", "megaface"): r"X\.list, line 5: image 'Nobody/Nobody_0001\.jpg' is not among",
    ("absent", "megaface tree"): r"D\.list, line 5: 'Nobody/Nobody_0001\.jpg' has no feature file",
    ("absent", "trillion"): r"l\.txt, line 5: expected a row from 0 to 71, found '99'",
    ("absent", "ijb"): r"media, line 5: image 'Nobody/Nobody_0001\.jpg' is not among",
    ("absent", "ijb_1n"): r"media, line 5: image 'Nobody/Nobody_0001\.jpg' is not among",
    ("absent", "retrieval"): r"labels, line 5: image 'Nobody/Nobody_0001\.jpg' is not among",
    ("absent", "blufr"): r"c\.mat, line 5: image 'Nobody/Nobody_0001\.jpg' is not among",
    ("twice", "megaface"): r"X\.list, line 5: 'P0/P0_0001\.jpg' is on line 1 already",
    ("twice", "megaface tree"): r"D\.list, line 5: '0/1/0\.jpg' is on line 1 already",
    ("twice", "trillion"): r"l\.txt, line 5: row 0 is on a line above already",
    ("twice", "retrieval"): r"labels, line 5: 'P0/P0_0001\.jpg' is on a line above already",
}
DEFAULT = {
    "dimension": r"X\.json: says 6 numbers an image, X\.npy has 7",
    "truncated": r"X\.npy: .*extract again",
    "twice": r"X\.txt, line 5: 'P0/P0_0001\.jpg' is on line 1 already",
}


@pytest.mark.parametrize("kind", PROTOCOLS)
@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_wrong_is_named_and_located(folder, kind, fault, monkeypatch, capsys):
    spoil, other = FAULTS[fault]
    spoil(folder, kind)
    place = {"trillion": "m.bin", "megaface tree": "tree"}.get(kind)
    message = WHERE.get((fault, kind)) or other.get(place) or DEFAULT.get(fault) or WHERE["number"]
    monkeypatch.setattr("sys.argv", ["eval"])
    with pytest.raises(SystemExit) as exit_:
        run(lambda _: judge(folder, kind), "python -m eval")
    said = capsys.readouterr().err.strip().splitlines()
    assert exit_.value.code == 2 and len(said) == 1
    assert re.search(message, said[0]), said[0]
    assert not (folder / "r.json").exists()


@pytest.mark.parametrize("kind", PROTOCOLS)
def test_an_embedding_that_comes_twice_is_told_of(folder, kind):
    vectors = load(folder / "X").vectors.copy()
    others = load(folder / "D").vectors.copy()
    vectors[9] = others[7] = vectors[1]
    save(folder / "X", NAMES, vectors, {})
    save(folder / "D", load(folder / "D").names, others, {})
    shutil.rmtree(folder / "tree")
    write_tree(folder / "tree", load(folder / "D").names, others, "a")
    write_matrix(folder / "m.bin", np.concatenate([vectors, others]))
    result = judge(folder, kind)
    two = kind.startswith(("megaface", "trillion"))
    assert result["data"]["duplicates"]["count"] == 1 + two
    where = "m.bin, row 9 repeats" if kind == "trillion" else "row 9 ('P2/P2_0002.jpg') repeats"
    assert where in result["data"]["duplicates"]["first"][0]
    assert any("repeat another byte for byte" in note for note in result["notes"])
