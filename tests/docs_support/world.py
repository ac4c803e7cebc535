"""A small world with the names that the documentation uses: a folder like a checkout, with data."""

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import torch

from data_prep.__main__ import main as data_prep
from data_prep.sources.verification_bin import write_bin
from eval.__main__ import main as evaluate
from models.backbones import BACKBONES
from tests.conftest import ROOT
from tests.data_prep.sources.test_tfrecord import example
from tests.data_prep.sources.test_tfrecord import write as write_shards
from tests.docs_support.commands import TINY
from train.__main__ import main as train

CODE = ("configs", "data_prep", "eval", "experiments", "models", "pages", "scripts", "train")

SAME = {
    "photos": ["PHOTOS"],
    "landmarks.txt": ["LANDMARKS"],
    "crops": ["SOURCE", "msra_crop"],
    "others": ["facescrub", "megaface"],
    "lfw112": ["LFW_CROPS", "facescrub112"],
    "runs/r50": ["runs/old", "MODEL"],
    "pairs.txt": ["LIST"],
}
"""What is there under several names."""

MADE = {
    "README.md": ["out", "runs"],
    "docs/data.md": ["crops", "data"],
    "docs/cleaning.md": ["out", "data"],
    "docs/evaluation.md": ["out"],
    "docs/ms1m_to_megaface.md": ["out", "data", "runs/r100", "facescrub112"],
}
"""What a page makes itself, so that it must not be there before."""


@contextlib.contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """Within the block `folder` is the working folder."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def copy_for(page: str, world: Path, to: Path) -> None:
    """A copy of the world in which `page` finds what it needs and nothing that it makes."""
    shutil.copytree(world, to, symlinks=True)
    for name in MADE.get(page, []):
        path = to / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def build(world: Path) -> None:
    """Makes the world in an empty folder, by the commands themselves."""
    for name in CODE:
        (world / name).symlink_to(ROOT / name)
    with working_in(world):
        _images()
        _records()
        _models()
        for name, others in SAME.items():
            for other in others:
                copy = shutil.copytree if Path(name).is_dir() else shutil.copy
                copy(name, other)
        _lists()


def _images() -> None:
    """Photographs of people to train on and of others to judge on, and their crops."""
    pairs = "--folds 10 --pairs-per-fold 1 --first-person 10000"
    for folder, photos, crops, many in (
        ("drawn", "photos", "crops", "--people 34 --images 3"),
        ("drawn_others", "others", "lfw112", f"--people 30 --images 2 {pairs}"),
    ):
        data_prep(["synthetic", "--out", folder, *many.split()])
        points = ["--landmarks", f"{folder}/landmarks.txt"]
        data_prep(["align", "--images", f"{folder}/photos", *points, "--out", crops])
        Path(folder, "photos").rename(photos)
    shutil.move("drawn/landmarks.txt", "landmarks.txt")
    shutil.move("drawn_others/pairs.txt", "pairs.txt")


def _records() -> None:
    """Record sets, whole and damaged, of ours and of other programs."""
    data_prep(["pack", "--images", "crops", "--out", "data/train"])
    for foreign in ("faces_emore", "ms1m-retinaface-t1", "damaged"):
        Path(foreign).mkdir()
        for name in ("train.rec", "train.idx", "property"):
            shutil.copy(f"data/{name}", foreign)
    with Path("damaged/train.rec").open("r+b") as file:
        file.truncate(file.seek(0, os.SEEK_END) - 100)
    crops = sorted(Path("lfw112").rglob("*.jpg"))
    images = [
        crops[i].read_bytes() for pair in range(20) for i in (pair, (pair + 1 + pair % 2) % 20)
    ]
    for folder, names in (("", ["lfw", "cfp_fp"]), ("faces_emore/", ["lfw", "cfp_fp", "agedb_30"])):
        for name in names:
            write_bin(Path(f"{folder}{name}.bin"), images, [pair % 2 == 0 for pair in range(20)])


def _models() -> None:
    """A run of ours, its embeddings and result; a checkpoint and a network of others."""
    train([*TINY, "data.records=[data/train]", "out=runs/r50"])
    torch.save(
        BACKBONES["small_resnet"](dim=512, height=112, width=112).state_dict(), "backbone.pth"
    )
    evaluate(["export", "--model", "runs/r50", "--out", "face.onnx"])
    Path("face.json").unlink()  # as a network of others, which does not say its input
    evaluate(["extract", "--model", "runs/r50", "--images", "lfw112", "--out", "out/lfw"])
    listed = ["--protocol", "lfw", "--pairs", "pairs.txt", "--embeddings", "out/lfw"]
    evaluate(["mine", *listed, "--out", "pair_SLLFW.txt"])
    for name in ("a", "b"):
        evaluate(["run", *listed, "--out", f"{name}.json"])
    for suffix in ("npy", "txt", "json"):
        shutil.copy(f"out/lfw.{suffix}", f"X.{suffix}")
    tree = ["--algorithm", "r50", "--to-tree", "features/megaface"]
    evaluate(["features", "--embeddings", "out/lfw", *tree])


def _lists() -> None:
    """Lists of people and images, as they are given out by others."""
    people = sorted(path.name for path in Path("crops").iterdir() if path.is_dir())
    trained = sorted(str(path.relative_to("crops")) for path in Path("crops").rglob("*.jpg"))
    tested = sorted(str(path.relative_to("lfw112")) for path in Path("lfw112").rglob("*.jpg"))
    label = {person: place for place, person in enumerate(people)}
    for name in ("people_in_the_test_set.txt", "lfw_people.txt"):
        Path(name).write_text(f"{people[0]}\n")
    Path("ms1m_v1c_r_ids.txt").write_text("".join(f"{person}\n" for person in people[1:]))
    listed = [f"{name} {label[name.split('/')[0]]}\n" for name in trained]
    Path("msceleb_deepglint_train_file.txt").write_text("".join(listed))
    payloads = [example(image=Path("crops", name).read_bytes()) for name in trained]
    write_shards(Path(), [payloads], [label[name.split("/")[0]] for name in trained])
    Path("tfr").rename("SHARDS")
    Path("set.index").rename("FILE.index")
    Path("megaface_list.txt").write_text("".join(f"{name}\n" for name in tested))
    pairs = [f"{tested[i]} {tested[(i + 1) % len(tested)]} {i % 2}\n" for i in range(20)]
    Path("my_pairs.txt").write_text("".join(pairs))
    for name in ("facescrub_features_list.json", "megaface_features_list.json_1000000_1"):
        ids = [path.split("/")[0] for path in tested]
        Path(name).write_text(json.dumps({"path": tested, "id": ids}))
    Path("facescrub_noises.txt").write_text(f"{Path(tested[0]).name}\n")
    Path("megaface_noises.txt").write_text(f"{tested[-1]}\n")
    for name, photo in (("A.jpg", trained[0]), ("B.jpg", trained[1])):
        shutil.copy(Path("photos", photo), name)
