"""People of a tree, and names to leave out."""

import os

import pytest

from data_prep.sources.folders import Person, leave_out, read_images, read_names, read_people


def tree(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def test_people_and_images_are_sorted_by_name(tmp_path):
    tree(tmp_path, "b/2.jpg", "b/10.png", "a/1.JPG", "a/note.txt", "a/.hidden.jpg", "align.json")
    assert read_people(tmp_path) == [
        Person("a", ("a/1.JPG",)),
        Person("b", ("b/10.png", "b/2.jpg")),
    ]
    assert read_images(tmp_path) == ["a/1.JPG", "b/10.png", "b/2.jpg"]


def test_links_are_followed_and_dot_folders_are_not(tmp_path):
    tree(tmp_path, "real/p/1.jpg", "root/a/2.jpg", "root/.cache/3.jpg", "root/a/.b/4.jpg")
    (tmp_path / "root/p").symlink_to(tmp_path / "real/p")
    (tmp_path / "root/q").symlink_to("p")
    (tmp_path / "root/q.jpg").symlink_to("a/2.jpg")
    assert read_images(tmp_path / "root") == ["a/2.jpg", "p/1.jpg", "q.jpg", "q/1.jpg"]
    people = [Person("a", ("a/2.jpg",)), Person("p", ("p/1.jpg",)), Person("q", ("q/1.jpg",))]
    assert read_people(tmp_path / "root") == people


@pytest.mark.parametrize("target", ["..", "../..", "../a", "."])
def test_links_that_go_round_end(tmp_path, target):
    tree(tmp_path, "root/a/1.jpg", "root/b/2.jpg")
    (tmp_path / "root/b/up").symlink_to(target)
    (tmp_path / "root/a/over").symlink_to("../b")
    found = read_images(tmp_path / "root")
    assert {"a/1.jpg", "b/2.jpg", "a/over/2.jpg"} <= set(found)
    assert all(len(name.split("/")) <= 5 for name in found)


@pytest.mark.parametrize("read", [read_images, read_people])
def test_links_to_themselves_are_passed_over(tmp_path, read):
    tree(tmp_path, "a/1.jpg")
    before = read(tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "a/loop").symlink_to("loop")
    assert read(tmp_path) == before


@pytest.mark.parametrize("read", [read_images, read_people])
def test_names_that_are_no_text_are_named(tmp_path, read):
    tree(tmp_path, "a/1.jpg", os.fsdecode(b"a/\xe9.jpg"))
    with pytest.raises(ValueError, match=r"UTF-8, found 'a/\\udce9\.jpg'; rename it"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["1.jpg"], "found no folder"),
        (["a/1.jpg", "b/x.txt"], "found none in 'b'"),
        ([f"{i}/x.txt" for i in range(7)], "and 2 more"),
        (["a/deep/1.jpg"], "found the folder 'deep'"),
    ],
)
def test_other_trees(tmp_path, names, message):
    tree(tmp_path, *names)
    with pytest.raises(ValueError, match=message):
        read_people(tmp_path)


def test_folders_that_are_none(tmp_path):
    with pytest.raises(OSError, match="none"):
        read_people(tmp_path / "none")
    with pytest.raises(OSError, match="expected a folder"):
        read_images(tmp_path / "none")
    with pytest.raises(ValueError, match="at any depth"):
        read_images(tmp_path)


def test_leaving_people_out(tmp_path):
    path = tmp_path / "names.txt"
    path.write_text("# in the test set\nAda_Lovelace\n\nAlan Turing  # both\nNo Body\n")
    people = [Person(name, ()) for name in ("Ada Lovelace", "Alan_Turing", "Ada", "Emmy Noether")]
    kept, strangers = leave_out(people, read_names(path))
    assert [person.name for person in kept] == ["Ada", "Emmy Noether"]
    assert strangers == ["No Body"]
