"""The page of a data set: what was counted is on it, hostile names are text, the rest is said."""

import base64
import json
import os
import re
import shutil
import tarfile
from collections import Counter
from importlib import resources
from itertools import pairwise

import numpy as np
import pytest

from data_prep.align_images import AlignSettings, align_folder
from data_prep.dataset import open_images
from data_prep.images import decode, encode
from data_prep.pack import pack_images
from data_prep.pages.draw import Choice, page_of
from data_prep.pages.gather import gather
from data_prep.pages.people import extremes, steps_of, summary_of
from data_prep.pages.pictures import small
from data_prep.pages.reasons import Miss, by_kind, spread
from data_prep.records.header import pack
from data_prep.records.recordio import encode as frames
from tests.conftest import command, done, real, refused
from tests.eval.report.browser import Browser
from tests.html_words import Words

HOSTILE = "<img src=x onerror=alert(1)>&'\""


@pytest.fixture
def made(people, tmp_path):
    """Photographs of 12 people with two faults and a hostile name, aligned, cleaned and packed."""
    source = people.crops.parent / "s"
    photos = tmp_path / "photos"
    shutil.copytree(source / "photos", photos)
    names = open_images(photos).names
    (photos / names[0]).write_bytes((photos / names[0]).read_bytes()[:900])  # cut short
    lines = (source / "landmarks.txt").read_text().splitlines()
    lines = [line for line in lines if not line.startswith(names[7])]  # no landmarks
    old = names[-1].split("/")[0]
    (photos / old).rename(photos / HOSTILE.replace("/", ""))
    # Landmarks of a name with spaces cannot stand in the list; its crops come from a detector.
    lines = [line for line in lines if not line.startswith(old)]
    (tmp_path / "points.txt").write_text("\n".join(lines) + "\n")
    crops = tmp_path / "crops"
    settings = AlignSettings(size=(64, 64))
    align_folder(photos, crops, tmp_path / "points.txt", settings)
    (crops / HOSTILE).mkdir()
    pixels = np.full((64, 64, 3), 90, np.uint8)
    (crops / HOSTILE / "<b>.jpg").write_bytes(encode(pixels, ".jpg"))
    crop = sorted(path for path in crops.rglob("*.jpg") if path.parent.name != HOSTILE)[3]
    crop.write_bytes(crop.read_bytes()[:700])
    dropped = open_images(crops).names[20]
    text = f"# Made by: <u>hand\nimage\t{dropped}\t<i>wrong (0.1)\n#image\t{names[9]}\tkept\n"
    (tmp_path / "noise.txt").write_text(text)
    pack_images(crops, tmp_path / "set" / "train", drops=[tmp_path / "noise.txt"], command="<c>")
    return tmp_path


def drawn(made, *sources, **kwargs):
    data = gather([made / one for one in sources], **kwargs)
    return data, page_of(data, "A <title>", made / "data.html", "python <x>", Choice(samples=100))


def test_counts_are_those_of_the_files(made):
    data, html = drawn(made, "crops", "set/train", lists=[made / "noise.txt"])
    manifest = json.loads((made / "set/train.manifest.json").read_text())
    on_disk = Counter(path.parent.name for path in (made / "crops").rglob("*.jpg"))
    assert data.crops.people == on_disk
    assert data.packed.images == manifest["images"] == on_disk.total() - 2
    assert sum(data.packed.people.values()) == manifest["images"]
    assert data.crops.found == 72 and len(data.crops.misses) == 8  # 1 cut, 1 + 6 without landmarks
    text = Words(html).text
    for said in ("photographs found in the folder 72", "no landmarks in the list 7"):
        assert said in text, said
    for said in ("= packed of 12 people 63", "− dropped by name (--drop) 1"):
        assert said in text, said
    assert "− skipped the JPEG is cut short" in text
    for role in ("rec", "idx", "crc", "lst"):
        assert manifest["files"][role]["sha256"] in text
    kept = re.search(r"noise\.txt yes not there 1 0 1 ", text)
    assert kept, text[text.index("noise.txt") :][:200]


