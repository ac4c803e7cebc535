"""Record sets of a hundred thousand and of ten million images: what opening and reading cost.

    python -m benchmarks.record_scale [--json] [--quick]

Sets as InsightFace lays them out, without our manifest, 40 bytes a record (420 MB; --quick: a tenth
of it), so that the cost is that of the format and the index; page cache warm. The larger set is
opened in a process of its own.

bytes_per_record_10m: memory of an open set over its records, without the pages of the mapped file,
    which belong to the page cache. peak_bytes_per_record_10m: most while it is opened, with them.
open_s_10m, open_us_per_record: seconds to open, index and all; labels_s_10m: to have all labels.
random_reads_per_s_100k, _10m: images read a second in a random order.
random_flatness_100k_to_10m: the second over the first; 1 would be a cost that does not grow. What
    grows is the distance to the memory: one set is in the processor's cache, the other is not.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.measure import arguments, in_turn, seconds, show
from data_prep.records.index import format_index
from data_prep.records.reader import RecordSet
from data_prep.records.recordio import MAGIC

IMAGES_A_PERSON = 20
READS = 100_000
_RECORD = np.dtype(
    [(name, "<u4") for name in ("magic", "length", "flag")]
    + [("label", "<f4"), ("id", "<u8"), ("id2", "<u8"), ("payload", "<f4", 2)]
)
_BLOCK = 1 << 17


def make(prefix: Path, images: int) -> None:
    """Images of 8 bytes, identity records, the header record: all of one length."""
    people = images // IMAGES_A_PERSON
    last = images + 1 + people
    keys = np.append(np.arange(1, last), 0)
    with (
        prefix.with_suffix(".rec").open("wb") as rec,
        prefix.with_suffix(".idx").open("wb") as idx,
    ):
        for start in range(0, last, _BLOCK):
            key = keys[start : start + _BLOCK]
            first = 1 + (key - images - 1) * IMAGES_A_PERSON
            is_image, is_identity = (key > 0) & (key <= images), key > images
            block = np.zeros(len(key), _RECORD)
            block["magic"], block["length"], block["id"] = MAGIC, _RECORD.itemsize - 8, key
            block["flag"] = np.where(is_image, 0, 2)
            block["label"] = np.where(is_image, (key - 1) // IMAGES_A_PERSON, 0)
            block["payload"] = np.select(
                [is_image[:, None], is_identity[:, None]],
                [np.ones((len(key), 2)), np.stack([first, first + IMAGES_A_PERSON], 1)],
                [images + 1, last],
            )
            block.tofile(rec)
            offsets = _RECORD.itemsize * np.arange(start, start + len(key))
            idx.write(format_index(key, offsets))


def memory(field: str) -> int:
    """A line of /proc/self/status, bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(field)).split()[1])


def opened(prefix: Path) -> dict[str, float]:
    """Opens the set in this process, which has not done so before."""
    before, peak_before = memory("RssAnon"), memory("VmHWM")
    sets: list[RecordSet] = []
    elapsed = seconds(lambda: sets.append(RecordSet(prefix)))
    held, peak = memory("RssAnon") - before, memory("VmHWM") - peak_before
    records = len(sets[0]) + len(sets[0].identities.keys) + 1
    return {
        "bytes_per_record": held / records,
        "peak_bytes_per_record": peak / records,
        "open_s": elapsed,
        "open_us_per_record": elapsed / records * 1e6,
        "labels_s": seconds(lambda: sets[0].labels),
    }


def read_all(records: RecordSet, order: list[int]) -> None:
    for i in order:
        records.image_bytes(i)


def measured(folder: Path, sizes: list[int], rounds: int) -> dict[str, float]:
    prefixes = [folder / str(size) / "train" for size in sizes]
    for prefix, size in zip(prefixes, sizes):
        prefix.parent.mkdir()
        make(prefix, size)
    alone = [
        json.loads(
            subprocess.run(
                [sys.executable, "-m", "benchmarks.record_scale", "--open", str(prefixes[1])],
                check=True,
                capture_output=True,
                text=True,
                cwd=Path(__file__).parent.parent,
            ).stdout
        )
        for _ in range(3)
    ]
    large = sorted(alone, key=lambda figures: figures["open_s"])[1]
    figures = {
        name if name == "open_us_per_record" else f"{name}_10m": value
        for name, value in large.items()
    }
    draw = np.random.default_rng(0)
    sets = [RecordSet(prefix) for prefix in prefixes]
    orders = [draw.integers(0, len(records), READS).tolist() for records in sets]
    small_s, large_s = in_turn(
        [lambda: read_all(sets[0], orders[0]), lambda: read_all(sets[1], orders[1])], rounds
    )
    figures["random_reads_per_s_100k"] = READS / small_s
    figures["random_reads_per_s_10m"] = READS / large_s
    figures["random_flatness_100k_to_10m"] = small_s / large_s
    return figures


def main() -> None:
    """Measures and prints."""
    if sys.argv[1:2] == ["--open"]:
        print(json.dumps(opened(Path(sys.argv[2]))))
        return
    args = arguments(__doc__ or "")
    with tempfile.TemporaryDirectory() as folder:
        sizes = [100_000, 1_000_000 if args.quick else 10_000_000]
        figures = measured(Path(folder), sizes, rounds=7)
    show("record_scale", figures, args.json)


if __name__ == "__main__":
    main()
