"""Lists of im2rec, face2rec2 and arcface_paddle, told apart by their lines."""

from pathlib import Path

import pytest

from data_prep.sources import open_people
from data_prep.sources.people import Person

IMAGES = ["Bob/1.jpg", "Ann/1.jpg", "Bob/2.jpg", "Ann/0.jpg"]
LABELS = [1, 0, 1, 0]
BOX, POINTS = "\t1\t2\t3\t4", "\t1.5" * 10

WRITERS = {
    "im2rec": lambda i, path, label: f"{i}\t{label}\t{path}",
    "im2rec, floats": lambda i, path, label: f"{i}\t{label:f}\t{path}",
    "im2rec, several labels": lambda i, path, label: f"{i}\t{label}\t0.5\t7\t{path}",
    "face2rec2": lambda i, path, label: f"1\t{path}\t{label}",
    "face2rec2, boxes": lambda i, path, label: f"1\t{path}\t{label}{BOX}",
    "face2rec2, points": lambda i, path, label: f"1\t{path}\t{label}{BOX}{POINTS}",
    "label.txt": lambda i, path, label: f"{path}\t{label}",
    "spaces": lambda i, path, label: f"{path} {label}",
}


@pytest.fixture
def root(tmp_path) -> Path:
    for i, name in enumerate(IMAGES):
        (tmp_path / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "images" / name).write_bytes(b"x" * (i + 1))
    return tmp_path


def opened(root: Path, *lines: str, end: str = "\n"):
    (root / "list").write_text(end.join(lines) + end, newline="")
    return open_people(root / "images", root / "list")


@pytest.mark.parametrize("form", WRITERS)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_form_gives_the_same_people(root, form, end):
    lines = [WRITERS[form](i, *pair) for i, pair in enumerate(zip(IMAGES, LABELS))]
    source = opened(root, *lines, end=end)
    # labels come mixed (formats.md 2.4, trap 2): two people, not four
    assert source.people == (
        Person("Ann", ("Ann/1.jpg", "Ann/0.jpg")),
        Person("Bob", ("Bob/1.jpg", "Bob/2.jpg")),
    )
    assert source.encoded("Bob/2.jpg") == b"xxx" and source.length("Bob/2.jpg") == 3
    assert source.where("Bob/2.jpg") == str(root / "images/Bob/2.jpg")
    assert source.about()["list"] == "list" and source.about()["images"] == "images"


def test_people_without_folders_are_called_by_label(root):
    source = opened(root, "Bob/1.jpg\t7", "Ann/1.jpg\t7", "Bob/2.jpg\t12")
    assert [person.name for person in source.people] == ["000007", "000012"]


def test_absolute_paths_below_the_folder(root):
    source = opened(root, f"1\t{root}/images/Ann/1.jpg\t0")
    assert source.people == (Person("Ann", ("Ann/1.jpg",)),)


def test_paths_of_windows(root):
    source = opened(root, "Ann\\1.jpg\t0")
    assert source.people == (Person("Ann", ("Ann/1.jpg",)),)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["a"], r"list, line 1: expected index<TAB>label<TAB>path"),
        (["a\tb"], r"list, line 1: expected .* found 'a\\tb'"),
        (["0\t0\tAnn/1.jpg", "1\t1"], r"line 2: expected index, label, path .* found 2 columns"),
        (["Ann/1.jpg\t0", "Bob/1.jpg"], r"line 2: expected path, label"),
        (["1\tAnn/1.jpg\t0", "1\tBob/1.jpg\t1\t5"], r"line 2: expected aligned, path, label"),
        (["1\tAnn/1.jpg\t0", "0\tBob/1.jpg\t1"], r"line 2: expected an aligned image"),
        (["Ann/1.jpg\t0", "Bob/1.jpg\tx"], r"line 2: expected a class number .* 'x'"),
        (["Ann/1.jpg\t0", "Bob/1.jpg\t-1"], r"line 2: expected a class number .* '-1'"),
        (["Ann/1.jpg\t0", "Bob/1.jpg\t0.5"], r"line 2: expected a class number .* '0\.5'"),
        (["Ann/1.jpg\t0", "../x.jpg\t1"], r"line 2: expected a path under .*images"),
        (["Ann/1.jpg\t0", "/x.jpg\t1"], r"line 2: expected a path under .*images"),
        (["Ann/1.jpg\t0", "", "Ann/1.jpg\t1"], r"line 3: 'Ann/1\.jpg' stands in line 1 already"),
        ([], r"list: expected a line an image, found an empty file"),
    ],
)
def test_damaged_lists(root, lines, message):
    with pytest.raises(ValueError, match=message) as caught:
        opened(root, *lines)
    assert "\n" not in str(caught.value)


def test_text_that_is_none(root):
    (root / "list").write_bytes(b"Ann/1.jpg\t0\nB\xffb/1.jpg\t1\n")
    with pytest.raises(ValueError, match="list, line 2: expected UTF-8 text, byte 1"):
        open_people(root / "images", root / "list")


def test_a_missing_image_is_named_with_its_line(root):
    source = opened(root, "Ann/1.jpg\t0", "", "gone/1.jpg\t1")
    for look in (source.encoded, source.length):
        with pytest.raises(FileNotFoundError, match=r"list, line 3: .*gone/1\.jpg, found no file"):
            look("gone/1.jpg")
