"""People of a test set in a training set: by name, and by the similarity of centres."""

import numpy as np
import pytest

from data_prep.clean.overlap import overlap_by_face, overlap_by_name
from data_prep.dataset import open_images
from data_prep.drops import write_drops
from data_prep.embeddings import Embeddings
from data_prep.pack import pack_images


class Named:
    """As much of an image source as finding needs."""

    def __init__(self, names):
        self.names = names

    def __len__(self):
        return len(self.names)


def test_by_name(tmp_path):
    source = Named(["José_B/1.jpg", "Tom_Hanks/1.jpg", "Tom_Hanks/2.jpg", "Zoë/1.jpg"])
    test = tmp_path / "lfw_people.txt"
    test.write_text("10\n2\nJose_B\t3\nTom_Hardy\t1\n1\nZOE\t9\n")
    outcome = overlap_by_name(source, test)
    entries = [(f.entry.kind, f.entry.name, f.entry.reason) for f in outcome.findings]
    assert entries == [
        ("person", "José_B", "in lfw_people.txt, line 3, as Jose_B"),
        ("person", "Zoë", "in lfw_people.txt, line 6, as ZOE"),
    ]
    assert "2 of 3 people, of 3 names" in outcome.about[1]


def test_by_name_in_a_set_packed_from_a_list(tmp_path):
    """The person is the class, not the folder `train/Tom`; packing takes the list back."""
    for number, name in enumerate(["Ann", "Tom"]):
        path = tmp_path / "crops/train" / name / "1.pgm"
        path.parent.mkdir(parents=True)
        path.write_bytes(b"P5 2 2 255\n" + bytes([number] * 4))
    (tmp_path / "list").write_text("train/Ann/1.pgm\t0\ntrain/Tom/1.pgm\t1\n")
    (tmp_path / "test.txt").write_text("TOM\n")
    pack_images(tmp_path / "crops", tmp_path / "a/train", list_file=tmp_path / "list")
    outcome = overlap_by_name(open_images(tmp_path / "a/train"), tmp_path / "test.txt")
    write_drops(tmp_path / "drop.txt", [one.entry for one in outcome.findings], "")
    kept = pack_images(tmp_path / "a/train", tmp_path / "b/train", drops=[tmp_path / "drop.txt"])
    assert kept["class_names"] == ["Ann"] and not kept["dropped"]["unknown_people"]


def test_numbered_people_have_no_names(tmp_path):
    test = tmp_path / "list.txt"
    test.write_text("Tom\n")
    with pytest.raises(ValueError, match=r"list\.txt: .* numbers its people .*'000001'.*--against"):
        overlap_by_name(Named(["000001/00000001", "000002/00000004"]), test)
    test.write_text("0000045\n")
    assert len(overlap_by_name(Named(["0000045/1.jpg", "0000046/1.jpg"]), test).findings) == 1


def two_sets(people=300, tested=200, shared=20, images=5, noise=0.06, dim=128, seed=0):
    """A training and a test set round random centres, of which some are the same."""
    draw = np.random.default_rng(seed)
    centre = draw.normal(size=(people + tested - shared, dim))
    centre /= np.linalg.norm(centre, axis=1, keepdims=True)

    def make(labels, kind):
        names = [f"{kind}{label:04d}/{i}.jpg" for label in labels for i in range(images)]
        vectors = np.repeat(centre[labels], images, axis=0)
        vectors = vectors + noise * draw.normal(size=vectors.shape)
        return Embeddings(names, vectors.astype(np.float32), {}, kind)

    return make(range(people), "a"), make(range(people - shared, people + tested - shared), "b")


def test_by_face_finds_the_shared_and_hardly_another():
    train, test = two_sets()
    outcome = overlap_by_face(Named(train.names), train, test)
    found = {finding.entry.name for finding in outcome.findings}
    truth = {f"a{label:04d}" for label in range(280, 300)}
    assert truth <= found and len(found - truth) <= 3
    for finding in outcome.findings[:20]:
        assert finding.entry.name[1:] in finding.entry.reason
    assert "a normal law lets one pair of strangers through" in outcome.about[0]


def test_a_set_without_overlap_has_about_one_entry():
    counts = []
    for seed in range(6):
        train, test = two_sets(shared=0, seed=seed)
        counts.append(len(overlap_by_face(Named(train.names), train, test).findings))
    assert sum(counts) <= 12, counts


def test_threshold_is_the_rule_worked_out():
    train, test = two_sets(people=40, tested=30, shared=3)

    def centres(embedded):
        unit = embedded.vectors / np.linalg.norm(embedded.vectors, axis=1, keepdims=True)
        sums = unit.reshape(-1, 5, unit.shape[1]).sum(axis=1)
        return sums / np.linalg.norm(sums, axis=1, keepdims=True)

    every = (centres(train) @ centres(test).T).astype(float)
    z = 3.1442  # upper 1 / 1200 of the normal law
    expected = every.mean() + z * every.std()
    outcome = overlap_by_face(Named(train.names), train, test)
    assert outcome.about[0].startswith(f"Rule: centres at least {expected:.3f} similar (mean ")
    assert len(outcome.findings) == (every.max(axis=1) >= expected).sum()
    assert len(overlap_by_face(Named(train.names), train, test, threshold=2).findings) == 0
    assert len(overlap_by_face(Named(train.names), train, test, threshold=-1).findings) == 40


def test_test_images_without_folders_stand_for_themselves():
    train, test = two_sets()
    single = Embeddings([f"{i:06d}" for i in range(len(test.names))], test.vectors, {}, "lfw.bin")
    outcome = overlap_by_face(Named(train.names), train, single)
    found = {finding.entry.name for finding in outcome.findings}
    assert {f"a{label:04d}" for label in range(280, 300)} <= found


def test_what_cannot_be_done():
    train, test = two_sets(people=8, tested=8, shared=2)
    with pytest.raises(
        ValueError, match=r"at least 1,000 comparisons .* found 8 x 8; give --thres"
    ):
        overlap_by_face(Named(train.names), train, test)
    narrow = Embeddings(test.names, test.vectors[:, :64].copy(), {}, "b")
    with pytest.raises(
        ValueError, match="b: expected embeddings of dimension 128 like a, found 64"
    ):
        overlap_by_face(Named(train.names), train, narrow)
    notes = [{"model": {"sha256": digit * 64}, "fusion": "none"} for digit in "ab"]
    pair = [Embeddings(x.names, x.vectors, note, x.prefix) for x, note in zip((train, test), notes)]
    with pytest.raises(ValueError, match="b: expected the model of SHA-256 aaaaaaaaaaaa like a"):
        overlap_by_face(Named(train.names), *pair)
    notes[1].update(model=notes[0]["model"], fusion="flip-sum")
    with pytest.raises(ValueError, match="b: expected the fusion none like a, found flip-sum"):
        overlap_by_face(Named(train.names), *pair)