def test_what_goes_for_two_reasons_is_counted_once(people, tmp_path):
    names = sorted({name.split("/")[0] for name in open_images(people.crops).names})
    images = [[name for name in open_images(people.crops).names if one in name] for one in names]
    (tmp_path / "exclude.txt").write_text(f"{names[0]}\n")
    drops = [("person", names[0]), ("person", names[1]), ("person", "Nobody")]
    drops += [("image", name) for name in (*images[0][:2], *images[1][:3], *images[2][:2])]
    lines = "".join(f"{kind}\t{name}\tx\n" for kind, name in drops)
    (tmp_path / "drop.txt").write_text(lines)
    options = {"exclude": tmp_path / "exclude.txt", "drops": [tmp_path / "drop.txt"]}
    assert pack_images(people.crops, tmp_path / "set/train", **options)["images"] == 58
    text = Words(drawn(tmp_path, people.crops, "set/train")[1]).text
    said = ["= crops aligned to the template 72", "− of excluded people 1 person (--exclude) 6"]
    said += ["− of dropped people 1 person (--drop) 6", "− dropped by name (--drop) 2"]
    assert " ".join(said) + " = packed of 10 people 58" in text


def test_what_is_dropped_is_counted_where_classes_are_no_folders(people, tmp_path):
    names = open_images(people.crops).names
    (tmp_path / "list").write_text("".join(f"{name}\t{i % 3}\n" for i, name in enumerate(names)))
    drops = [("person", "000001"), *(("image", name) for name in names[:3])]
    (tmp_path / "drop.txt").write_text("".join(f"{kind}\t{name}\tx\n" for kind, name in drops))
    options = {"list_file": tmp_path / "list", "drops": [tmp_path / "drop.txt"]}
    manifest = pack_images(people.crops, tmp_path / "set/train", **options)
    assert manifest["dropped_images"] == {"of_people": 24, "by_name": 2}
    said = "− of dropped people 1 person (--drop) {} − dropped by name (--drop) {} = packed of 2"
    assert said.format(24, 2) in Words(drawn(tmp_path, people.crops, "set/train")[1]).text
    del manifest["dropped_images"]  # as older versions wrote it
    (tmp_path / "set/train.manifest.json").write_text(json.dumps(manifest))
    assert said.format("–", "–") in Words(drawn(tmp_path, people.crops, "set/train")[1]).text


def test_people_of_a_set_of_cvlface_are_those_that_packing_has(tmp_path):
    (tmp_path / "train.rec").write_bytes(b"".join(frames(pack(i, i, b"x")) for i in range(2)))
    (tmp_path / "train.tsv").write_text("0\tAnn/1.jpg\t0\n1\tBob/1.jpg\t1\n")
    assert gather([tmp_path / "train"]).people == {"Ann": 1, "Bob": 1}


def test_hostile_names_are_text_and_nothing_is_loaded(made):
    photos = made / "photos"
    _, html = drawn(made, "crops", "set/train", photos=photos, lists=[made / "noise.txt"])
    page = Words(html)
    tags = Counter(tag for tag, _ in page.tags)
    assert tags["script"] == 1 and not tags["title"] - 1 and not tags["u"] + tags["i"]
    assert not any(name.startswith("on") for _, attrs in page.tags for name in attrs)
    assert HOSTILE in page.text and "A <title>" in page.text and "<u>hand" in page.text
    for tag, attrs in page.tags:
        for name in ("src", "href"):
            if name in attrs:
                assert attrs[name].startswith("data:image/" if tag == "img" else "#")
    assert "style=" not in html.split("</style>")[1].split("<script>")[0]


def test_a_list_s_own_page_is_linked_where_it_lies(made):
    (made / "a list's.html").write_text("there")
    shutil.copy(made / "noise.txt", made / "a list's.txt")
    _, html = drawn(made, "set/train", lists=[made / "a list's.txt"])
    (link,) = (attrs["href"] for tag, attrs in Words(html).tags if "html" in attrs.get("href", ""))
    assert link == "a%20list%27s.html"


def test_a_list_that_was_edited_after_packing_is_said_to_be(made):
    lists = [made / "noise.txt"]
    assert drawn(made, "set/train", lists=lists)[0].lists[0].applied == "yes"
    with lists[0].open("a") as file:
        file.write("person\tNobody\tx\n")
    assert drawn(made, "set/train", lists=lists)[0].lists[0].applied == "edited since"
    shutil.copy(lists[0], made / "other.txt")
    (found,) = drawn(made, "set/train", lists=[made / "other.txt"])[0].lists
    assert found.applied == "no" and found.kept == 1 and list(found.drops.people) == ["Nobody"]


