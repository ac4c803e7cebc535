"""The fit against InsightFace's own, against transforms that are known, and on what has none."""

import warnings

import cv2
import numpy as np
import pytest

from data_prep.faces.align import TEMPLATE, align, similarity, template, warp

MARGIN = np.array([8, 0])


def turned(points, degrees, scale, shift):
    angle = np.deg2rad(degrees)
    matrix = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return points @ matrix.T + shift, np.column_stack([matrix, shift])


@pytest.mark.parametrize("size", [112, 128, 224, 256])
def test_the_fit_is_insightfaces(size, monkeypatch):
    face_align = pytest.importorskip("insightface.utils.face_align")
    assert np.array_equal(face_align.arcface_dst, np.float32(TEMPLATE))
    # Their table is float32, and so is its mean; that alone moves the fit by 1e-6 to 1e-5 pixels.
    monkeypatch.setattr(face_align, "arcface_dst", TEMPLATE)
    draw = np.random.default_rng(0)
    for _ in range(20):
        scale, turn = draw.uniform(0.3, 4), draw.uniform(-180, 180)
        points, _ = turned(TEMPLATE, turn, scale, draw.uniform(-300, 300, 2))
        points += draw.normal(0, 4, points.shape)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = face_align.estimate_norm(points, size)
        ours = similarity(points, template((size, size)))
        assert np.abs(ours - theirs).max() < 1e-9


def test_known_transforms_come_back_and_sets_of_faces_are_fitted_at_once():
    cases = [(0, 1, (0, 0)), (90, 1, (5, -7)), (-33, 2.5, (100, 40)), (180, 0.1, (0, 9))]
    moved, matrices = zip(*(turned(TEMPLATE, *case) for case in cases))
    for target, matrix in zip(moved, matrices):
        assert np.abs(similarity(TEMPLATE, target) - matrix).max() < 1e-9
    back = similarity(np.array(moved), TEMPLATE)
    assert back.shape == (4, 2, 3)
    for points, matrix in zip(moved, back):
        assert np.abs(points @ matrix[:, :2].T + matrix[:, 2] - TEMPLATE).max() < 1e-9


def test_no_other_similarity_is_nearer():
    draw = np.random.default_rng(1)
    points = TEMPLATE + draw.normal(0, 10, (5, 2))
    best = similarity(points, TEMPLATE)

    def distance(matrix):
        return ((points @ matrix[:, :2].T + matrix[:, 2] - TEMPLATE) ** 2).sum()

    for _ in range(200):
        a, b, x, y = draw.normal(0, 1e-3, 4)
        assert distance(best + np.array([[a, -b, x], [b, a, y]])) > distance(best)


@pytest.mark.parametrize("far", [0, 1e6])
@pytest.mark.parametrize("value", [0.0, 37.5])
def test_points_that_have_no_fit(value, far):
    with pytest.raises(ValueError, match="five different landmarks"):
        similarity(np.full((5, 2), value + far), TEMPLATE)
    with pytest.raises(ValueError, match="finite"):
        similarity(TEMPLATE * [1, np.nan], TEMPLATE)
    symmetric = np.exp(4j * np.pi * np.arange(5) / 5)
    with pytest.raises(ValueError, match="in no way"):
        target = np.exp(2j * np.pi * np.arange(5) / 5)
        similarity(
            np.column_stack([symmetric.real, symmetric.imag]),
            np.column_stack([target.real, target.imag]),
        )


def test_templates_of_other_sizes():
    assert np.array_equal(template((112, 112)), TEMPLATE)
    assert np.array_equal(template((112, 96)), TEMPLATE - MARGIN)
    assert np.array_equal(template((224, 192)), 2 * (TEMPLATE - MARGIN))
    assert np.array_equal(template((128, 128)), TEMPLATE + MARGIN)
    assert np.array_equal(template((256, 256)), 2 * (TEMPLATE + MARGIN))
    for size in (64, 120, 160):
        assert np.allclose(template((size, size)), TEMPLATE * size / 112)
    for size in [(96, 112), (112, 100), (0, 0), (-112, -112)]:
        with pytest.raises(ValueError, match="expected a square crop"):
            template(size)


@pytest.mark.parametrize(
    ("size", "points"),
    [  # formats.md 2.7, worked out by hand: left eye and right mouth corner
        ((112, 112), [(38.2946, 51.6963), (70.7299, 92.2041)]),
        ((112, 96), [(30.2946, 51.6963), (62.7299, 92.2041)]),
        ((120, 120), [(41.0299286, 55.3888929), (75.7820357, 98.7901071)]),
        ((128, 128), [(46.2946, 51.6963), (78.7299, 92.2041)]),
        ((160, 160), [(54.7065714, 73.8518571), (101.0427143, 131.7201429)]),
        ((256, 256), [(92.5892, 103.3926), (157.4598, 184.4082)]),
    ],
)
def test_the_sizes_of_the_format(size, points):
    assert np.allclose(template(size)[[0, 4]], points, rtol=0, atol=5e-8)


def test_sets_are_fitted_to_the_last_bit_as_single_faces_are():
    draw = np.random.default_rng(3)
    faces = TEMPLATE * draw.uniform(0.3, 8, (700, 1, 1)) + draw.uniform(-300, 2000, (700, 1, 2))
    faces += draw.normal(0, 4, faces.shape)
    target = template((112, 112))
    single = np.stack([similarity(face, target) for face in faces])
    for together in (2, 7, 700):
        parts = [similarity(faces[i : i + together], target) for i in range(0, 700, together)]
        assert np.array_equal(np.concatenate(parts), single)


@pytest.mark.parametrize("shape", [(57, 91), (250, 250), (399, 400), (401, 400), (33, 900)])
def test_the_fourth_channel_changes_no_byte(shape):
    draw = np.random.default_rng(4)
    image = draw.integers(0, 256, (*shape, 3), np.uint8)
    for size in [(112, 112), (112, 96), (64, 64)] * 10:
        points = TEMPLATE * draw.uniform(0.2, 4) + draw.uniform(-60, 200, 2)
        matrix = similarity(points + draw.normal(0, 6, (5, 2)), template(size))
        plain = cv2.warpAffine(image, matrix, size[::-1], flags=cv2.INTER_LINEAR)
        assert np.array_equal(warp(image, matrix, size), plain)


def test_landmarks_on_the_template_leave_the_picture_as_it_is():
    image = np.random.default_rng(2).integers(0, 256, (112, 112, 3), np.uint8)
    assert np.array_equal(align(image, TEMPLATE), image)
    assert np.array_equal(align(image, TEMPLATE, (112, 96)), image[:, 8:104])
    shifted = align(image, TEMPLATE + np.array([10, 0]))
    assert np.array_equal(shifted[:, :102], image[:, 10:]) and not shifted[:, 102:].any()
