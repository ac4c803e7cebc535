"""The whole protocol at MegaFace's size, on one process and under torchrun on two ranks: are the
results the same bytes, and what does each take?

    python -m benchmarks.megaface_ranks [--json] [--quick]

3,530 synthetic probes of 80 people x 1,000,000 distractors x 512, every option at its default; both
sides have all cores between them. Needs 2.1 GB of disk.

same_bytes: 1 where the two RESULT.json are equal byte for byte, else 0.
seconds_1, seconds_2: from start to exit, reading and checking the embeddings included.
vs_one_rank: seconds_2 over seconds_1.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import arguments, seconds, show
from benchmarks.megaface import DIM, DISTRACTORS, challenge_probes
from data_prep.files import write_json, write_text
from eval.embeddings import SCHEMA, save
from eval.synthetic_embeddings import write_distractors

RANKS = 2


def write_sets(folder: Path, distractors: int) -> None:
    """Both sets as embeddings on disk."""
    shown, person = challenge_probes()
    names = [f"p{who:02d}/{row}.jpg" for row, who in enumerate(person)]
    save(folder / "P", names, shown, {})
    write_distractors(folder / "D.npy", distractors, DIM, seed=2)
    write_text(folder / "D.txt", "".join(f"d/{row}.jpg\n" for row in range(distractors)))
    write_json(folder / "D.json", {"schema": SCHEMA, "dim": DIM, "count": distractors})


def judged(folder: Path, ranks: int) -> bytes:
    """The result of `eval run`, on one process or under torchrun."""
    launch = [sys.executable, "-m"]
    if ranks > 1:
        launch += ["torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}", "-m"]
    words = ["eval", "run", "--protocol", "megaface", "--probes", folder / "P", "--distractors"]
    words += [folder / "D", "--device", "cpu", "--out", folder / "r.json"]
    threads = max(1, (os.cpu_count() or 1) // ranks)
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    subprocess.run([*launch, *map(str, words)], check=True, env=environment, stdout=sys.stderr)
    found = (folder / "r.json").read_bytes()
    (folder / "r.json").unlink()
    return found


def main() -> None:
    """Measures and prints."""
    args = arguments(__doc__ or "")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_sets(folder, DISTRACTORS // 10 if args.quick else DISTRACTORS)
        found: list[bytes] = []
        taken = [
            seconds(lambda ranks=ranks: found.append(judged(folder, ranks))) for ranks in (1, RANKS)
        ]
        figures = {"same_bytes": float(found[0] == found[1])}
        figures |= {"seconds_1": taken[0], f"seconds_{RANKS}": taken[1]}
        figures |= {"vs_one_rank": taken[1] / taken[0], "rank1": json.loads(found[0])["rank1"]}
        show("megaface_ranks", figures, args.json)


if __name__ == "__main__":
    main()
