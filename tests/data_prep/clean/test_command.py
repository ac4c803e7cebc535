"""`python -m data_prep clean` from crops to a pack without what it listed."""

import json
import shutil

import numpy as np
import pytest

from data_prep.dataset import open_images
from data_prep.drops import read_drops
from eval.embeddings import save
from tests.conftest import command, done, refused


@pytest.fixture(scope="module")
def crops(people, tmp_path_factory):
    """The synthetic people; one photograph twice; embeddings of them, one of a stranger."""
    out = tmp_path_factory.mktemp("clean")
    shutil.copytree(people.crops, out / "crops")
    folders = sorted(path for path in (out / "crops").iterdir() if path.is_dir())
    shutil.copy(sorted(folders[0].iterdir())[0], folders[0] / "z.jpg")
    names = open_images(out / "crops").names
    draw = np.random.default_rng(0)
    centre = {folder.name: draw.normal(size=48) for folder in folders}
    shown = {name: name.split("/")[0] for name in names}
    stranger = next(name for name in names if name.startswith(folders[4].name))
    shown[stranger] = folders[7].name
    vectors = [centre[shown[name]] + 0.2 * draw.normal(size=48) for name in names]
    save(out / "x", names, np.array(vectors, np.float32), {})
    (out / "test.txt").write_text(f"Nobody\n{folders[2].name.upper().replace('_', ' ')}\n")
    return out, folders, stranger


def test_from_lists_to_a_pack(crops):
    out, folders, stranger = crops
    source = ["--images", out / "crops"]
    lists = {name: out / "lists" / f"{name}.txt" for name in ("overlap", "duplicates", "noise")}
    clean = ["data_prep", "clean"]
    names = ["--names", out / "test.txt"]
    done(command(*clean, "overlap", *source, *names, "--out", lists["overlap"]))
    done(command(*clean, "duplicates", *source, "--out", lists["duplicates"]))
    embedded = ["--embeddings", out / "x"]
    said = done(command(*clean, "noise", *source, *embedded, "--out", lists["noise"])).stdout
    assert "1 of 73 images, of 1 of 12 people" in said
    assert list(read_drops(lists["overlap"]).people) == [folders[2].name]
    assert f"{folders[0].name}/z.jpg" in read_drops(lists["duplicates"]).images
    assert list(read_drops(lists["noise"]).images) == [stranger]
    assert all(path.with_suffix(".html").stat().st_size > 2_000 for path in lists.values())

    drops = [word for path in lists.values() for word in ("--drop", path)]
    done(command("data_prep", "pack", *source, "--out", out / "pack", *drops))
    manifest = json.loads((out / "pack.manifest.json").read_text())
    assert manifest["num_classes"] == 11 and folders[2].name not in manifest["class_names"]
    packed = open_images(out / "pack").names
    assert stranger not in packed and f"{folders[0].name}/z.jpg" not in packed

    done(command(*clean, "duplicates", "--images", out / "pack", "--out", out / "again.txt"))
    assert not read_drops(out / "again.txt").images


def test_wrong_usage_is_one_line(crops):
    out, _, _ = crops
    clean = ["data_prep", "clean"]
    source = ["--images", out / "crops"]
    done(command(*clean, "overlap", *source, "--names", out / "test.txt", "--out", out / "o.txt"))
    again = command(*clean, "overlap", *source, "--names", out / "test.txt", "--out", out / "o.txt")
    assert "may have been edited" in refused(again)
    half = command(*clean, "overlap", *source, "--embeddings", out / "x", "--out", out / "p.txt")
    assert "--embeddings X and --against Y together" in refused(half)
    other = command(
        *clean, "noise", "--images", out / "crops" / "..", "--embeddings", out / "x",
        "--out", out / "q.txt",
    )  # fmt: skip
    assert "extract with --images" in refused(other)
    assert not (out / "q.txt").exists() and not (out / "q.html").exists()
