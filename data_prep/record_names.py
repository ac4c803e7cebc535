"""Names of the images in record sets, and of the people they show."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from data_prep.records.manifest import with_suffix
from data_prep.records.reader import RecordSet
from data_prep.sources.cvlface import cvlface_names, is_cvlface
from data_prep.sources.people import folder_titles


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
    """A name for each image: from our packer's .lst or CVLface's .tsv, else `label/key`, padded.

    Raises:
        ValueError: the list is damaged, or not this set's.
    """
    if is_cvlface(records):
        return cvlface_names(records)
    if records.manifest is None:
        return [f"{label:06d}/{key:08d}" for label, key in zip(records.labels, records.keys)]
    path = with_suffix(records.prefix, "lst")
    try:
        lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path}: expected names in UTF-8, byte {error.start} is not; the file is damaged, "
            "pack again"
        ) from None
    names = [line.rsplit("\t", 1)[-1] for line in lines]
    if (
        len(names) != len(records)
        or path.stat().st_size != records.manifest["files"]["lst"]["bytes"]
    ):
        raise ValueError(
            f"{path}: expected {len(records)} names as packed; it is another set's, pack again"
        )
    return names


def class_names(records: RecordSet, names: Sequence[str] | None = None) -> Mapping[int, str]:
    """The person of each label: of our manifest, CVLface's folders, else the label's six digits.

    Args:
        records: a set.
        names: of its images, as `record_names` gives them; read where needed and not given.

    Raises:
        ValueError: a label has no name in the manifest, or the list of names is damaged.
    """
    if records.manifest is not None:
        return dict(zip(range(records.num_classes), records.manifest["class_names"], strict=True))
    titles = None
    if is_cvlface(records):
        names = record_names(records) if names is None else names
        titles = folder_titles(names, records.labels)
    return titles or {label: f"{label:06d}" for label in np.unique(records.labels).tolist()}


def shard_people(sets: Sequence[RecordSet], names: Sequence[str]) -> list[str]:
    """The person each image shows, of a set or of several that share their labels.

    Args:
        sets: the set, or the shards of one.
        names: of all images, as `shard_names` gives them.

    Raises:
        ValueError: as `class_names`.
    """
    people: list[str] = []
    for one in sets:
        titles = class_names(one, names[len(people) : len(people) + len(one)])
        people += [titles[label] for label in one.labels.tolist()]
    return people
