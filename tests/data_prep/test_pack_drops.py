"""Drop lists are applied, and the manifest says what went and why."""

import hashlib

import pytest

from data_prep.pack import pack_images, report


@pytest.fixture
def crops(tmp_path):
    for person, count in (("Ann", 3), ("Bob", 2), ("Cy", 2)):
        for i in range(count):
            path = tmp_path / "crops" / person / f"{i}.pgm"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"P5 2 2 255\n" + bytes([i, ord(person[0]), 3, 4]))
    return tmp_path / "crops"


def drop_list(path, *lines):
    path.write_text("".join("\t".join(line) + "\n" for line in lines))
    return path


def names_in(prefix):
    lines = prefix.with_suffix(".lst").read_text().splitlines()
    return [line.split("\t")[2] for line in lines]


def test_images_and_people_of_several_lists(crops, tmp_path, capsys):
    one = drop_list(
        tmp_path / "one.tsv",
        ("image", "Ann/1.pgm", "same as Ann/0.pgm"),
        ("image", "Cy/0.pgm", "no face"),
        ("person", "Nobody", "in the test set"),
    )
    two = drop_list(
        tmp_path / "two.tsv",
        ("person", "Bob", "in the test set"),
        ("image", "Ann/1.pgm", "blurred"),
        ("image", "Cy/1.pgm", "another person"),
    )
    options = {"drops": [one, two], "resume": True}
    manifest = pack_images(crops, tmp_path / "a/train", **options)
    assert names_in(tmp_path / "a/train") == ["Ann/0.pgm", "Ann/2.pgm"]
    assert manifest["class_names"] == ["Ann"]  # of Cy nothing is left
    assert manifest["dropped"] == {
        "lists": [
            {"list": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
            for path in (one, two)
        ],
        "images": [
            {"image": "Ann/1.pgm", "reason": "same as Ann/0.pgm; blurred"},
            {"image": "Cy/0.pgm", "reason": "no face"},
            {"image": "Cy/1.pgm", "reason": "another person"},
        ],
        "people": [{"person": "Bob", "reason": "in the test set"}],
        "unknown_people": ["Nobody"],
    }
    assert report(manifest)[1:] == [
        "dropped 3 images and 1 people of the drop lists",
        "note: nobody is called 'Nobody' as in the drop lists",
    ]
    pack_images(crops, tmp_path / "a/train", **options)
    assert "left as it is" in capsys.readouterr().out
    drop_list(two, ("person", "Bob", "in the test set"))
    assert pack_images(crops, tmp_path / "a/train", **options)["num_classes"] == 2


def test_the_size_is_that_of_an_image_that_stays(crops, tmp_path):
    (crops / "Ann/0.pgm").write_bytes(b"P5 1 1 255\n1")
    drops = drop_list(tmp_path / "a.tsv", ("image", "Ann/0.pgm", "too small"))
    assert pack_images(crops, tmp_path / "a/train", drops=[drops])["height"] == 2


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            [("image", "Ann/9.pgm", "x")],
            r"a\.tsv: expected names of images of .*'Ann/9\.pgm'; make",
        ),
        ([("image", "Ann/0.pgm")], r"a\.tsv, line 1"),
        ([("person", name, "x") for name in ("Ann", "Bob", "Cy")], r"a\.tsv: leaves nobody"),
    ],
)
def test_lists_that_do_not_fit(crops, tmp_path, lines, message):
    with pytest.raises(ValueError, match=message):
        pack_images(crops, tmp_path / "a/train", drops=[drop_list(tmp_path / "a.tsv", *lines)])
    assert not (tmp_path / "a").exists()
