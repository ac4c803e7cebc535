"""Names of the images in record sets."""

from collections import Counter
from collections.abc import Sequence

from data_prep.records.manifest import with_suffix
from data_prep.records.reader import RecordSet


def shard_names(sets: Sequence[RecordSet]) -> list[str]:
    """A name for each image of a set, or of several that share their labels.

    Raises:
        ValueError: a .lst is not its set's, or two images have the same name.
    """
    if len(sets) == 1:
        return record_names(sets[0])
    names: list[str] = []
    for number, one in enumerate(sets):
        if one.manifest is not None:
            names += record_names(one)
        else:
            pairs = zip(one.labels.tolist(), one.keys.tolist())
            names += [f"{label:06d}/{number:05d}-{key:08d}" for label, key in pairs]
    if len(set(names)) != len(names):
        name = next(name for name, count in Counter(names).items() if count > 1)
        raise ValueError(
            f"{sets[0].prefix} and other shards: two images are named {name!r}; give shards that "
            "do not overlap"
        )
    return names


def record_names(records: RecordSet) -> list[str]:
    """A name for each image: from the .lst our packer wrote, otherwise `label/key`, zero-padded.

    Raises:
        ValueError: the .lst is not this set's.
    """
    if records.manifest is None:
        return [f"{label:06d}/{key:08d}" for label, key in zip(records.labels, records.keys)]
    path = with_suffix(records.prefix, "lst")
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    names = [line.rsplit("\t", 1)[-1] for line in lines]
    if (
        len(names) != len(records)
        or path.stat().st_size != records.manifest["files"]["lst"]["bytes"]
    ):
        raise ValueError(
            f"{path}: expected {len(records)} names as packed; it is another set's, pack again"
        )
    return names
