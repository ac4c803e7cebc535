"""Wrong labels that were planted are found; small classes are left alone."""

import numpy as np
import pytest

from data_prep.clean.centres import classes_of, people_of
from data_prep.clean.noise import RULES, Settings, doubtful, find_noise
from data_prep.embeddings import Embeddings


class Named:
    """As much of an image source as finding needs."""

    def __init__(self, names):
        self.names = names

    def __len__(self):
        return len(self.names)


def flipped(people=60, images=30, share=0.05, spread=0.13, dim=64, seed=0):
    """Embeddings round `people` centres, and a share of them filed under somebody else.

    An image's similarity to its centre is some 1 / sqrt(1 + spread^2 dim) = 0.7.
    """
    draw = np.random.default_rng(seed)
    centre = draw.normal(size=(people, dim))
    centre /= np.linalg.norm(centre, axis=1, keepdims=True)
    label = np.repeat(np.arange(people), images)
    shown = label.copy()
    wrong = draw.random(len(label)) < share
    shown[wrong] = (label[wrong] + draw.integers(1, people, wrong.sum())) % people
    vectors = centre[shown] + spread * draw.normal(size=(len(label), dim))
    names = [f"p{person:03d}/{i:05d}.jpg" for i, person in enumerate(label)]
    return Named(names), Embeddings(names, vectors.astype(np.float32), {}, "x"), wrong


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("share", [0.05, 0.25])
def test_flipped_labels_are_found(rule, share):
    source, embedded, wrong = flipped(share=share)
    outcome = find_noise(source, embedded, Settings(rule=rule))
    found = {finding.entry.name for finding in outcome.findings}
    truth = {name for name, is_wrong in zip(source.names, wrong) if is_wrong}
    # The second rule asks for what nine images in ten have.
    recall = 0.85 if rule == "elsewhere" else 0.97
    assert len(found & truth) / len(truth) > recall, "recall"
    assert len(found & truth) / len(found) > 0.97, "precision"


def test_a_stranger_to_the_whole_set_is_found_by_the_first_rule_alone():
    source, embedded, _ = flipped(share=0)
    draw = np.random.default_rng(9)
    embedded.vectors[[7, 400]] = draw.normal(size=(2, 64)) / 8
    for rule, expected in zip(RULES, (2, 2, 0)):
        outcome = find_noise(source, embedded, Settings(rule=rule))
        listed = {finding.entry.name for finding in outcome.findings}
        assert len(listed & {source.names[7], source.names[400]}) == expected


def test_a_clean_set_has_hardly_an_entry():
    source, embedded, _ = flipped(share=0)
    assert len(find_noise(source, embedded, Settings()).findings) <= 3


def test_entries_are_by_person_and_worst_first():
    source, embedded, _ = flipped()
    names = [finding.entry.name for finding in find_noise(source, embedded, Settings()).findings]
    doubts = doubtful(embedded, np.arange(len(source)), classes_of(people_of(source)), Settings())
    own = dict(zip(source.names, doubts.own))
    assert names == sorted(names, key=lambda name: (name.split("/")[0], own[name]))


def test_a_class_keeps_its_best_images():
    """Three people whose every image is another's: without a floor nothing would be left."""
    draw = np.random.default_rng(1)
    names = [f"p{i % 3}/{i}.jpg" for i in range(15)]
    embedded = Embeddings(names, draw.normal(size=(15, 40)).astype(np.float32), {}, "x")
    for floor in (1, 2, 5, 9):
        settings = Settings(threshold=2.0, floor=floor)
        classes = classes_of([name.split("/")[0] for name in names])
        doubts = doubtful(embedded, np.arange(15), classes, settings)
        for person in range(3):
            mine = np.array([name.startswith(f"p{person}/") for name in names])
            staying = mine & ~doubts.listed
            assert staying.sum() == min(floor, 5)
            if floor < 5:
                assert doubts.own[staying].min() >= doubts.own[mine & doubts.listed].max()


def test_people_left_with_few_images():
    source, embedded, _ = flipped(people=40, images=6, share=0.2, seed=3)
    outcome = find_noise(source, embedded, Settings(floor=1, min_images=5))
    gone = [f.entry.name for f in outcome.findings if f.entry.kind == "image"]
    people = {f.entry.name for f in outcome.findings if f.entry.kind == "person"}
    count = {f"p{i:03d}": 6 for i in range(40)}
    for name in gone:
        count[name.split("/")[0]] -= 1
    assert people == {person for person, left in count.items() if left < 5} != set()


def test_what_cannot_be_done():
    source, embedded, _ = flipped(people=1, share=0)
    with pytest.raises(ValueError, match="expected images of several people, found 'p000' alone"):
        find_noise(source, embedded, Settings())
    with pytest.raises(ValueError, match="--floor of at least 1"):
        Settings(floor=0)
