"""Names to places, and grouping, against the plain way of doing them."""

import random

import numpy as np
import pytest

from data_prep.sources.people import Person, Places, folder_titles, grouped


class Colliding(str):
    """A name whose hash many share."""

    __slots__ = ()

    def __hash__(self):
        return len(self) % 3

    __eq__ = str.__eq__


@pytest.mark.parametrize("kind", [str, Colliding])
def test_places_are_those_of_a_dictionary(kind):
    names = [kind("x" * (i % 7) + str(i)) for i in range(500)]
    random.Random(1).shuffle(names)
    places = Places(names)
    assert [places[name] for name in names] == list(range(500))
    assert places.repeat() is None
    with pytest.raises(KeyError):
        places[kind("nobody")]


@pytest.mark.parametrize("kind", [str, Colliding])
def test_a_repeated_name_is_found(kind):
    names = [kind(i) for i in range(200)]
    names[150] = kind(17)
    assert Places(names).repeat() == (17, 150)
    assert Places([]).repeat() is None


def test_grouping_keeps_the_order_within_a_class():
    draw = np.random.default_rng(0)
    labels = draw.choice([0, 3, 4, 1000001], 300)
    names = [f"{i}.png" for i in range(300)]
    expected = tuple(
        Person(f"{label:06d}", tuple(names[i] for i in range(300) if labels[i] == label))
        for label in (0, 3, 4, 1000001)
    )
    assert grouped(names, labels) == expected
    titles = {0: "a", 3: "b", 4: "c", 1000001: "d"}
    assert [person.name for person in grouped(names, labels, titles)] == list("abcd")


@pytest.mark.parametrize(
    ("names", "titles"),
    [
        (["s/Ann/1.png", "s/Bob/1.png", "s/Ann/2.png"], {0: "Ann", 1: "Bob"}),
        (["Ann/1.png", "Bob/1.png", "Cy/2.png"], None),  # one label, two folders
        (["x/Ann/1.png", "y/Ann/1.png", "x/Ann/2.png"], None),  # two labels, one name
        (["1.png", "Bob/1.png", "2.png"], None),
    ],
)
def test_folders_name_people_where_they_are_people(names, titles):
    assert folder_titles(names, np.array([0, 1, 0])) == titles
