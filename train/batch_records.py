"""Which records a batch was made of: for the report of a step that went wrong."""

from typing import Any

from data_prep.dataset import FaceDataset
from models import comm
from train.sampler import global_batch


def records_of_step(
    dataset: FaceDataset, step: int, *, batch: int, seed: int
) -> list[dict[str, Any]]:
    """Which records step `step` (counted from 0) is made of: a list a rank, in their order."""
    world = comm.world_size()
    whole = global_batch(step, size=len(dataset), batch=batch, seed=seed)
    found: list[dict[str, Any]] = []
    for rank, places in enumerate(whole.reshape(world, -1)):
        found.append({"rank": rank, "records": [_record(dataset, int(i)) for i in places]})
    return found


def _record(dataset: FaceDataset, place: int) -> dict[str, Any]:
    """File, key and label of an image."""
    label = int(dataset.labels[place])
    for records in dataset.sets:
        if place < len(records):
            return {"rec": str(records.rec), "key": int(records.keys[place]), "label": label}
        place -= len(records)
    raise AssertionError("a place beyond the data")
