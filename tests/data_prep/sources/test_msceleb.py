"""Tables of MS-Celeb-1M: images in base64, a line each."""

import base64
import struct
from pathlib import Path

import pytest

from data_prep.sources import open_people
from data_prep.sources.people import Person

JPEG = b"\xff\xd8\xff\xe0"
RECTANGLE = base64.b64encode(struct.pack("<4f", 0.1, 0.2, 0.9, 0.8)).decode()


def text(image: bytes) -> str:
    return base64.b64encode(image).decode()


def cropped(person: str, rank: int, face: int, image: bytes) -> str:
    """A line of the faces cropped and aligned: 7 columns."""
    page = ["http://x/i.jpg", "http://x/"]
    return "\t".join([person, str(rank), *page, f"FaceId-{face}", RECTANGLE, text(image)])


def table(path: Path, *lines: str, end: str = "\n"):
    path.write_text("".join(line + end for line in lines), newline="")
    return open_people(path)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_cropped_faces(tmp_path, end):
    images = [JPEG + bytes([65 + i]) * (i + 1) for i in range(4)]
    source = table(
        tmp_path / "a.tsv",
        cropped("m.02", 5, 0, images[0]),
        cropped("m.01", 9, 0, images[1]),
        cropped("m.02", 10, 1, images[2]),
        cropped("/m/01", 9, 0, images[3]),
        end=end,
    )
    # sorted, as the folders that one would unpack them to
    assert source.people == (
        Person("m.01", ("m.01/9-FaceId-0.jpg", "m.01/9-FaceId-0_2.jpg")),
        Person("m.02", ("m.02/10-FaceId-1.jpg", "m.02/5-FaceId-0.jpg")),
    )
    names = ["m.02/5-FaceId-0.jpg", "m.01/9-FaceId-0.jpg"]
    names += ["m.02/10-FaceId-1.jpg", "m.01/9-FaceId-0_2.jpg"]
    assert [source.encoded(name) for name in names] == images
    assert source.length(names[3]) == len(text(images[3]))
    assert source.where(names[2]) == f"{tmp_path}/a.tsv, line 3 ({names[2]})"


def test_thumbnails_and_other_tables(tmp_path):
    line = "\t".join(["m.01", "who", "7", "http://x", "http://y", text(JPEG)])
    assert table(tmp_path / "a.tsv", line).people == (Person("m.01", ("m.01/7.jpg",)),)
    png = b"\x89PNG\r\n\x1a\n"
    lines = ["/m/01\t" + text(JPEG + b"a"), "/m/01\t" + text(png)]
    source = table(tmp_path / "b.tsv", *lines)
    assert source.people == (Person("m.01", ("m.01/00000001.jpg", "m.01/00000002.png")),)
    assert source.encoded("m.01/00000002.png") == png


def test_several_files_are_one_set(tmp_path):
    table(tmp_path / "a.tsv", cropped("m.01", 1, 0, JPEG + b"a"), cropped("m.02", 1, 0, JPEG))
    table(tmp_path / "b.tsv", cropped("m.01", 1, 0, JPEG + b"b"))
    source = open_people(tmp_path / "*.tsv")
    assert source.people[0] == Person("m.01", ("m.01/1-FaceId-0.jpg", "m.01/1-FaceId-0_2.jpg"))
    assert source.encoded("m.01/1-FaceId-0_2.jpg") == JPEG + b"b"
    assert source.where("m.01/1-FaceId-0_2.jpg").startswith(f"{tmp_path}/b.tsv, line 1 ")


GOOD = cropped("m.01", 1, 0, JPEG)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], r"a\.tsv: expected a line an image, found an empty file"),
        ([GOOD, GOOD.rsplit("\t", 1)[0]], r"a\.tsv, line 2: expected 7 columns .* found 6"),
        ([GOOD, ""], r"a\.tsv, line 2: expected 7 columns .* found 1"),
        ([GOOD, "m.01\t1\ta\tb\tc\td\t"], r"a\.tsv, line 2: expected 7 columns"),
        (["no columns"], r"a\.tsv, line 1: expected columns with tabs between"),
        (["0\tAnn/1.jpg\t1"], r"a\.tsv, line 1: expected a JPEG or PNG in base64 .* found b'1'"),
        ([GOOD, cropped("", 1, 0, JPEG)], r"a\.tsv, line 2: expected the name of a person"),
        ([GOOD, cropped("..", 1, 0, JPEG)], r"a\.tsv, line 2: expected the name of a person"),
    ],
)
def test_damaged_tables(tmp_path, lines, message):
    with pytest.raises(ValueError, match=message):
        table(tmp_path / "a.tsv", *lines)


@pytest.mark.parametrize("broken", ["/9j/4A", "/9j/4A==x", "/9j/ 4A=", "/9j/4A!="])
def test_text_that_is_not_base64(tmp_path, broken):
    source = table(tmp_path / "a.tsv", GOOD, f"{GOOD.rsplit(chr(9), 1)[0]}\t{broken}")
    name = source.people[0].images[1]
    with pytest.raises(ValueError, match=r"a\.tsv, line 2 .*expected an image in base64"):
        source.encoded(name)
