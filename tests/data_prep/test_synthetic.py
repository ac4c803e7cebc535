from dataclasses import asdict, replace
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import pytest

from data_prep.faces.align import align
from data_prep.faces.portrait.features import landmark_points
from data_prep.faces.portrait.head import view
from data_prep.faces.synthetic import Conditions, conditions, identity, render, write_photos

POSES = [
    {},
    {"yaw": 25.0},
    {"yaw": -25.0, "pitch": 12.0},
    {"pitch": -12.0, "roll": 20.0, "scale": 0.28, "shift_x": 0.06},
    {"roll": 90.0, "shift_y": -0.05},
]
SMOOTH = {"hairline": -0.8, "temples": -0.6, "sideburns": -0.3, "parting": 0.0}  # off the features


def changed(first, second):
    """Per pixel, how much two pictures differ."""
    return np.abs(first.astype(int) - second.astype(int)).sum(-1).astype(float)


def read_all(folder: Path) -> dict[str, bytes]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_any_number_of_workers_writes_the_same_bytes(tmp_path):
    for workers in (1, 2):
        write_photos(
            tmp_path / str(workers),
            people=4, images=2, seed=5, size=64, workers=workers, folds=2, pairs_per_fold=2,
        )  # fmt: skip
    one = read_all(tmp_path / "1")
    assert one == read_all(tmp_path / "2")
    assert len(one) == 4 * 2 + 2
    write_photos(tmp_path / "other", people=1, images=1, seed=6, size=64)
    path = "photos/person_00000/person_00000_0001.jpg"
    assert read_all(tmp_path / "other")[path] != one[path]


def test_more_people_or_images_leave_earlier_photographs_as_they_were(tmp_path):
    write_photos(tmp_path / "a", people=3, images=2, seed=1, size=64)
    write_photos(tmp_path / "b", people=2, images=3, seed=1, size=64, first_person=1)
    a, b = read_all(tmp_path / "a" / "photos"), read_all(tmp_path / "b" / "photos")
    common = a.keys() & b.keys()
    assert len(common) == 2 * 2
    assert all(a[path] == b[path] for path in common)
    lines = [set((tmp_path / name / "landmarks.txt").read_text().splitlines()) for name in "ab"]
    assert {line.split()[0] for line in lines[0] & lines[1]} == common


def test_landmarks_file_names_every_photograph_once_with_its_points(tmp_path):
    write_photos(tmp_path / "set", people=2, images=3, seed=3, size=96)
    lines = (tmp_path / "set" / "landmarks.txt").read_text().splitlines()
    photos = {str(p.relative_to(tmp_path / "set/photos")) for p in tmp_path.rglob("*.jpg")}
    assert len(lines) == 6 and {line.split()[0] for line in lines} == photos
    name, *numbers = lines[4].split()
    assert name == "person_00001/person_00001_0002.jpg"
    picture, landmarks = render(identity(3, 1), conditions(3, 1, 2), 96)
    np.testing.assert_allclose(
        np.reshape([float(v) for v in numbers], (5, 2)), landmarks, atol=6e-4
    )
    written = cv2.imread(str(tmp_path / "set/photos" / name))[..., ::-1]
    assert written.shape == (96, 96, 3)
    assert np.abs(written.astype(int) - picture).mean() < 12  # nothing but JPEG between them


@pytest.mark.parametrize("pose", POSES)
@pytest.mark.parametrize("person", [1, 4])
def test_eyes_are_drawn_where_their_landmarks_are(person, pose):
    # Nothing but the iris depends on its colour, so what changes with it is the iris.
    who, how = replace(identity(0, person), **SMOOTH), Conditions(**pose, light=0.0, ambient=1.0)
    dark, landmarks = render(replace(who, iris=(10.0, 10.0, 10.0)), how)
    bright, _ = render(replace(who, iris=(240.0, 240.0, 240.0)), how)
    weight = changed(dark, bright)
    rows, columns = np.indices(weight.shape)
    nearest = np.argmin([np.hypot(columns - x, rows - y) for x, y in landmarks], axis=0)
    for eye in (0, 1):
        mine = weight * (nearest == eye)
        centre = np.array([(columns * mine).sum(), (rows * mine).sum()]) / mine.sum()
        # The lids and the pupil's glint hide a little of it, seldom evenly.
        assert np.abs(centre - landmarks[eye]).max() < 1.0
    assert (weight * (nearest > 1)).sum() == 0


