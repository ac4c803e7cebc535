"""Which pictures of one photograph go."""

import numpy as np

from data_prep.clean.near import Pairs
from data_prep.clean.twins import as_twins, conflicts, repeats


def twins_of(*pairs):
    one, other = (np.array([pair[side] for pair in pairs], np.intp) for side in (0, 1))
    return as_twins(
        Pairs(one, other, np.zeros(len(pairs), bool)), np.full(len(pairs), 0.9, np.float32)
    )


def test_the_first_by_name_stays_and_chains_do_not_pull():
    """1 ~ 0, 2 ~ 1, 3 ~ 2: 1 goes for 0; 2 is a twin of nothing that stays, so it stays."""
    names = ["p/0", "p/1", "p/2", "p/3"]
    same = np.zeros(4, np.int64)
    gone = repeats(names, same, np.arange(4), twins_of((0, 1), (1, 2), (2, 3)))
    assert [(one.place, one.twin) for one in gone] == [(1, 0), (3, 2)]
    assert gone[0].likeness.of("p/0") == "the same photograph as p/0 (correlation 0.90)"
    reversed_names = names[::-1]
    gone = repeats(reversed_names, same, np.arange(4), twins_of((0, 1), (1, 2), (2, 3)))
    assert [(one.place, one.twin) for one in gone] == [(2, 3), (0, 1)]


def test_the_same_bytes_within_a_person_only():
    names = ["p/0", "p/1", "p/2", "q/0"]
    gone = repeats(names, np.array([0, 0, 0, 1]), np.array([5, 5, 5, 5]), {})
    assert [(one.place, one.twin) for one in gone] == [(1, 0), (2, 0)]
    assert gone[0].likeness.of("p/0") == "the same file as p/0"


def test_a_copy_of_an_image_that_goes_goes_too():
    """1 ~ 0, and 2 has the bytes of 1: every two images of a person are compared, so 2 ~ 0."""
    gone = repeats(
        ["p/0", "p/1", "p/2"], np.zeros(3, int), np.array([0, 1, 1]), twins_of((0, 1), (0, 2))
    )
    assert [one.place for one in gone] == [1, 2]


def test_a_photograph_of_two_people():
    names = ["p/0", "p/1", "q/0", "q/1", "r/0"]
    label = np.array([0, 0, 1, 1, 2])
    photo = np.array([0, 1, 0, 2, 3])
    near = twins_of((3, 4))
    gone = conflicts(names, label, photo, near, None)
    assert [(one.place, one.twin) for one in gone] == [(0, 2), (2, 0), (3, 4), (4, 3)]
    own = np.array([0.9, 0.9, 0.2, 0.3, 0.8])
    gone = conflicts(names, label, photo, near, own)
    assert [(one.place, one.twin) for one in gone] == [(2, 0), (3, 4)]


def test_a_placeholder_under_many_people():
    n = 3_000
    names = [f"p{i:04d}/0" for i in range(n)]
    gone = conflicts(names, np.arange(n), np.zeros(n, int), {}, None)
    assert len(gone) == n and gone[0].twin == 1 and gone[5].twin == 0
    assert {one.others for one in gone} == {n - 2}
    own = np.linspace(0, 1, n)
    assert [one.place for one in conflicts(names, np.arange(n), np.zeros(n, int), {}, own)] == [
        *range(n - 1)
    ]


def test_nobody_is_in_conflict_with_themselves():
    names = ["p/0", "p/1", "p/2"]
    assert conflicts(names, np.zeros(3, int), np.array([0, 0, 1]), {}, None) == []
