"""Which records a batch was made of: for the report of a step that went wrong."""

from typing import Any

from data_prep.dataset import FaceDataset
from models import comm
from train.sampler import Order


def records_of_step(dataset: FaceDataset, step: int, order: Order) -> list[dict[str, Any]]:
    """Which records step `step` (counted from 0) is made of: a list a rank, in their order.

    Where a record could not be read, the next one that could took its place (train.bad_records).
    """
    places = order(step).reshape(comm.world_size(), -1).tolist()
    return [
        {"rank": rank, "records": [_record(dataset, place) for place in part]}
        for rank, part in enumerate(places)
    ]


def _record(dataset: FaceDataset, place: int) -> dict[str, Any]:
    """File, key and label of an image."""
    records, row = dataset.find(place)
    label = int(dataset.labels[place])
    return {"rec": str(records.rec), "key": int(records.keys[row]), "label": label}
