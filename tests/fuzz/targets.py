"""What is fuzzed: every reader of a file that a user may have got from anywhere."""

import io
import json
import pickle
import struct
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_prep.faces.landmarks import read_landmarks
from data_prep.images import stated_size
from data_prep.records import recordio
from data_prep.records.header import pack, pack_range, unpack
from data_prep.records.index import read_index
from data_prep.records.manifest import read_property
from data_prep.records.reader import RecordSet
from data_prep.records.writer import RecordSetWriter
from data_prep.sources import open_people
from data_prep.sources.crc32c import crc32c, masked
from data_prep.sources.msceleb import TextImages
from data_prep.sources.tfrecord import TFRecordPeople
from data_prep.sources.verification_bin import read_bin, write_bin
from eval.protocols import lfw, sllfw

GOLDEN = Path(__file__).parents[1] / "golden" / "recordio_golden.txt"
POINTS = "38.3 51.7 73.5 51.5 56.0 71.7 41.5 92.4 70.7 92.2"

Files = dict[str, bytes]
"""An input: file names in a folder of its own, and their bytes."""


@dataclass(frozen=True)
class Target:
    """A reader.

    Attributes:
        name: on the command line.
        share: of all inputs, relative to the others'.
        seeds: good inputs, to be damaged.
        read: reads what lies in a folder; may give several steps, each of which may be refused.
        prepare: what is to be done in the folder before; the reader may not write.
    """

    name: str
    share: int
    seeds: list[Files]
    read: Callable[[Path], list[Callable[[], object]]]
    prepare: Callable[[Path], object] = lambda folder: None


def targets() -> list[Target]:
    """All of them."""
    return [
        Target("recordio", 3, _rec_seeds(), _read_frames),
        Target("records", 3, _set_seeds(), _read_set),
        Target("idx", 1, [{"t.idx": b"1\t0\n2\t40\n0\t12345678\n"}, {"t.idx": b"7\t4\r\n"}], _idx),
        Target("property", 1, [{"property": b"10,112,112\n"}], _property),
        Target("bin", 3, _bin_seeds(), lambda folder: [lambda: read_bin(folder / "t.bin")]),
        Target("image", 2, _image_seeds(), _image),
        Target("landmarks", 2, _landmark_seeds(), _landmarks),
        Target("lfw", 1, _lfw_seeds(), lambda folder: [lambda: lfw.parse(folder / "pairs.txt")]),
        Target("sllfw", 1, _sllfw_seeds(), lambda folder: [lambda: sllfw.parse(folder / "p.txt")]),
        Target("lst", 2, _lst_seeds(), lambda folder: [lambda: _people(folder)]),
        Target("msceleb", 1, _msceleb_seeds(), _msceleb),
        Target("tfrecord", 1, _tfrecord_seeds(), _tfrecord, _write_shard),
    ]


def _rec_seeds() -> list[Files]:
    lines = GOLDEN.read_text().splitlines()
    golden = bytes.fromhex("".join(line for line in lines[3:] if " " not in line))
    short = recordio.encode(pack(1, 1, b"x" * 30)) + recordio.encode(pack((1, 2), 2, b"yz"))
    return [{"t.rec": golden}, {"t.rec": short}]


def _read_frames(folder: Path) -> list[Callable[[], object]]:
    data = (folder / "t.rec").read_bytes()
    starts = range(0, min(len(data), 400), 20)
    return [
        lambda: [unpack(payload) for _, payload in recordio.scan(data)],
        *[lambda start=start: recordio.decode(data, start) for start in starts],
    ]


def _set_seeds() -> list[Files]:
    """Ours; the same as InsightFace leaves it; without an index; wide; im2rec's; no set's order."""
    images = [b"ABCDE", b"XY", b"aaaa" + recordio.MAGIC_BYTES + b"bbb", b"12345678", b"Q"]
    with tempfile.TemporaryDirectory() as folder:
        with RecordSetWriter(Path(folder) / "train", height=4, width=4) as writer:
            for i, image in enumerate(images):
                writer.add(f"person {i // 2}", image, f"{i}.jpg")
        ours = {path.name: path.read_bytes() for path in Path(folder).iterdir()}
    foreign = {name: ours[name] for name in ("train.rec", "train.idx", "property")}
    bare = {"train.rec": ours["train.rec"]}
    wide = [pack(0, 1, b"image"), pack(1, 2, b"image"), pack_range(1, 2, 3, wide=True)]
    wide += [pack_range(2, 3, 4, wide=True), pack_range(3, 5, 0, id2=1, wide=True)]
    lists = [pack((i % 2, i), i, image) for i, image in enumerate(images)]
    return [ours, foreign, bare, _foreign(wide, [1, 2, 3, 4, 0]), _foreign(lists, [3, 1, 4, 0, 2])]


def _foreign(payloads: list[bytes], keys: list[int]) -> Files:
    frames = [recordio.encode(payload) for payload in payloads]
    offsets = np.cumsum([0, *map(len, frames)])
    lines = "".join(f"{key}\t{offset}\n" for key, offset in zip(keys, offsets))
    return {"train.rec": b"".join(frames), "train.idx": lines.encode()}


def _read_set(folder: Path) -> list[Callable[[], object]]:
    records = RecordSet(folder / "train")
    reads = [lambda i=i: records.image_bytes(i) for i in range(min(len(records), 8))]
    return [*reads, lambda: records.labels, records.labels_in_headers, lambda: records.num_classes]


def _idx(folder: Path) -> list[Callable[[], object]]:
    return [lambda: read_index(folder / "t.idx")]


def _property(folder: Path) -> list[Callable[[], object]]:
    return [lambda: read_property(folder / "property")]


