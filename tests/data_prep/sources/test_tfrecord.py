"""TFRecord shards: frames that tensorboard writes, messages that protobuf writes."""

import struct
from pathlib import Path

import pytest

from data_prep.sources import open_people
from data_prep.sources.crc32c import crc32c, masked
from data_prep.sources.people import Person


def field(number: int, content: bytes) -> bytes:
    """A length-delimited field of a protocol buffer, by hand."""
    length, size = b"", len(content)
    while size > 127:
        length += bytes([size & 127 | 128])
        size >>= 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + content


def example(**features: bytes | int) -> bytes:
    """A tf.train.Example by hand: bytes_list = 1, int64_list = 3."""
    entries = b""
    for name, value in features.items():
        feature = (
            field(1, field(1, value)) if isinstance(value, bytes) else field(3, b"\x08\x96\x01")
        )
        entries += field(1, field(1, name.encode()) + field(2, feature))
    return field(1, entries)


def framed(payload: bytes) -> bytes:
    length = struct.pack("<Q", len(payload))
    crcs = [struct.pack("<I", masked(crc32c(part))) for part in (length, payload)]
    return length + crcs[0] + payload + crcs[1]


def write(root: Path, shards: list[list[bytes]], labels: list[int]) -> Path:
    """Shards of payloads as TFace has them, and the list, in the order of the records."""
    (root / "tfr/set").mkdir(parents=True, exist_ok=True)
    lines, left = [], iter(labels)
    for number, payloads in enumerate(shards):
        data = b""
        for payload in payloads:
            lines.append(f"set\t{number}\t{len(data)}\t{next(left)}\n")
            data += framed(payload)
        (root / f"tfr/set/set-{number:05d}.tfrecord").write_bytes(data)
    (root / "set.index").write_text("".join(lines))
    return root


def opened(root: Path):
    return open_people(root / "tfr", root / "set.index")


def test_shards(tmp_path):
    images = [b"A" * 3, b"B" * 300, b"C" * 20000]
    messages = [example(label=1, image=image, name=b"x") for image in images]
    source = opened(write(tmp_path, [messages[:2], messages[2:]], [4, 1, 4]))
    assert source.people == (
        Person("000001", ("000001/00000001",)),
        Person("000004", ("000004/00000000", "000004/00000002")),
    )
    names = ["000004/00000000", "000001/00000001", "000004/00000002"]
    assert [source.encoded(name) for name in names] == images
    assert source.length(names[2]) == len(messages[2])
    path = tmp_path / "tfr/set/set-00000.tfrecord"
    assert source.where(names[1]) == f"{path}, byte {16 + len(messages[0])} ({names[1]})"


