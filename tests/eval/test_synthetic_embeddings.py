import numpy as np
import pytest

from eval.synthetic_embeddings import mislabelled, people, write_distractors


@pytest.mark.parametrize(("dim", "concentration"), [(3, 5.0), (64, 100.0), (512, 700.0)])
def test_images_lie_around_their_person_as_von_mises_fisher_says(dim, concentration):
    vectors, person = people(30, 100, dim, concentration, seed=1)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    means = np.array([vectors[person == one].mean(axis=0) for one in range(30)])
    # Mean resultant length, A(kappa) = I_{D/2}(kappa) / I_{D/2-1}(kappa), by its continued fraction
    # (Amos 1974); of a mean over m images |mean|^2 is A^2 + (1 - A^2) / m.
    ratio = 0.0
    for order in range(dim // 2 + 2000, dim // 2 - 1, -1):
        ratio = 1 / (2 * (order + dim % 2 / 2) / concentration + ratio)
    squared = (means**2).sum(axis=1).mean()
    assert squared == pytest.approx(ratio**2 + (1 - ratio**2) / 100, rel=0.05)


def test_distractors_are_uniform_and_made_again_from_the_seed(tmp_path):
    for name in "ab":
        write_distractors(tmp_path / name, 20_000, 16, seed=3)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    x = np.load(tmp_path / "a", mmap_mode="r")
    assert x.shape == (20_000, 16) and x.dtype == np.float32
    assert np.abs(x.mean(axis=0)).max() < 0.01
    assert np.allclose(x.T @ x / len(x), np.eye(16) / 16, atol=0.005)


def test_a_known_share_is_mislabelled():
    person = np.repeat(np.arange(10), 50)
    label = mislabelled(person, 0.1, seed=1)
    assert (label != person).sum() == 50
    assert set(label) <= set(person)
