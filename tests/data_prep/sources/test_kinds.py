"""The kind of a source is told from what is there; what is none is refused with the kinds."""

import pytest

from data_prep.sources import open_people
from data_prep.sources.people import Person


def test_folder_trees(tmp_path):
    (tmp_path / "Ann").mkdir()
    (tmp_path / "Ann/1.jpg").write_bytes(b"abc")
    source = open_people(tmp_path)
    assert source.people == (Person("Ann", ("Ann/1.jpg",)),)
    assert source.encoded("Ann/1.jpg") == b"abc" and source.length("Ann/1.jpg") == 3
    assert source.where("Ann/1.jpg") == str(tmp_path / "Ann/1.jpg")
    assert source.about() == {"images": tmp_path.name}
    (tmp_path / "align.json").write_text('{"complete": false}')
    with pytest.raises(ValueError, match=r"align\.json: the alignment is not complete"):
        source.about()
    (tmp_path / "align.json").write_text("[]")
    with pytest.raises(ValueError, match=r"align\.json: expected an object, .* found list"):
        source.about()


@pytest.mark.parametrize(
    ("files", "path", "error", "message"),
    [
        ([], "gone", FileNotFoundError, "gone: found nothing there; expected a folder"),
        ([], "gone.rec", FileNotFoundError, "gone.rec: found nothing there"),
        ([], "*.rec", FileNotFoundError, r"\*\.rec: expected files of this pattern, found none"),
        (["a.jpg"], "a.jpg", ValueError, "a.jpg: expected a folder DIR/person/image; .* a record"),
        (["a.lst"], "a.lst", ValueError, "a.lst: is a list; give it as --list"),
        (["x/a.rec"], "x", ValueError, "expected one folder a person, found a record set; .*x/a"),
        (["label.txt", "images/1.jpg"], ".", ValueError, "add --list .*label.txt"),
        (["a.txt/b"], "*.txt", FileNotFoundError, r"\*\.txt: expected files .*, found none"),
    ],
)
def test_what_is_no_source(tmp_path, files, path, error, message):
    for file in files:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_bytes(b"x")
    with pytest.raises(error, match=message) as caught:
        open_people(tmp_path / path)
    assert "\n" not in str(caught.value)


def test_lists_go_with_folders(tmp_path):
    (tmp_path / "train.rec").write_bytes(b"x")
    (tmp_path / "list").write_text("a/1.jpg\t0\n")
    with pytest.raises(NotADirectoryError, match="expected a folder of images"):
        open_people(tmp_path / "train", tmp_path / "list")
    with pytest.raises(FileNotFoundError, match="list2"):
        open_people(tmp_path, tmp_path / "list2")