def test_misses_are_shown_with_their_photographs(made):
    _, html = drawn(made, "crops", photos=made / "photos")
    part = html[html.index('id="misses"') : html.index('id="faces"')]
    assert part.count("<li><img") == 7 and part.count("nopicture") == 1  # that which is cut
    uri = re.search(r'src="data:image/jpeg;base64,([^"]*)"', part)[1]
    assert max(decode(base64.b64decode(uri), "thumbnail").shape[:2]) == 96


def test_what_check_said_is_shown(made):
    (made / "check.txt").write_text("x: no problem found\n")
    assert (
        "No problem found." in Words(drawn(made, "set/train", checked=made / "check.txt")[1]).text
    )
    (made / "check.txt").write_text("train.rec, key 3: <s>bad\ntrain.rec, key 4: worse\n")
    text = Words(drawn(made, "set/train", checked=made / "check.txt")[1]).text
    assert "Check found 2 problems" in text and "key 3: <s>bad" in text
    rec = made / "set/train.rec"
    rec.touch()
    (made / "check.txt").touch()
    assert "written after" not in drawn(made, "set/train", checked=made / "check.txt")[1]
    os.utime(made / "check.txt", (0, 0))
    assert "written after" in drawn(made, "set/train", checked=made / "check.txt")[1]


@pytest.mark.parametrize(
    ("sources", "gone", "said"),
    [
        (["crops"], "crops/align.json", "were not made by `data_prep align`"),
        (["crops"], None, "Give the prefix of the record set"),
        (["set/train"], None, "Give the folder of the crops"),
        (["set/train"], "set/train.manifest.json", "was not packed by `data_prep pack`"),
        (["set/train.rec"], "set/train.lst", "A <title>"),
        (["set/train"], "set/train.crc", "train.crc"),
        (["crops", "set/train"], "photos", "is not there: photographs"),
        (["crops", "set/train"], "noise.txt", "No such file"),
    ],
)
def test_what_is_missing_is_said(made, sources, gone, said):
    if gone:
        path = made / gone
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    more = {"photos": made / "photos", "lists": [made / "noise.txt"]}
    _, html = drawn(made, *sources, **more, checked=made / "none.txt")
    text = Words(html).text
    assert said in text and "what check found is unknown" in text


