"""Planted duplicates in a set of synthetic people are found, and nothing else is."""

import shutil

import cv2
import numpy as np
import pytest

from data_prep.clean.duplicates import find_duplicates
from data_prep.dataset import open_images
from data_prep.embeddings import Embeddings
from data_prep.images import decode, encode
from data_prep.pack import pack_images


@pytest.fixture
def tree(people, tmp_path):
    """The synthetic people with copies: `z*` are repeats within, `w*` are of somebody else."""
    tree = tmp_path / "tree"
    shutil.copytree(people.crops, tree, ignore=shutil.ignore_patterns("*.json", "*.txt"))
    folders = sorted(path for path in tree.iterdir() if path.is_dir())
    first = [sorted(folder.iterdir())[0] for folder in folders]

    def put(target, pixels, quality=90):
        target.write_bytes(encode(np.ascontiguousarray(pixels), ".jpg", quality))

    pixels = [decode(path.read_bytes(), path.name) for path in first]
    shutil.copy(first[0], folders[0] / "z_same_bytes.jpg")
    put(folders[1] / "z_recompressed.jpg", pixels[1], 40)
    put(folders[2] / "z_mirrored.jpg", pixels[2][:, ::-1])
    put(folders[3] / "z_scaled.jpg", cv2.resize(cv2.resize(pixels[3], (40, 40)), (64, 64)))
    put(folders[4] / "z_darker.jpg", (pixels[4] * 0.7).astype(np.uint8))
    shutil.copy(first[5], folders[6] / "w_same_bytes.jpg")
    put(folders[8] / "w_recompressed.jpg", pixels[7], 70)
    put(folders[9] / "z_flat_1.jpg", np.full((64, 64, 3), 40, np.uint8))
    put(folders[9] / "z_flat_2.jpg", np.full((64, 64, 3), 200, np.uint8))
    (folders[10] / "z_broken.jpg").write_bytes(b"\xff\xd8broken\xff\xd9")
    return tree, first


@pytest.fixture(scope="module")
def alike(people, tmp_path_factory):
    """Drawn people are alike as photographs are not: what is listed without any copy."""
    source = open_images(people.crops)
    names = listed(find_duplicates(source, tmp_path_factory.mktemp("scratch")))
    assert len(names) <= 3
    return names


def listed(outcome):
    return {finding.entry.name for finding in outcome.findings}


def test_planted_duplicates_are_found_and_nothing_else(tree, alike, tmp_path):
    tree, first = tree
    outcome = find_duplicates(open_images(tree), tmp_path)
    names = listed(outcome) - alike
    within = {name for name in names if "/z_" in name}
    assert {name.split("/z_")[1] for name in within} == {
        "same_bytes.jpg", "recompressed.jpg", "mirrored.jpg", "scaled.jpg", "darker.jpg",
    }  # fmt: skip
    in_conflict = {first[i].relative_to(tree).as_posix() for i in (5, 7)}
    strangers = {name for name in names if "/w_" in name}
    assert len(strangers) == 2 and names == within | strangers | in_conflict
    reasons = {finding.entry.name: finding.entry.reason for finding in outcome.findings}
    assert "the same file as" in reasons[next(name for name in within if "same_bytes" in name)]
    assert "mirror image" in reasons[next(name for name in within if "mirrored" in name)]
    assert all("another person" in reasons[name] for name in strangers | in_conflict)
    assert "1 could not be decoded" in "\n".join(outcome.about)


def test_embeddings_settle_whose_a_photograph_is(tree, alike, tmp_path):
    """The copies lie under somebody else; to the embedding they are of the first person."""
    source = open_images(tree[0])
    people = sorted({name.split("/")[0] for name in source.names})
    draw = np.random.default_rng(0)
    centre = {person: draw.normal(size=32) for person in people}
    owner = {"w_same_bytes.jpg": people[5], "w_recompressed.jpg": people[7]}
    vectors = np.array(
        [
            centre[owner.get(name.split("/")[1], name.split("/")[0])] + 0.1 * draw.normal(size=32)
            for name in source.names
        ]
    )
    for place, name in enumerate(source.names):
        if name.endswith("z_darker.jpg"):  # no photograph of the same, says the embedding
            vectors[place] = -vectors[place]
    embedded = Embeddings(source.names, vectors.astype(np.float32), {}, "x")
    names = listed(find_duplicates(source, tmp_path, embedded)) - alike
    assert {name.split("/")[1] for name in names} == {
        "z_same_bytes.jpg", "z_recompressed.jpg", "z_mirrored.jpg", "z_scaled.jpg",
        "w_same_bytes.jpg", "w_recompressed.jpg",
    }  # fmt: skip


def test_people_who_share_many_photographs_are_named(people, tmp_path):
    tree = tmp_path / "tree"
    folder = sorted(path for path in people.crops.iterdir() if path.is_dir())[0]
    shutil.copytree(folder, tree / "one")
    shutil.copytree(folder, tree / "two")
    outcome = find_duplicates(open_images(tree), tmp_path)
    assert len(outcome.findings) == 12
    assert "one and two (12)" in "\n".join(outcome.about)


def test_threads_change_nothing(tree, tmp_path):
    source = open_images(tree[0])
    one, other = (find_duplicates(source, tmp_path, workers=n) for n in (1, 3))
    assert [f.entry for f in one.findings] == [f.entry for f in other.findings]


def test_people_of_a_set_packed_from_a_list_are_its_labels(people, tmp_path):
    """Files without folders: the list alone says who is who."""
    crops = sorted(people.crops.rglob("*.jpg"))[:12]  # two people
    lines = []
    for place, crop in enumerate([*crops, crops[0]]):
        name = f"img{place:02d}.jpg"
        (tmp_path / "flat").mkdir(exist_ok=True)
        shutil.copy(crop, tmp_path / "flat" / name)
        lines.append(f"{name}\t{place // 6 % 2}\n")
    (tmp_path / "list").write_text("".join(lines))
    pack_images(tmp_path / "flat", tmp_path / "set/train", list_file=tmp_path / "list")
    outcome = find_duplicates(open_images(tmp_path / "set/train"), tmp_path)
    reasons = {finding.entry.name: finding.entry.reason for finding in outcome.findings}
    assert reasons["img12.jpg"] == "the same file as img00.jpg" and "img00.jpg" not in reasons
    assert {finding.person for finding in outcome.findings} <= {"000000", "000001"}
