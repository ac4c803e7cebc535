"""Lists of what to leave out: what is written is read, and what is wrong is said with its line."""

import pytest

from data_prep.drops import Drops, Entry, read_drops, write_drops


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "out" / "list.txt"
    entries = [
        Entry("image", "Ann B/0 1.jpg", "same as\tAnn B/0.jpg\n(1.00)"),
        Entry("person", "# Ümit", "in lfw"),
        Entry("image", "a\u2028b.jpg", "odd name"),
    ]
    write_drops(path, entries, "made by a test\nsecond line")
    drops = read_drops(path)
    assert drops == Drops(
        images={"Ann B/0 1.jpg": "same as Ann B/0.jpg (1.00)", "a\u2028b.jpg": "odd name"},
        people={"# Ümit": "in lfw"},
    )
    text = path.read_text(encoding="utf-8")
    assert "# second line\n" in text and "list.html" in text and "--drop list.txt" in text


def test_a_commented_entry_is_kept_and_an_editor_may_change_line_ends(tmp_path):
    path = tmp_path / "list.txt"
    write_drops(path, [Entry("image", "a/1.jpg", "x"), Entry("image", "a/2.jpg", "x")], "")
    text = path.read_text().replace("image\ta/1.jpg", "#image\ta/1.jpg").replace("\n", "\r\n")
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert read_drops(path) == Drops(images={"a/2.jpg": "x"}, people={})


def test_lists_may_be_joined(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("image\ta\tx\nperson\ta\ty\nimage\ta\tz\nimage\ta\tx\n")
    assert read_drops(path) == Drops(images={"a": "x; z"}, people={"a": "y"})


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("Tom Cruise", "--exclude"),
        ("folder\tTom\tx", "`image` or `person`"),
        ("image\tTom", "2 fields"),
        ("image\tTom\tx\ty", "4 fields"),
        ("person\t\tx", "`image` or `person`"),
    ],
)
def test_a_wrong_line_is_named(tmp_path, line, words):
    path = tmp_path / "list.txt"
    path.write_text(f"# head\n\n{line}\n")
    with pytest.raises(ValueError, match=r"list\.txt, line 3: ") as caught:
        read_drops(path)
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_other_bytes_and_names_that_cannot_be_written(tmp_path):
    path = tmp_path / "list.txt"
    path.write_bytes(b"image\t\xff\tx\n")
    with pytest.raises(ValueError, match="byte 6"):
        read_drops(path)
    for name in ("a\tb", "a\nb", "", "a\udcffb"):
        with pytest.raises(ValueError, match="rename it"):
            write_drops(tmp_path / "new.txt", [Entry("image", name, "x")], "")
    assert not (tmp_path / "new.txt").exists()
