"""Small embeddings and pair lists, made up but in the real layouts."""

import numpy as np

from eval.embeddings import save

PEOPLE, EACH, FOLDS = 12, 4, 10


def names():
    return [f"P{p:02d}/P{p:02d}_{i:04d}.jpg" for p in range(PEOPLE) for i in range(1, EACH + 1)]


def embeddings(
    folder, seed=0, noise=0.9, model="runs/fake", source=None, fusion="flip-sum", sha256=None
):
    """Writes X.npy, X.txt, X.json of noisy people and returns the prefix."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(PEOPLE, 8))
    vectors = np.repeat(centres, EACH, axis=0) + noise * rng.normal(size=(PEOPLE * EACH, 8))
    meta = {
        "model": {"path": model, "sha256": sha256 or f"{seed:02d}" * 32, "kind": "run"},
        "fusion": fusion,
        "transform": {"height": 112, "width": 112},
        "images": {"source": str(source or "nowhere"), "count": PEOPLE * EACH},
        "command": "python -m eval extract",
    }
    prefix = folder / f"X{seed}"
    save(prefix, names(), vectors.astype(np.float32), meta)
    return prefix


def pairs(seed=0, each=6):
    """Per fold `each` genuine and `each` impostor pairs as (person, i, person, j)."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(FOLDS):
        for _ in range(each):
            person = rng.integers(PEOPLE)
            i, j = rng.choice(EACH, 2, replace=False) + 1
            rows.append((person, i, person, j))
        for _ in range(each):
            a, b = rng.choice(PEOPLE, 2, replace=False)
            rows.append((a, rng.integers(EACH) + 1, b, rng.integers(EACH) + 1))
    return rows


def lfw_text(rows, header=True):
    lines = [f"{FOLDS}\t{len(rows) // FOLDS // 2}"] if header else []
    for a, i, b, j in rows:
        lines.append(f"P{a:02d}\t{i}\t{j}" if a == b else f"P{a:02d}\t{i}\tP{b:02d}\t{j}")
    return "\n".join(lines) + "\n"


def sllfw_text(rows):
    return "".join(
        f"P{p:02d}/P{p:02d}_{i:04d}.jpg\n" for a, i, b, j in rows for p, i in ((a, i), (b, j))
    )