@pytest.mark.parametrize("smile", [-0.2, 1.0])
@pytest.mark.parametrize("pose", POSES)
def test_mouth_corners_are_the_ends_of_the_drawn_lips(pose, smile):
    who = replace(identity(0, 3), **SMOOTH)
    how = Conditions(**pose, smile=smile, mouth_open=0.3, light=0.0, ambient=1.0)
    pale, landmarks = render(replace(who, lip_red=0.0), how)
    red, _ = render(replace(who, lip_red=1.0), how)
    rows, columns = np.nonzero(changed(pale, red) > 12)
    lips = np.column_stack([columns, rows])
    across = (landmarks[4] - landmarks[3]) / np.linalg.norm(landmarks[4] - landmarks[3])
    for corner, end in ((landmarks[3], -1), (landmarks[4], 1)):
        reach = (lips @ across * end).max()
        assert abs(reach - corner @ across * end) < 2.0
        assert np.linalg.norm(lips - corner, axis=1).min() < 1.5


@pytest.mark.parametrize("pose", POSES)
@pytest.mark.parametrize("person", range(6))
def test_a_landmark_s_pixel_sees_that_point_of_the_face(person, pose):
    # Two ways over one surface: features are projected forwards, pixels look backwards. A nose may
    # hide its own tip: then the pixel sees something nearer, on the same line of sight.
    who, how = identity(0, person), Conditions(**pose)
    camera = view(who, how, 320)
    xy = camera.seen(320)[1]
    points = camera.lift(landmark_points(who, how))
    columns, rows = np.round(camera.project(points)).astype(int).T
    seen = camera.lift(xy[:, rows, columns].T.astype(float))
    assert np.abs(camera.project(seen) - np.column_stack([columns, rows])).max() < 1
    nearness = (seen - points) @ camera.rotation[2]
    assert nearness.min() > -0.03
    assert np.abs(nearness[[0, 1, 3, 4]]).max() < 0.03


def test_the_nose_stands_out():
    who = identity(0, 2)
    for yaw in (-25.0, 25.0):
        eyes_and_mouth, nose = np.split(render(who, Conditions(yaw=yaw))[1][[0, 1, 3, 4, 2]], [4])
        assert np.sign(nose[0, 0] - eyes_and_mouth[:, 0].mean()) == np.sign(yaw)


def test_roll_turns_the_landmarks_clockwise_about_the_head():
    who = identity(0, 0)
    upright, turned = (render(who, Conditions(yaw=20, roll=roll))[1] - 79.5 for roll in (0, 90))
    np.testing.assert_allclose(turned, np.column_stack([-upright[:, 1], upright[:, 0]]), atol=1e-9)


def test_landmarks_scale_with_the_picture():
    who, how = identity(0, 0), conditions(0, 0, 1)
    small, large = (render(who, how, size)[1] for size in (80, 160))
    np.testing.assert_allclose((small + 0.5) * 2, large + 0.5, atol=1e-9)


def test_landmarks_lie_in_the_picture():
    for person in range(3):
        for image in range(40):
            landmarks = render(identity(9, person), conditions(9, person, image), 32)[1]
            assert landmarks.min() > 1 and landmarks.max() < 30
            (left, right, _, mouth_left, mouth_right) = landmarks[:, 0]
            assert left < right and mouth_left < mouth_right


def test_light_background_and_camera_leave_the_landmarks():
    who, how = identity(0, 1), conditions(0, 1, 1)
    picture, landmarks = render(who, how)
    for change in (
        {"light_side": 80.0}, {"light": 0.1}, {"warmth": -1.0}, {"exposure": 1.0},
        {"glasses": "clear"}, {"background": ((0.0, 0.0, 0.0), (9.0, 9.0, 9.0))}, {"blur": 0.02},
        {"noise": 20.0},
    ):  # fmt: skip
        other, same = render(who, replace(how, **change))
        assert (same == landmarks).all() and (other != picture).any()


def test_background_is_behind_the_face():
    who, how = identity(0, 1), Conditions()
    other = replace(how, background=((0.0, 0.0, 0.0), (250.0, 0.0, 0.0)), clutter=3)
    difference = changed(render(who, how)[0], render(who, other)[0])
    assert difference[:20].min() > 0
    assert (difference[60:110, 60:100] == 0).all()


