"""People of a tree, and names to leave out."""

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