class _Runs:
    """Pickled, it asks for a function to be called."""

    def __init__(self, function: Callable[..., object], *arguments: object):
        self.call = function, arguments

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.call


def _bin_seeds() -> list[Files]:
    """Good ones of several makers, and some that would run code in a plain unpickler."""
    pair = [b"first image", b"second"], [True]
    with tempfile.TemporaryDirectory() as folder:
        write_bin(Path(folder) / "t.bin", *pair)
        ours = (Path(folder) / "t.bin").read_bytes()
    arrays = [np.frombuffer(image, np.uint8) for image in pair[0]]
    contents = [pair, (arrays, np.array([True])), (arrays, [np.bool_(True)])]
    contents += [(_Runs(print, "run"), [True]), ([_Runs(eval, "1"), b"x"], [True])]
    contents += [_Runs(io.open, "opened", "w"), _Runs(exec, "import os")]
    pickles = [pickle.dumps(content, protocol) for content in contents for protocol in (0, 2, 4)]
    return [{"t.bin": data} for data in (ours, *pickles)]


def _image_seeds() -> list[Files]:
    import cv2

    pixels = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)
    suffixes = (".jpg", ".png", ".bmp", ".ppm", ".webp", ".tiff")
    written = [cv2.imencode(suffix, pixels)[1].tobytes() for suffix in suffixes]
    written.append(cv2.imencode(".webp", pixels, [cv2.IMWRITE_WEBP_QUALITY, 101])[1].tobytes())
    written.append(b"RIFF____WEBPVP8X" + bytes(8) + b"\4\0\0\6\0\0")
    written.append(b"P5 # a comment\n#more\n\t5\n7 255 ")
    return [{"t.jpg": data} for data in written]


def _image(folder: Path) -> list[Callable[[], object]]:
    data = (folder / "t.jpg").read_bytes()
    size = stated_size(data)
    # Not one of the outcomes that are allowed to others: it never refuses.
    assert size is None or (len(size) == 2 and min(size) >= 0), size
    return []


def _landmark_seeds() -> list[Files]:
    x, y = POINTS.split()[::2], POINTS.split()[1::2]
    planar = " ".join(x + y)
    tabs = planar.replace(" ", "\t")
    texts = [
        f"a/1.jpg {POINTS}\na/2 b.jpg {POINTS}\n",
        f"a/1.jpg {planar}\n\na/2.jpg {planar}\n",
        f"a/1.jpg 3 {POINTS}\n",
        f"1.jpg {POINTS} 0.9\n",
        f"0\ta/1.jpg\t3\t1\t2\t90\t99\t{tabs}\n1\ta/2.jpg\t3\n",
        json.dumps({"one": [float(word) for word in planar.split()]}),
    ]
    return [{"t.txt": text.encode()} for text in texts]


def _landmarks(folder: Path) -> list[Callable[[], object]]:
    return [lambda: read_landmarks(folder / "t.txt")]


def _lfw_seeds() -> list[Files]:
    fold = "Ann\t1\t2\nBob\t1\t3\nAnn\t1\tBob\t2\nCy\t1\tAnn\t2\n"
    return [{"pairs.txt": f"2\t2\n{fold * 2}".encode()}, {"pairs.txt": (fold * 10).encode()}]


def _sllfw_seeds() -> list[Files]:
    pairs = "Ann/Ann_0001.jpg\nAnn/Ann_0002.jpg\nAnn/Ann_0001.jpg\nBob/Bob_0001.jpg\n"
    return [{"p.txt": (pairs * 10).encode()}]


def _lst_seeds() -> list[Files]:
    texts = ["0\t1.000000\ta/1.jpg\n7\t0.000000\tb/2.jpg\n", "1\ta/1.jpg\t0\n1\tb/2.jpg\t1\n"]
    texts += ["a/1.jpg\t0\nb/2.jpg\t1\n", "0\t1\t2\t3\ta/1.jpg\n"]
    return [{"t.lst": text.encode()} for text in texts]


def _people(folder: Path) -> object:
    return open_people(folder, folder / "t.lst").people


def _msceleb_seeds() -> list[Files]:
    rows = [b"m.01\tquery\tFaceId-0\tYWJj", b"m.01\t3\thttp://x\tm.01-1\tFaceId-0\tAAAA\tYWJj"]
    return [{"t.tsv": row + b"\n" + row.replace(b"01", b"02") + b"\n"} for row in rows]


def _msceleb(folder: Path) -> list[Callable[[], object]]:
    source = TextImages([folder / "t.tsv"])
    return [lambda: source.encoded(source.people[0].images[0])]


def _tfrecord_seeds() -> list[Files]:
    def field(number: int, data: bytes) -> bytes:
        return bytes([number << 3 | 2, len(data)]) + data

    image = field(1, b"image_raw") + field(2, field(1, field(1, b"abc")))
    label = field(1, b"label") + field(2, field(3, field(1, b"\7")))
    example = field(1, field(1, image) + field(1, label))
    return [{"t.tsv": b"faces\t0\t0\t3\nfaces\t0\t0\t4\n", "example": example}]


def _write_shard(folder: Path) -> None:
    """With checksums made to fit, which whoever means harm can do."""
    example = (folder / "example").read_bytes()
    length = struct.pack("<Q", len(example))
    crcs = [struct.pack("<I", masked(crc32c(data))) for data in (length, example)]
    shard = folder / "faces" / "faces-00000.tfrecord"
    shard.parent.mkdir(exist_ok=True)
    shard.unlink(missing_ok=True)
    shard.write_bytes(length + crcs[0] + example + crcs[1])


def _tfrecord(folder: Path) -> list[Callable[[], object]]:
    source = TFRecordPeople(folder, folder / "t.tsv")
    return [lambda: source.encoded(source.people[0].images[0])]
