"""Photographs to crops, to records, and back: align, pack, check, unpack on small trees."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from data_prep.__main__ import main
from data_prep.align_images import AlignSettings, align_folder
from data_prep.check import find_problems
from data_prep.faces.align import TEMPLATE, align
from data_prep.images import decode, encode, parse_size
from data_prep.pack import pack_images
from data_prep.records.header import pack
from data_prep.records.reader import RecordSet
from data_prep.records.recordio import encode as frames_of
from data_prep.unpack import unpack_images

ROOT = Path(__file__).parents[2]


def picture(seed: int, height: int = 112, width: int = 112) -> np.ndarray:
    """A smooth picture, such as JPEG keeps well."""
    coarse = np.random.default_rng(seed).integers(0, 256, (7, 7, 3), np.uint8)
    return cv2.resize(coarse, (width, height))


def contents(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


@pytest.fixture
def photos(tmp_path) -> Path:
    """Five photographs with landmarks, one without, and one line without photograph."""
    lines = []
    for i, name in enumerate(["b/1.png", "b/2.jpg", "a/1.png", "a/sub/2.png", "a/3.jpeg"]):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(picture(i, 150, 170), path.suffix.replace("e", "")))
        points = (TEMPLATE * (1 + i / 10) + i).ravel()
        lines.append(" ".join([name, *map(str, points)]))
    lines.append(" ".join(["gone/1.png", *map(str, TEMPLATE.ravel())]))
    (tmp_path / "photos/b/3.png").write_bytes(encode(picture(9), ".png"))
    (tmp_path / "points.txt").write_text("\n".join(lines) + "\n")
    return tmp_path


@pytest.fixture
def crops(tmp_path) -> Path:
    """Three people with two to four crops each."""
    for person, count in (("Cy", 2), ("Ann", 3), ("Bob_B", 4)):
        for i in range(count):
            path = tmp_path / "crops" / person / f"{i}.{'png' if i % 2 else 'jpg'}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode(picture(i + count), path.suffix))
    return tmp_path / "crops"


def aligned(photos: Path, out: str, **options) -> dict:
    settings = AlignSettings(**options.pop("settings", {}))
    return align_folder(photos / "photos", photos / out, photos / "points.txt", settings, **options)


def test_crops_are_the_aligned_photographs(photos):
    summary = aligned(photos, "out", settings={"format": "png"})
    counts = {"crops": 5, "centred": 0, "failed": 0, "without_landmarks": 1, "missing_images": 1}
    assert summary["counts"] == counts and summary["complete"]
    assert summary["without_landmarks"] == ["b/3.png"]
    assert summary["missing_images"] == ["gone/1.png"]
    names = ["a/1.png", "a/3.png", "a/sub/2.png", "align.json", "b/1.png", "b/2.png"]
    assert sorted(contents(photos / "out")) == names
    photo = decode((photos / "photos/a/1.png").read_bytes(), "")
    crop = decode((photos / "out/a/1.png").read_bytes(), "")
    assert np.array_equal(crop, align(photo, TEMPLATE * 1.2 + 2))


def test_crops_do_not_depend_on_workers_and_a_stopped_run_goes_on(photos):
    aligned(photos, "one")
    aligned(photos, "four", workers=4)
    assert contents(photos / "one") == contents(photos / "four")
    whole = contents(photos / "one")
    (photos / "one/a/1.jpg").unlink()
    (photos / "one/b/2.jpg").write_bytes(b"kept as it is")
    note = photos / "one/align.json"
    note.write_text(json.dumps(json.loads(note.read_text()) | {"complete": False}))
    with pytest.raises(ValueError, match="--resume goes on"):
        aligned(photos, "one")
    with pytest.raises(ValueError, match="settings was"):
        aligned(photos, "one", resume=True, settings={"quality": 80})
    aligned(photos, "one", resume=True)
    assert contents(photos / "one") == whole | {"b/2.jpg": b"kept as it is"}


def test_images_without_landmarks(photos):
    with pytest.raises(ValueError, match=r"b/3\.png: no line in .*points\.txt, and 1 of 6 images"):
        aligned(photos, "fail", settings={"missing": "fail"})
    assert not (photos / "fail").exists()
    summary = aligned(photos, "out", settings={"missing": "centre", "format": "png"})
    assert summary["counts"]["crops"] == 6 and summary["counts"]["centred"] == 1
    # that photograph has the crop's size: all of it is the middle
    assert np.array_equal(decode((photos / "out/b/3.png").read_bytes(), ""), picture(9))


def test_alignment_names_what_failed(photos):
    (photos / "photos/a/1.png").write_bytes(b"no picture")
    summary = aligned(photos, "out")
    assert [entry["image"] for entry in summary["failed"]] == ["a/1.png"]
    shutil.rmtree(photos / "photos/a")
    shutil.rmtree(photos / "photos/b")
    (photos / "photos/x.png").write_bytes(b"")
    with pytest.raises(ValueError, match="none of its 6 paths is an image"):
        aligned(photos, "nothing")


def test_two_images_that_would_share_a_crop(photos):
    shutil.copy(photos / "photos/b/2.jpg", photos / "photos/b/1.jpg")
    with (photos / "points.txt").open("a") as file:
        file.write(" ".join(["b/1.jpg", *map(str, TEMPLATE.ravel())]) + "\n")
    with pytest.raises(ValueError, match=r"b/1\.jpg and b/1\.png would both become b/1\.jpg"):
        aligned(photos, "out")


def test_landmark_paths_stay_in_the_folder(photos):
    with (photos / "points.txt").open("a") as file:
        file.write(" ".join(["../x.jpg", *map(str, TEMPLATE.ravel())]) + "\n")
    with pytest.raises(ValueError, match="expected paths under"):
        aligned(photos, "out")


def test_packing_and_unpacking_gives_the_same_bytes(crops, tmp_path):
    pack_images(crops, tmp_path / "set/train", workers=3)
    assert unpack_images(tmp_path / "set/train", tmp_path / "again") == 9
    assert contents(tmp_path / "again") == contents(crops)
    records = RecordSet(tmp_path / "set/train")
    assert records.labels.tolist() == [0] * 3 + [1] * 4 + [2] * 2
    assert records.manifest["class_names"] == ["Ann", "Bob_B", "Cy"]
    assert find_problems(tmp_path / "set/train") == []


def test_a_foreign_set_is_unpacked_under_labels_and_keys(crops, tmp_path):
    image = (crops / "Ann/1.png").read_bytes()
    (tmp_path / "train.rec").write_bytes(frames_of(pack(7, 0, image)))
    (tmp_path / "train.idx").write_text("0\t0\n")
    unpack_images(tmp_path / "train.rec", tmp_path / "again")
    assert contents(tmp_path / "again") == {"000007/00000000.png": image}


def test_records_do_not_depend_on_workers_but_on_the_seed(crops, tmp_path):
    def packed(name: str, **options) -> bytes:
        pack_images(crops, tmp_path / name / "train", **options)
        assert find_problems(tmp_path / name / "train") == []
        return (tmp_path / name / "train.rec").read_bytes()

    plain = packed("a")
    assert packed("b", workers=4) == plain
    mixed = packed("c", shuffle=1)
    assert mixed == packed("d", shuffle=1, workers=2) and mixed != plain
    records = RecordSet(tmp_path / "c/train")
    assert records.labels.tolist() == [0] * 3 + [1] * 4 + [2] * 2


def test_people_are_left_out_by_name(crops, tmp_path):
    (tmp_path / "names.txt").write_text("Bob B\nNobody\n")
    manifest = pack_images(crops, tmp_path / "set/train", exclude=tmp_path / "names.txt")
    assert manifest["class_names"] == ["Ann", "Cy"]
    assert manifest["excluded"]["people"] == ["Bob_B"]
    assert manifest["excluded"]["names_without_folder"] == ["Nobody"]


def test_undecodable_images_are_skipped_and_named_or_refused(crops, tmp_path):
    whole = (crops / "Ann/0.jpg").read_bytes()
    (crops / "Ann/0.jpg").write_bytes(whole[: len(whole) // 2])
    for path in (crops / "Bob_B").iterdir():
        path.write_bytes(b"nothing")
    manifest = pack_images(crops, tmp_path / "set/train")
    assert manifest["class_names"] == ["Ann", "Cy"] and manifest["images"] == 4
    assert len(manifest["skipped"]) == 5 and "cut short" in manifest["skipped"][0]["reason"]
    assert find_problems(tmp_path / "set/train") == []
    with pytest.raises(ValueError, match=r"Ann/0\.jpg: the JPEG is cut short"):
        pack_images(crops, tmp_path / "strict/train", strict=True)
    assert list((tmp_path / "strict").iterdir()) == []


def test_other_sizes_are_refused(crops, tmp_path):
    (crops / "Cy/1.png").write_bytes(encode(picture(0, 112, 96), ".png"))
    with pytest.raises(ValueError, match=r"Cy/1\.png: expected 112x112 .* 112x96; align all"):
        pack_images(crops, tmp_path / "set/train")
    assert list((tmp_path / "set").iterdir()) == []


def test_a_whole_set_is_left_alone_and_any_other_is_packed_again(crops, tmp_path, capsys):
    (tmp_path / "names.txt").write_text("Cy\n")

    def packed(**options) -> bool:
        """Whether the set was left alone; in either case it is that of a fresh run."""
        pack_images(crops, tmp_path / "set/train", resume=True, **options)
        pack_images(crops, tmp_path / "fresh/train", **options)
        assert contents(tmp_path / "set") == contents(tmp_path / "fresh")
        return "left as it is" in capsys.readouterr().out

    assert not packed() and packed() and packed(workers=3) and packed(size=(112, 112))
    assert not packed(shuffle=1) and packed(shuffle=1) and not packed(shuffle=2)
    exclude = {"exclude": tmp_path / "names.txt"}
    assert not packed(**exclude) and packed(**exclude)
    (tmp_path / "names.txt").write_text("Ann\n")
    assert not packed(**exclude) and not packed()
    (crops / "Cy/1.png").write_bytes(encode(picture(30), ".png"))
    assert not packed() and packed()
    shutil.copy(crops / "Cy/1.png", crops / "Cy/2.png")
    assert not packed() and packed()
    (tmp_path / "set/train.idx").write_bytes(b"")
    assert not packed()
    (tmp_path / "set/train.manifest.json").unlink()
    assert not packed()
    (crops / "Cy/1.png").write_bytes(b"nothing")
    assert not packed() and packed()
    with pytest.raises(ValueError, match="pack without --strict"):
        packed(strict=True)


def test_leftovers_of_killed_runs_only(crops, tmp_path):
    (tmp_path / "set").mkdir()
    gone, alive = 99999999, os.getppid()
    left = [f".train.rec.{gone}.tmp", f".property.{gone}.tmp", f".train.idx.{os.getpid()}.tmp"]
    kept = [f".other.rec.{gone}.tmp", f".train.lst.{alive}.tmp", ".train.rec.tmp"]
    for name in left + kept:
        (tmp_path / "set" / name).write_bytes(b"half")
    pack_images(crops, tmp_path / "set/train", resume=True)
    hidden = sorted(path.name for path in (tmp_path / "set").glob(".*"))
    assert hidden == sorted(kept)


@pytest.mark.parametrize("step", ["align", "pack"])
def test_killed_runs_go_on_to_the_same_bytes(photos, tmp_path, step):
    shutil.move(photos / "photos/a/sub/2.png", photos / "photos/a/2.png")
    source = (photos / "points.txt").read_text().replace("a/sub/2.png", "a/2.png").splitlines()
    lines = source[:5]
    for i in range(300):
        shutil.copy(photos / "photos/a/1.png", photos / f"photos/a/x{i}.png")
        lines.append(source[2].replace("a/1.png", f"a/x{i}.png"))
    (photos / "points.txt").write_text("\n".join(lines) + "\n")
    words = ["align", "--images", photos / "photos", "--landmarks", photos / "points.txt", "--out"]
    if step == "pack":
        assert run_command(*words, photos / "crops").returncode == 0
        words = ["pack", "--images", photos / "crops", "--out"]
    end = "/train" if step == "pack" else ""
    started = time.monotonic()
    assert run_command(*words, f"{tmp_path}/whole{end}").returncode == 0
    seconds = time.monotonic() - started
    for i in range(4):
        words_killed = [*words, f"{tmp_path}/k{i}{end}", "--resume"]
        with contextlib.suppress(subprocess.TimeoutExpired):  # ends it with SIGKILL
            run_command(*words_killed, timeout=seconds * (0.25 + 0.17 * i))
        result = run_command(*words_killed)
        assert result.returncode == 0, result.stderr
        whole, again = contents(tmp_path / "whole"), contents(tmp_path / f"k{i}")
        for files in (whole, again) if step == "pack" else ():
            manifest = json.loads(files.pop("train.manifest.json"))
            assert manifest.pop("command")  # names another folder, and that is all
            files["manifest"] = json.dumps(manifest).encode()
        assert again == whole


def damaged_set(crops: Path, tmp_path: Path) -> Path:
    pack_images(crops, tmp_path / "set/train")
    return tmp_path / "set/train"


@pytest.mark.parametrize("suffix", ["rec", "idx", "crc", "lst"])
def test_check_finds_any_changed_byte(crops, tmp_path, suffix):
    prefix = damaged_set(crops, tmp_path)
    path = prefix.with_suffix(f".{suffix}")
    whole = path.read_bytes()
    for place in np.linspace(0, len(whole) - 1, 15).astype(int):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert find_problems(prefix)
    path.write_bytes(whole)
    assert find_problems(prefix) == []


def test_check_names_the_record(crops, tmp_path):
    prefix = damaged_set(crops, tmp_path)
    rec = prefix.with_suffix(".rec")
    whole = bytearray(rec.read_bytes())
    lines = prefix.with_suffix(".idx").read_text().splitlines()
    whole[int(lines[4].split("\t")[1]) + 200] ^= 1
    rec.write_bytes(whole)
    problems = find_problems(prefix)
    assert len(problems) == 2 and "SHA-256" in problems[0] and "key 5, byte" in problems[1]


def test_check_of_foreign_sets(tmp_path):
    image = encode(picture(0, 20, 20), ".png")
    payloads = [pack(label, key, image) for key, label in enumerate([0, 2, 0])]
    frames = [frames_of(payload) for payload in payloads]
    offsets = np.cumsum([0, *map(len, frames)])
    (tmp_path / "train.rec").write_bytes(b"".join(frames))
    (tmp_path / "train.idx").write_text("".join(f"{k}\t{offsets[k]}\n" for k in range(3)))
    (tmp_path / "property").write_text("3,112,112\n")
    problems = find_problems(tmp_path / "train")
    assert any("1 of 3 classes have no image, first 1" in problem for problem in problems)
    assert any("key 2: label 0 comes back" in problem for problem in problems)
    assert sum("20x20 pixels" in problem for problem in problems) == 3


def test_sizes():
    assert parse_size("112") == (112, 112) and parse_size("112x96") == (112, 96)
    for text in ("", "0", "x", "1x2x3", "-1", "a"):
        with pytest.raises(ValueError, match="--size: expected"):
            parse_size(text)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("align --landmarks {t}/points.txt --workers 0", "--workers: expected at least 1, found 0"),
        ("align --landmarks {t}/points.txt --size 40000", "--size: expected crops of at most .*x4"),
        ("align --detector mtcnn --layout pairs", "--layout goes with --landmarks only"),
        ("pack --shuffle -1", "--shuffle: expected a seed of at least 0, found -1"),
        ("clean overlap --names x --threshold 0", "--threshold and --against-images go with --emb"),
    ],
)
def test_options_that_do_not_fit_are_refused_before_anything_is_written(photos, words, message):
    images = photos / "photos"
    shutil.rmtree(images / "a/sub")
    words = [*words.format(t=photos).split(), "--images", str(images), "--out", f"{photos}/new.txt"]
    with pytest.raises(ValueError, match=message):
        main(words)
    assert not list(photos.glob("new*"))


def test_a_note_that_is_no_object(photos):
    (photos / "out").mkdir()
    (photos / "out/align.json").write_text("[]")
    with pytest.raises(ValueError, match=r"out/align\.json: expected an object, .* found list"):
        aligned(photos, "out", resume=True)


def run_command(*words: object, **options) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "data_prep", *map(str, words)],
        cwd=ROOT, capture_output=True, text=True, **options,
    )  # fmt: skip


def test_commands(photos):
    shutil.move(photos / "photos/a/sub/2.png", photos / "photos/a/2.png")
    points = photos / "points.txt"
    points.write_text(points.read_text().replace("a/sub/2.png", "a/2.png"))
    source = ["--images", photos / "photos", "--landmarks", points]
    prefix, crops = photos / "set/train", photos / "crops"
    for words, said in [
        (["align", *source, "--out", crops, "--size", "112x96"], "5 crops"),
        (["pack", "--images", crops, "--out", prefix, "--size", "112x96"], "5 images of 2 people"),
        (["check", prefix], "no problem found"),
        (["unpack", prefix, "--out", photos / "again"], "5 images"),
    ]:
        result = run_command(*words)
        assert result.returncode == 0 and said in result.stdout, result.stdout + result.stderr
    assert json.loads((photos / "set/train.manifest.json").read_text())["source"]["alignment"]
    prefix.with_suffix(".lst").unlink()
    result = run_command("check", prefix)
    assert result.returncode == 2 and "train.lst: missing" in result.stdout
    assert len(result.stderr.splitlines()) == 1 and "Traceback" not in result.stderr
