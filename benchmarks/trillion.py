"""Trillion Pairs' size, 274,000 x 1,580,000 x 512: how fast a slice of it goes, and what the whole
would take at that pace.

    python -m benchmarks.trillion [--json] [--quick]
    torchrun --nproc-per-node N -m benchmarks.trillion --json

The pass finds what the challenge asks for: the best distractor of each probe, and the threshold of
FAR 1e-9 (k = 432 of 4.33e11 impostors).

pairs: compared in the slice. pairs_per_second: of all ranks, the check of every number included.
hours_whole: all 274,000 x 1,580,000 pairs at that pace.
peak_gb: of this rank, as in benchmarks.megaface.
"""

import tempfile
from pathlib import Path

import numpy as np

from benchmarks.measure import arguments, seconds, show
from benchmarks.megaface import peak_memory
from eval.similarity import Found, Plan, Vectors, search
from eval.synthetic_embeddings import people, write_distractors
from models import comm

DIM = 512
WHOLE = 274_000 * 1_580_000
PLAN = Plan(top=1, tail=433)
PEOPLE, IMAGES, DISTRACTORS = 512, 16, 1_250_000  # 1.02e10 pairs


def main() -> None:
    """Measures and prints."""
    args = arguments(__doc__ or "")
    distractors = DISTRACTORS // 20 if args.quick else DISTRACTORS
    with comm.process_group(comm.pick_device("cpu")), tempfile.TemporaryDirectory() as folder:
        path = Path(comm.gather_objects(folder)[0]) / "distractors.npy"
        if comm.rank() == 0:
            write_distractors(path, distractors, DIM, seed=2)
        comm.barrier()
        vectors = np.load(path, mmap_mode="r")
        shown, _ = people(PEOPLE, IMAGES, DIM, concentration=420, seed=1)
        found: list[Found] = []

        def run() -> None:
            found.append(search(Vectors(shown), Vectors(vectors), PLAN))

        with peak_memory() as peak:
            taken = seconds(run)
        comm.barrier()  # the folder of rank 0 goes once all are done with it
        pace = found[0].impostors / taken
        figures = {"pairs": float(found[0].impostors), "seconds": taken, "pairs_per_second": pace}
        figures |= {"hours_whole": WHOLE / pace / 3600, "ranks": float(comm.world_size())}
        figures |= {"rescored": float(found[0].rescored), "peak_gb": peak[0]}
        if comm.rank() == 0:
            show("trillion", figures, args.json)


if __name__ == "__main__":
    main()