def test_what_tensorboard_and_protobuf_write(tmp_path):
    """The message of tensorflow/core/example/example.proto, in protobuf's own encoder."""
    record_writer = pytest.importorskip("tensorboard.summary.writer.record_writer")
    pool = pytest.importorskip("google.protobuf.descriptor_pool").DescriptorPool()
    from google.protobuf import descriptor_pb2, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="e.proto", package="t", syntax="proto3")
    kinds = descriptor_pb2.FieldDescriptorProto

    def message(name, *fields, parent=None):
        made = (parent.nested_type if parent is not None else file.message_type).add(name=name)
        for field_name, number, kind, type_name, repeated in fields:
            label = kinds.LABEL_REPEATED if repeated else kinds.LABEL_OPTIONAL
            made.field.add(
                name=field_name, number=number, type=kind, type_name=type_name, label=label
            )
        return made

    sub = kinds.TYPE_MESSAGE
    message("BytesList", ("value", 1, kinds.TYPE_BYTES, None, True))
    message("FloatList", ("value", 1, kinds.TYPE_FLOAT, None, True))
    message("Int64List", ("value", 1, kinds.TYPE_INT64, None, True))
    message(
        "Feature",
        ("bytes_list", 1, sub, ".t.BytesList", False),
        ("float_list", 2, sub, ".t.FloatList", False),
        ("int64_list", 3, sub, ".t.Int64List", False),
    )
    entry = ("feature", 1, sub, ".t.Features.FeatureEntry", True)
    pairs = [("key", 1, kinds.TYPE_STRING, None, False), ("value", 2, sub, ".t.Feature", False)]
    nested = message("FeatureEntry", *pairs, parent=message("Features", entry))
    nested.options.map_entry = True
    message("Example", ("features", 1, sub, ".t.Features", False))
    pool.Add(file)
    kind = message_factory.GetMessageClass(pool.FindMessageTypeByName("t.Example"))

    (tmp_path / "tfr/set").mkdir(parents=True)
    images, lines = [b"\xff\xd8" + bytes([i]) * (1 + 5000 * i) for i in range(4)], []
    path = tmp_path / "tfr/set/set-00000.tfrecord"
    with path.open("wb") as out:
        writer = record_writer.RecordWriter(out)
        for i, image in enumerate(images):
            one = kind()
            one.features.feature["image"].bytes_list.value.append(image)
            one.features.feature["label"].int64_list.value.append(i)
            one.features.feature["box"].float_list.value.extend([0.5, 1.5])
            lines.append(f"set\t0\t{out.tell()}\t{i}\n")
            writer.write(one.SerializeToString())
    (tmp_path / "set.index").write_text("".join(lines))
    source = opened(tmp_path)
    assert [source.encoded(person.images[0]) for person in source.people] == images


def test_any_changed_byte_of_a_record_is_found(tmp_path):
    write(tmp_path, [[example(image=b"A" * 40, label=1)]], [0])
    path = tmp_path / "tfr/set/set-00000.tfrecord"
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        with pytest.raises(ValueError, match=r"set-00000\.tfrecord, byte 0: expected a record"):
            opened(tmp_path).encoded("000000/00000000")
    for length in range(1, len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"set-00000\.tfrecord, byte 0: expected a record"):
            opened(tmp_path).encoded("000000/00000000")


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (example(label=3), "expected an image among .* found none with bytes"),
        (example(picture=b"x"), "expected an image among .* found 'picture'"),
        (b"\x0a\x05abc", "found a field longer than the message"),
        (b"\x0b", "found field type 3"),
        (b"\xff" * 12, "found a number without end"),
        (b"", "expected an image among"),
    ],
)
def test_records_that_are_no_images(tmp_path, payload, message):
    source = opened(write(tmp_path, [[payload]], [0]))
    with pytest.raises(ValueError, match=rf"set-00000\.tfrecord, byte 0: .*{message}"):
        source.encoded("000000/00000000")


@pytest.mark.parametrize(
    ("line", "error", "message"),
    [
        ("set\t0\t0", ValueError, r"set\.index, line 2: expected name, shard, byte offset, label"),
        ("set\t0\tx\t1", ValueError, r"set\.index, line 2: expected name, shard"),
        ("set\t0\t0\t-1", ValueError, r"set\.index, line 2: expected a class number"),
        ("../set\t0\t0\t1", ValueError, r"set\.index, line 2: expected a path under"),
        ("set\t9\t0\t1", FileNotFoundError, r"line 2: expected the shard .*set-00009\.tfrecord"),
    ],
)
def test_damaged_lists(tmp_path, line, error, message):
    write(tmp_path, [[example(image=b"A")]], [0])
    with (tmp_path / "set.index").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(error, match=message):
        opened(tmp_path)


def test_an_offset_beyond_the_shard(tmp_path):
    write(tmp_path, [[example(image=b"A")]], [0])
    (tmp_path / "set.index").write_text("set\t0\t9999\t0\n")
    with pytest.raises(ValueError, match="byte 9999: expected a record, found the end of the file"):
        opened(tmp_path).encoded("000000/00000000")
