"""MegaFace's size: 3,530 probes x 1,000,000 distractors x 512, all statistics in one exact pass,
against the bare float32 product of the same shape and against faiss-cpu's exact search.

    python -m benchmarks.megaface [--json] [--quick]

vs_gemm_f32: our time over that of torch's float32 product alone, which judges nothing.
vs_faiss: our time over faiss' exact search for the best distractor of each probe, which is but one
    of our statistics; left out where faiss is not installed.
peak_gb: memory of the engine above what was held before and above the mapped file.
rank1, tar_1e6: what was found, of synthetic people; rescored: pairs brought to float64.

`python -m benchmarks.megaface_ranks` runs the protocol itself at this size, on one rank and on two.
"""

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.measure import arguments, in_turn, show
from eval.similarity import Found, Plan, Vectors, genuine_pairs, score_pairs, search
from eval.synthetic_embeddings import people, write_distractors

PEOPLE, IMAGES, DIM, DISTRACTORS = 80, 44, 512, 1_000_000
TAIL = 3_531  # FAR 1e-6 of 3.53e9 impostors, and the threshold itself
SLICE = 8_192


def challenge_probes() -> tuple[np.ndarray, np.ndarray]:
    """3,530 embeddings of 80 people, as many as in the challenge, and who is who."""
    shown, person = people(PEOPLE, IMAGES + 1, DIM, concentration=420, seed=1)
    keep = np.arange(len(person)) % (IMAGES + 1) < IMAGES + (person < 10)
    return shown[keep], person[keep]


def engine(probes: Vectors, gallery: Vectors) -> Callable[[], Found]:
    """One pass for rank-k at every size and for TAR@FAR=1e-6."""
    sizes = tuple(10**power for power in range(1, 7) if 10**power < len(gallery))
    plan = Plan(top=10, tail=TAIL, sizes=sizes)
    return lambda: search(probes, gallery, plan)


def bare_product(probes: Vectors, vectors: np.ndarray) -> Callable[[], None]:
    """torch's float32 product of the same shape, slice by slice into the same memory."""
    left = torch.from_numpy(probes.nearly_unit(slice(0, len(probes))))
    copy = torch.from_numpy(np.array(vectors[:SLICE]))
    out = torch.empty(len(left), SLICE)

    def run() -> None:
        for start in range(0, len(vectors), SLICE):
            count = min(SLICE, len(vectors) - start)
            torch.mm(left, copy[:count].T, out=out[:, :count] if count == SLICE else None)

    return run


def exact_faiss(probes: Vectors, vectors: np.ndarray) -> Callable[[], Any] | None:
    """faiss' flat index, best of all by inner product; None where it is not installed."""
    try:
        import faiss
    except ImportError:
        return None
    faiss.omp_set_num_threads(torch.get_num_threads())
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(np.asarray(vectors))
    left = probes.nearly_unit(slice(0, len(probes)))
    return lambda: index.search(left, 1)


@contextmanager
def peak_memory() -> Iterator[list[float]]:
    """Puts the most memory held meanwhile, mapped files apart, into the list: GB above before."""
    before, most, ended = _held(), [0.0], threading.Event()

    def watch() -> None:
        while not ended.is_set():
            most[0] = max(most[0], (_held() - before) / 1e9)
            time.sleep(0.01)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield most
    finally:
        ended.set()
        thread.join()


def _held() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) * 1024
    raise OSError("/proc/self/status: no RssAnon; the memory figure needs Linux")


def judged(found: Found, probes: Vectors, person: np.ndarray) -> dict[str, float]:
    """Rank-1 over all ordered pairs of one person, and TAR@FAR=1e-6."""
    i, j = genuine_pairs(person)
    genuine = score_pairs(probes, probes, i, j)
    best = found.top.score[-1, :, 0]
    hits = (genuine > best[i]).sum() + (genuine > best[j]).sum()
    accepts = found.impostors // 1_000_000
    return {
        "rank1": float(hits / (2 * len(genuine))),
        "tar_1e6": float((genuine > found.tail.score[accepts]).mean()),
    }


def main() -> None:
    """Measures and prints."""
    args = arguments(__doc__ or "")
    distractors = DISTRACTORS // 10 if args.quick else DISTRACTORS
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "distractors.npy"
        write_distractors(path, distractors, DIM, seed=2)
        vectors = np.load(path, mmap_mode="r")
        shown, person = challenge_probes()
        probes = Vectors(shown)
        with peak_memory() as peak:
            found = engine(probes, Vectors(vectors))()
        figures = judged(found, probes, person) | {"rescored": float(found.rescored)}

        def ours() -> Found:
            return engine(probes, Vectors(vectors))()  # the check of every number included

        sides: list[Callable[[], object]] = [bare_product(probes, vectors), ours]
        faiss = exact_faiss(probes, vectors)
        if faiss is not None:
            rows = faiss()[1][:, 0]
            figures["faiss_agrees"] = float((rows == found.top.row[-1, :, 0]).mean())
            sides.append(faiss)
        times = in_turn(sides, rounds=5, warmup=0)
        figures |= {"vs_gemm_f32": times[1] / times[0], "seconds": times[1], "peak_gb": peak[0]}
        figures |= {"gemm_seconds": times[0], "pairs_per_second": found.impostors / times[1]}
        if faiss is not None:
            figures["vs_faiss"] = times[1] / times[2]
        show("megaface", figures, args.json)


if __name__ == "__main__":
    main()