DAMAGES = [
    b"",
    b"[1]",
    b"{}",
    b"{\xff",
    b'{"counts": 3, "failed": 7}',
    b'{"counts": {"crops": "x", "failed": null}, "complete": true}',
    b'{"faces": 2, "box": [1, 2, 3, 4]}',
    b'{"faces": 2, "image": "a", "box": ["1", 2, 3]}',
    b"[" * 100_000,
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_notes_do_no_harm(made, damage):
    (made / "crops/align.json").write_bytes(damage)
    (made / "crops/detected.jsonl").write_bytes(b'{"faces": 2}\n{"faces": "x"}\nnull\n' + damage)
    assert "People by number of images" in drawn(made, "crops", "set/train")[1]


def test_the_command_and_its_refusals(made):
    words = ["page", made / "crops", made / "set/train", "--out", made / "out/data.html"]
    result = done(command("data_prep", *words, "--photos", made / "photos", "--samples", 5))
    assert "wrote" in result.stdout
    first = (made / "out/data.html").read_bytes()
    assert b"5 of 63 images, drawn with seed 0" in first
    done(command("data_prep", *words, "--photos", made / "photos", "--samples", 5))
    assert (made / "out/data.html").read_bytes() == first
    again = ["page", made / "crops", made / "photos", "--out", made / "x.html"]
    assert "expected one folder of crops" in refused(command("data_prep", *again))
    none = ["page", made / "none/train", "--out", made / "x.html"]
    line = refused(command("data_prep", *none))
    assert "none/train.rec: expected a record set" in line and "or a folder of crops" in line
    assert not (made / "x.html").exists()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_has_no_complaint_and_axe_finds_nothing(made, scheme):
    axe = pytest.importorskip("axe_core_python", reason="axe-core is in requirements-dev.txt")
    _, html = drawn(made, "crops", "set/train", photos=made / "photos", lists=[made / "noise.txt"])
    (made / "data.html").write_text(html)
    browser = Browser(made / "profile")
    try:
        browser.open(made / "data.html", scheme=scheme)
        assert browser.complaints() == []
        browser.value("for (const part of document.querySelectorAll('details')) part.open = true")
        browser.value((resources.files(axe) / "axe.min.js").read_text(encoding="utf-8") + "; 1")
        assert browser.value("axe.run(document).then((r) => r.violations.map((v) => v.id))") == []
    finally:
        browser.close()


@pytest.mark.slow
def test_the_face_that_was_taken_is_framed(tmp_path):
    photos = tmp_path / "photos" / "group"
    photos.mkdir(parents=True)
    with tarfile.open(real("pins_photos.tar")) as archive:
        archive.extractall(tmp_path / "pins")
    faces = sorted((tmp_path / "pins").rglob("*.jpg"))[:3]
    shown = [decode(face.read_bytes(), face.name) for face in faces]
    canvas = np.full((600, 1400, 3), 90, np.uint8)
    for place, pixels in enumerate(shown):
        height, width = min(pixels.shape[0], 560), min(pixels.shape[1], 440)
        left = 10 + 460 * place
        canvas[20 : 20 + height, left : left + width] = pixels[:height, :width]
    (photos / "three.jpg").write_bytes(encode(canvas, ".jpg"))
    words = ["align", "--images", tmp_path / "photos", "--detector", "mtcnn"]
    done(command("data_prep", *words, "--out", tmp_path / "crops"))
    data, html = drawn(tmp_path, "crops", photos=tmp_path / "photos")
    (entry,) = map(json.loads, (tmp_path / "crops/detected.jsonl").read_text().splitlines())
    assert data.crops.faces == {entry["faces"]: 1} and entry["faces"] > 1
    assert data.crops.several[0].box == tuple(entry["box"])
    assert "the face with the largest box" in html and "the one taken framed" in html


def test_framed_pictures_have_their_frame_where_the_box_is():
    pixels = np.zeros((200, 400, 3), np.uint8)
    plain = small(pixels, (100, 50, 300, 150)).removeprefix("data:image/jpeg;base64,")
    found = decode(base64.b64decode(plain), "x")
    assert found.shape == (48, 96, 3)
    bright = np.argwhere(found[:, :, 0] > 120)
    np.testing.assert_allclose(bright.min(0), [12, 24], atol=2)
    np.testing.assert_allclose(bright.max(0), [36, 72], atol=2)


def test_people_by_number_of_images_against_a_count_by_hand():
    draw = np.random.default_rng(0)
    counts = np.maximum(1, draw.lognormal(3, 1.3, 4_000)).astype(int)
    ranges = steps_of(counts)
    assert sum(people for *_, people in ranges) == 4_000
    assert ranges[0][0] <= counts.min() and ranges[-1][1] >= counts.max()
    for least, most, people in ranges:
        assert people == sum(least <= count <= most for count in counts.tolist())
    for (_, most, _), (least, _, _) in pairwise(ranges):
        assert least == most + 1
    facts = summary_of(counts)
    assert facts["median"] == np.median(counts) and facts["single"] == (counts == 1).sum()
    assert steps_of(np.array([], int)) == [] and steps_of(np.array([10])) == [(10, 14, 1)]
    people = {f"p{i:03d}": count for i, count in enumerate([5, 1, 9, 9, 3])}
    assert extremes(people, 2) == ([("p002", 9), ("p003", 9)], [("p001", 1), ("p004", 3)])
    assert extremes(people, 9) == (
        [("p002", 9), ("p003", 9), ("p000", 5)],
        [("p001", 1), ("p004", 3)],
    )
    assert extremes({"a": 1}, 5) == ([("a", 1)], [])


def test_reasons_are_of_a_kind_without_names_and_numbers():
    misses = [Miss(f"a/{i}.jpg", f"a/{i}.jpg: {i} bytes that are none") for i in range(5)]
    misses += [Miss("b", "no face found")]
    lines = [
        Miss(f"m.{x}/1.jpg", f"in.tsv, line {i} (m.{x}/1.jpg): none") for i, x in enumerate("xy")
    ]
    assert [kind for kind, _ in by_kind(lines)] == ["in.tsv, line N: none"]
    kinds = by_kind(misses)
    assert [(kind, len(group)) for kind, group in kinds] == [
        ("N bytes that are none", 5),
        ("no face found", 1),
    ]
    assert [miss.image for miss in spread(misses, 3)] == ["a/0.jpg", "b", "a/1.jpg"]
    assert spread(misses, 99) and len(spread(misses, 99)) == 6
