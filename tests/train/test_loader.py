"""The loader: the order's samples, whole, whoever decodes them; and records that cannot be read."""

import json
import threading
from functools import partial

import numpy as np
import pytest
import torch

from data_prep.dataset import FaceDataset
from data_prep.images import encode
from data_prep.records.writer import RecordSetWriter
from tests.conftest import command, done
from train.bad_records import BadRecords
from train.loader import AHEAD, PIECE, Loader
from train.sampler import StepBatches, global_batch

IMAGES = 230
PIXELS = np.random.default_rng(0).integers(0, 256, (IMAGES, 12, 10, 3), np.uint8)


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    prefix = tmp_path_factory.mktemp("set") / "train"
    with RecordSetWriter(prefix, height=12, width=10) as writer:
        for i, pixels in enumerate(PIXELS):
            writer.add(f"{i // 7:03d}", encode(pixels, ".png"), f"{i // 7:03d}/{i}.png")
    return FaceDataset(prefix)


def steps(batch=80, total=9, size=IMAGES, **share):
    order = partial(global_batch, size=size, batch=batch, seed=2)
    share = {"start": 0, "rank": 0, "world": 1} | share
    return StepBatches(order, batch=batch, total=total, **share)


@pytest.mark.parametrize("workers", [0, 1, 2, 5])
def test_batches_are_the_orders_whatever_decodes_them(faces, workers):
    for share in ({}, {"start": 4, "rank": 1, "world": 2}):
        places = list(steps(**share))
        loader = Loader(faces, steps(**share), size=(12, 10), workers=workers)
        batches = list(loader)
        assert len(loader) == len(batches) == len(places)
        for (pixels, labels), here in zip(batches, places):
            assert pixels.dtype == torch.uint8 and labels.dtype == torch.int64
            assert np.array_equal(pixels.numpy(), PIXELS[here])
            assert labels.tolist() == [i // 7 for i in here]


class Endless:
    """A set of 10^12 images, that counts what is asked of it and cannot be sent anywhere."""

    def __init__(self) -> None:
        self.read_so_far = self.expected = 0
        self.lock = threading.Lock()

    def __len__(self) -> int:
        return 10**12

    def __reduce__(self):
        raise AssertionError("the set was pickled")

    def expect(self, places):
        self.expected += len(places)

    def read(self, places, pixels, labels, instead=None):
        with self.lock:
            self.read_so_far += len(places)
        pixels[:] = (places % 251).astype(np.uint8).reshape(-1, 1, 1, 1)
        labels[:] = places


@pytest.mark.parametrize("workers", [1, 3])
def test_workers_start_with_nothing_but_their_first_images(workers):
    """Work and memory before the first batch do not depend on the size of the set."""
    endless, batch, begun = Endless(), 64, []

    def order(step):
        begun.append(step)
        return np.arange(step * batch, (step + 1) * batch) + 10**11

    batches = StepBatches(order, batch=batch, start=0, total=1 << 40, rank=0, world=1)
    loading = iter(Loader(endless, batches, size=(4, 4), workers=workers))
    pixels, labels = next(loading)
    assert labels.tolist() == list(range(10**11, 10**11 + batch))
    assert pixels[5].unique().tolist() == [(10**11 + 5) % 251]
    most = 2 + AHEAD + 2 * workers // (batch // PIECE)
    assert len(begun) <= most and endless.read_so_far <= endless.expected <= most * batch
    loading.close()


def test_threads_end_with_the_loader(faces):
    """Theirs alone are counted: those that other tests leave end when they like."""

    def threads():
        return [one for one in threading.enumerate() if one.name.startswith("loader")]

    assert not threads()
    loading = iter(Loader(faces, steps(), size=(12, 10), workers=4))
    next(loading)
    assert threads()
    loading.close()
    assert not threads()


@pytest.fixture
def holed(tmp_path):
    """A set of 40 with bad records at 5, 6 and 39."""
    with RecordSetWriter(tmp_path / "train", height=12, width=10) as writer:
        for i in range(40):
            data = b"no image" if i in (5, 6, 39) else encode(PIXELS[i], ".png")
            writer.add(f"{i // 4}", data, f"{i // 4}/{i}.png")
    return FaceDataset(tmp_path / "train")


@pytest.mark.parametrize("workers", [0, 3])
def test_a_bad_record_is_replaced_by_the_next_the_same_for_any_number_of_ranks(
    holed, tmp_path, workers, capsys
):
    instead = {5: 7, 6: 7, 39: 0}
    for world in (1, 2, 4):
        bad = BadRecords(tmp_path / f"{world}/bad.jsonl", limit=3, images=40)
        parts = []
        for rank in range(world):
            share = steps(8, 15, 40, rank=rank, world=world)
            parts.append(list(Loader(holed, share, size=(12, 10), workers=workers, instead=bad)))
        for step, batch in enumerate(zip(*parts)):
            truth = [instead.get(i, i) for i in global_batch(step, size=40, batch=8, seed=2)]
            assert np.array_equal(torch.cat([pixels for pixels, _ in batch]).numpy(), PIXELS[truth])
            assert torch.cat([labels for _, labels in batch]).tolist() == [i // 4 for i in truth]
        lines = [json.loads(one) for one in bad.path.read_text().splitlines()]
        assert sorted(one["image"] for one in lines) == [5, 6, 39] and bad.count() == 3
        assert all(f"train.rec, key {one['image'] + 1}: " in one["reason"] for one in lines)
    assert capsys.readouterr().err.count("left out: ") == 9


@pytest.mark.parametrize("workers", [0, 3])
def test_past_the_limit_is_an_error_that_names_the_last(holed, tmp_path, workers):
    for limit in (0, 2):
        bad = BadRecords(tmp_path / f"{limit}.jsonl", limit=limit, images=40)
        with pytest.raises(
            ValueError, match=rf"{limit + 1} records cannot .* is {limit}; .*key \d"
        ):
            list(Loader(holed, steps(8, 15, 40), size=(12, 10), workers=workers, instead=bad))
    with pytest.raises(ValueError, match=r"train\.rec, key \d+: 8 bytes that are no image"):
        list(Loader(holed, steps(8, 15, 40), size=(12, 10), workers=workers))


def test_the_limit_counts_all_ranks_and_earlier_attempts(tmp_path):
    path = tmp_path / "bad.jsonl"
    one, other = (BadRecords(path, limit=3, images=100) for _ in range(2))
    assert one(3, "a") == 4 and other(99, "b") == 0 and one(3, "a") == 4
    assert one.count() == other.count() == 2
    with path.open("a") as file:
        file.write('{"image": 50, "rea')  # cut short by a kill
    again = BadRecords(path, limit=3, images=100)
    assert again.count() == 2
    told = []
    batches = again.counted(iter(range(4)), 10, lambda step, count: told.append((step, count)))
    assert next(batches) == 0 and told == [(11, 2)]
    other(7, "c")
    assert list(batches) == [1, 2, 3] and told == [(11, 2), (12, 3)]
    for place, reason in ((8, "d"), (9, "e"), (8, "d")):  # threads on their way go on to meet more
        with pytest.raises(ValueError, match=r"4 records .*data\.bad_limit is 3; the last: d;"):
            one(place, reason)
    assert other.count() == 4


@pytest.mark.slow
def test_a_run_goes_on_past_bad_records_or_ends_in_one_line(people, tmp_path):
    records = FaceDataset(people.records).sets[0]
    with RecordSetWriter(tmp_path / "set/train", height=64, width=64) as writer:
        for i, label in enumerate(records.labels.tolist()):
            data = b"no image" if i in (0, 30) else records.image_bytes(i)
            writer.add(f"{label:03d}", data, f"{label:03d}/{i:03d}.jpg")
    skip = ["train", f"data.records=[{tmp_path / 'set/train'}]", "epochs=1", "batch=24"]
    skip += ["backbone.name=small_resnet", "backbone.height=64", "backbone.width=64"]
    skip += ["backbone.dim=16", "backbone.batch_norm_group=8", "log_every=1"]
    skip += ["data.bad_records=skip", "data.workers=2"]
    low = command(*skip, "data.bad_limit=1", f"out={tmp_path / 'low'}")
    assert low.returncode == 2
    assert "2 records cannot be read, data.bad_limit is 1" in low.stderr.splitlines()[-1]
    # 12 people of 6 images: an epoch of this order has each image once too
    done(command(*skip, "data.sampler=class_balanced", f"out={tmp_path / 'fine'}"))
    log = [json.loads(line) for line in (tmp_path / "fine/log.jsonl").read_text().splitlines()]
    assert [one["bad_records"] for one in log if one["kind"] == "data"][-1] == 2
    assert sum(one["kind"] == "train" for one in log) == 3
