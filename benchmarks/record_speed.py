"""Record sets: reading and packing, ours against Apache MXNet 1.9.1 on the same files in one run.

    python -m benchmarks.record_speed [--json] [--quick]

Each side runs in its own environment (`make venv` makes MXNet's), in turn; figures are ratios of
medians. 20,000 JPEG crops of 112x112, some 5 KB each, in a set as InsightFace lays it out; page
cache warm. Every read gives bytes and label: MXNet's read_idx or read, and unpack.

random_vs_mxnet, sequential_vs_mxnet: MXNet's time over ours, a fixed permutation or file order, on
    a set without our checksums, as MXNet has none.
random_crc_vs_mxnet, sequential_crc_vs_mxnet: the same where every read checks our CRC-32.
pack_vs_im2rec: im2rec --list and --pass-through (the wheel's im2rec.py) over `pack` of the same
    tree, which also decodes every image to see that it can be, hashes what it writes and has it
    flushed to the disk; one thread each. pack2: two.
write_vs_im2rec: the same over our writer alone, fed with the files: hashed, flushed, not decoded.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import TextIO

import numpy as np

from benchmarks.measure import arguments, seconds, show
from data_prep.images import encode
from data_prep.pack import pack_images
from data_prep.records.reader import RecordSet
from data_prep.records.writer import RecordSetWriter

ROOT = Path(__file__).parent.parent
MXNET = ROOT / ".venv-mxnet/bin/python"
IMAGES_A_PERSON = 50


def make_tree(tree: Path, count: int) -> None:
    """Crops with the size in bytes of photographs: soft noise, a little of it sharp."""
    import cv2

    draw = np.random.default_rng(0)
    for i in range(count):
        soft = cv2.resize(draw.integers(0, 256, (9, 9, 3), np.uint8), (112, 112))
        sharp = draw.integers(0, 16, (112, 112, 1), np.uint8)
        path = tree / f"{i // IMAGES_A_PERSON:05d}/{i:06d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(np.maximum(soft, 15) - sharp, ".jpg", 90))


def write(tree: Path, prefix: Path) -> None:
    with RecordSetWriter(prefix, height=112, width=112) as writer:
        for path in sorted(tree.glob("*/*.jpg")):
            writer.add(path.parent.name, path.read_bytes(), f"{path.parent.name}/{path.name}")


def without_checksums(prefix: Path, plain: Path) -> None:
    """The same two files as another program leaves them."""
    plain.parent.mkdir()
    for suffix in ("rec", "idx"):
        os.link(f"{prefix}.{suffix}", f"{plain}.{suffix}")


def read_random(records: RecordSet, order: Sequence[int]) -> None:
    labels = records.labels
    for i in order:
        records.image_bytes(i), labels[i]


def read_sequential(records: RecordSet) -> None:
    for _ in zip(records, records.labels):
        pass


def into_new_folder(write_set: Callable[[Path], object]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_set(Path(folder) / "train")


@contextmanager
def mxnet(*words: object):
    """A function that has MXNet do something and gives the seconds it took."""
    command = [str(MXNET), str(ROOT / "benchmarks/peers/mxnet_records.py"), *map(str, words)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        yield partial(ask, process.stdin, process.stdout)
        process.stdin.close()


def ask(questions: TextIO, answers: TextIO, job: str) -> float:
    print(job, file=questions, flush=True)
    return float(answers.readline())


def in_turn(sides: dict[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """Median seconds of each side; all of them once before, to warm up."""
    taken: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(1 + rounds):
        for name, side in sides.items():
            elapsed = side()
            if turn:
                taken[name].append(elapsed)
    return {name: median(times) for name, times in taken.items()}


def measured(folder: Path, count: int, rounds: int) -> dict[str, float]:
    tree, prefix, plain = folder / "tree", folder / "ours/train", folder / "plain/train"
    make_tree(tree, count)
    write(tree, prefix)
    without_checksums(prefix, plain)
    ours, foreign = RecordSet(prefix), RecordSet(plain)
    order = np.random.default_rng(1).permutation(count).tolist()
    keys = folder / "keys.txt"
    keys.write_text(" ".join(str(foreign.keys[i]) for i in order))
    jobs = {
        "random": lambda: read_random(foreign, order),
        "random_crc": lambda: read_random(ours, order),
        "sequential": lambda: read_sequential(foreign),
        "sequential_crc": lambda: read_sequential(ours),
    }
    packing = {
        "pack": lambda: into_new_folder(partial(pack_images, tree)),
        "pack2": lambda: into_new_folder(partial(pack_images, tree, workers=2)),
        "write": lambda: into_new_folder(partial(write, tree)),
    }
    figures = {"bytes_per_image": foreign.size / count}
    with mxnet(plain, keys, tree) as theirs:
        for ours_here, often in ((jobs, rounds), (packing, rounds // 3)):
            sides = {name: partial(seconds, job) for name, job in ours_here.items()}
            names = ("random", "sequential") if ours_here is jobs else ("pack", "pack2")
            sides |= {f"mxnet_{name}": partial(theirs, name) for name in names}
            times = in_turn(sides, often)
            for name in ours_here:
                peer = times[f"mxnet_{name.removesuffix('_crc').replace('write', 'pack')}"]
                against = "mxnet" if ours_here is jobs else "im2rec"
                figures[f"{name}_vs_{against}"] = peer / times[name]
                figures[f"{name}_us"] = times[name] / count * 1e6
                figures[f"{name}_{against}_us"] = peer / count * 1e6
    return figures


def main() -> None:
    """Measures and prints."""
    args = arguments(__doc__ or "")
    if not MXNET.exists():
        print(f"{MXNET}: expected MXNet's environment, found none; make venv", file=sys.stderr)
        sys.exit(2)
    with tempfile.TemporaryDirectory() as folder:
        count, rounds = (2_000, 7) if args.quick else (20_000, 15)
        figures = measured(Path(folder), count, rounds)
    show("record_speed", figures, args.json)


if __name__ == "__main__":
    main()
