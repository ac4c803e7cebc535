"""The tail of a thousand million scores against an independent count: blocks of float64 products by
numpy, sorted apart from the engine.

    python -m benchmarks.trillion_tail [--json] [--quick]

Synthetic people of known identity among distractors, some of them look-alikes planted to score as
high as mates: 32,768 x 32,768 x 64, each of 1.07e9 pairs an impostor. Both sides give the
thresholds of FAR 1e-9, 1e-8, 1e-7 and 1e-6 by the rule of docs/protocols.md, and TPR there.

impostors: pairs compared. thresholds_apart: the largest difference of a threshold; sums in another
    order differ by 1e-15 or so. tpr_apart, false_apart: difference of accepted genuine and
    impostor pairs, which must be 0.
tpr_least_far, seconds, seconds_numpy: what was found, and the time of either side.
"""

from collections.abc import Callable

import numpy as np
from tqdm import tqdm

from benchmarks.measure import arguments, seconds, show
from eval.metrics.tail import enough, tar_rows
from eval.similarity import Plan, Vectors, genuine_pairs, score_pairs, search
from eval.synthetic_embeddings import people

ROWS, IMAGES, DIM, LOOKALIKES = 32_768, 8, 64, 200
FARS = ("1e-6", "1e-7", "1e-8", "1e-9")
_BLOCK = 2_048


def planted(rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """People, who is who, and distractors of whom some lie near a person's image, float32."""
    shown, person = people(rows // IMAGES, IMAGES, DIM, concentration=600, seed=1)
    random = np.random.default_rng(2)
    others = random.standard_normal((rows, DIM), dtype=np.float32)
    places, near = (random.choice(rows, LOOKALIKES, replace=False) for _ in range(2))
    noise = random.uniform(0.08, 0.4, (LOOKALIKES, 1)).astype(np.float32)
    others[places] = 3 * (shown[near] + noise * others[places])
    return shown, person, others


def by_numpy(shown: np.ndarray, others: np.ndarray, keep: int) -> np.ndarray:
    """The largest scores of all pairs, falling, by float64 products and partition."""
    left, right = (
        x / np.linalg.norm(x, axis=1, keepdims=True) for x in map(_wide, (shown, others))
    )
    largest = np.empty(0)
    for start in tqdm(range(0, len(left), _BLOCK), desc="numpy", delay=2, leave=False):
        score = (left[start : start + _BLOCK] @ right.T).ravel()
        if len(largest):
            score = score[score > largest[-1]]
        kept = max(len(score) - keep, 0)
        largest = np.sort(np.concatenate([largest, np.partition(score, kept)[kept:]]))
        largest = largest[::-1][:keep]
    return largest


def _wide(rows: np.ndarray) -> np.ndarray:
    return rows.astype(np.float64)


def compared(rows: int) -> dict[str, float]:
    """Both sides, and how far they are apart."""
    shown, person, others = planted(rows)
    impostors = rows * rows
    keep = enough(FARS, impostors)
    probes = Vectors(shown)
    genuine = score_pairs(probes, probes, *genuine_pairs(person))
    found: dict[str, np.ndarray] = {}

    def side(name: str, function: Callable[[], np.ndarray]) -> float:
        return seconds(lambda: found.update({name: function()}))

    ours = side("ours", lambda: search(probes, Vectors(others), Plan(tail=keep)).tail.score)
    numpy = side("numpy", lambda: by_numpy(shown, others, keep))
    rows_ours = tar_rows(genuine, found["ours"], impostors, FARS)
    apart = {"thresholds_apart": 0.0, "tpr_apart": 0.0, "false_apart": 0.0}
    resolvable = [row for row in rows_ours if row["resolvable"]]
    for row in resolvable:
        threshold = found["numpy"][row["k"]]
        # Scores apart by no more than rounding are ties: the engine's threshold is on one of them.
        true, false = ((scores > threshold + 1e-12).sum() for scores in (genuine, found["numpy"]))
        gaps = (
            row["threshold"] - threshold,
            row["true_accepts"] - true,
            row["false_accepts"] - false,
        )
        for key, gap in zip(apart, gaps):
            apart[key] = max(apart[key], abs(float(gap)))
    figures = {"impostors": float(impostors), **apart, "tpr_least_far": resolvable[-1]["tar"]}
    return figures | {"seconds": ours, "seconds_numpy": numpy}


def main() -> None:
    """Measures and prints."""
    args = arguments(__doc__ or "")
    show("trillion_tail", compared(ROWS // 8 if args.quick else ROWS), args.json)


if __name__ == "__main__":
    main()