def test_who_and_how_are_drawn_apart():
    people = [identity(0, person) for person in range(20)]
    ways = [conditions(0, person, image) for person in range(4) for image in range(5)]
    assert len(set(people)) == 20 and len(set(ways)) == 20
    for name, values in asdict(people[0]).items():
        if name not in ("beard", "freckles", "moles", "hair_length", "sideburns", "curls"):
            assert any(getattr(who, name) != values for who in people[1:]), name
    pictures = [render(who, Conditions(), 64)[0] for who in people]
    assert all(changed(a, b).mean() > 3 for a, b in combinations(pictures, 2))


def test_average_colours_and_raw_pixels_do_not_tell_people_apart():
    people, images = 24, 8
    crops = []
    for person in range(people):
        who = identity(2, person)
        for image in range(images):
            crops.append(align(*render(who, conditions(2, person, image), 80), (56, 56)))
    pixels = np.array(crops, float)
    label = np.repeat(np.arange(people), images)
    for features in (pixels.mean((1, 2)), pixels.reshape(len(pixels), -1)):
        features = features - features.mean(0)
        features /= np.linalg.norm(features, axis=1, keepdims=True)
        i, j = np.triu_indices(len(features), 1)
        similar, same = (features @ features.T)[i, j], label[i] == label[j]
        cuts = np.quantile(similar, np.linspace(0, 1, 200))
        hits = [((similar[same] >= t).mean() + (similar[~same] < t).mean()) / 2 for t in cuts]
        assert max(hits) < 0.72


def test_pairs_file_is_lfw_s_with_people_of_their_own_in_each_fold(tmp_path):
    write_photos(
        tmp_path / "set", people=9, images=3, seed=2, size=32, folds=3, pairs_per_fold=9,
        first_person=4,
    )  # fmt: skip
    lines = (tmp_path / "set" / "pairs.txt").read_text().split("\n")
    assert lines[0] == "3\t9" and lines[-1] == "" and len(lines) == 1 + 3 * 18 + 1
    people_of_fold = []
    for fold in range(3):
        rows = [line.split("\t") for line in lines[1 + 18 * fold : 1 + 18 * (fold + 1)]]
        assert [len(row) for row in rows] == [3] * 9 + [4] * 9
        full = [(row[0], row[1], row[0], row[2]) for row in rows[:9]] + [tuple(r) for r in rows[9:]]
        pairs = {frozenset([(a, i), (b, j)]) for a, i, b, j in full}
        assert len(pairs) == 18 and all(len(pair) == 2 for pair in pairs)
        assert all(a != b for a, _, b, _ in full[9:])
        for name, number in set().union(*pairs):
            assert (tmp_path / f"set/photos/{name}/{name}_{int(number):04d}.jpg").exists()
        people_of_fold.append({name for pair in pairs for name, _ in pair})
    assert all(not a & b for a, b in combinations(people_of_fold, 2))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pairs_per_fold": 10}, "give 9 and 27"),  # 3 people x 3 pairs; 3 pairs x 3 x 3 images
        ({"people": 2}, "use more people"),
        ({"pairs_per_fold": 0}, "both 1 or more"),
        ({"folds": 0}, "both 1 or more"),
        ({"images": 10_000}, "images between 1 and 9999"),
        ({"workers": 0}, "workers"),
        ({"people": 0}, "people"),
        ({"size": 31}, "size"),
        ({"seed": -1}, "seed"),
        ({"first_person": -1}, "first_person"),
    ],
)
def test_impossible_sets_are_refused_before_anything_is_written(tmp_path, change, message):
    asked = {"people": 6, "images": 3, "seed": 0, "size": 32, "folds": 2, "pairs_per_fold": 9}
    with pytest.raises(ValueError, match=message) as error:
        write_photos(tmp_path / "set", **(asked | change))
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(FileExistsError, match=r"thesis\.tex"):
        write_photos(tmp_path, people=1, images=1, seed=0, size=32)
    assert read_all(tmp_path) == {"thesis.tex": b"years of work"}


def test_an_earlier_set_is_replaced(tmp_path):
    write_photos(tmp_path / "set", people=2, images=1, seed=0, size=32)
    write_photos(tmp_path / "set", people=1, images=1, seed=0, size=32)
    assert [path.name for path in (tmp_path / "set/photos").iterdir()] == ["person_00000"]
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_render_and_factors_refuse_what_they_cannot_do():
    with pytest.raises(ValueError, match="at least 32"):
        render(identity(0, 0), Conditions(), 16)
    with pytest.raises(ValueError, match="0 or more"):
        identity(0, -1)
    with pytest.raises(ValueError, match="0 or more"):
        conditions(0, 1, -1)
