"""The other side of `benchmarks.record_speed`: MXNet, in its own environment, does as it is told.

    .venv-mxnet/bin/python benchmarks/peers/mxnet_records.py PREFIX KEYS TREE

PREFIX is a record set, KEYS a file of its image keys in the order to be read, TREE a folder of
images. For each line `random`, `sequential`, `pack` or `pack2` on standard input it does that once
and prints the seconds it took. `pack` is MXNet's own im2rec.py from its wheel, list and records, at
its fastest: --pass-through, which copies the files, from one thread (`pack2`: two processes).
"""

import contextlib
import io
import os
import runpy
import sys
import tempfile
import time
from pathlib import Path

import mxnet
from mxnet import recordio

IM2REC = Path(mxnet.__file__).parent / "tools/im2rec.py"


def read_random(records: recordio.MXIndexedRecordIO, keys: list[int]) -> None:
    for key in keys:
        recordio.unpack(records.read_idx(key))


def read_sequential(prefix: str) -> None:
    records = recordio.MXRecordIO(f"{prefix}.rec", "r")
    while (record := records.read()) is not None:
        recordio.unpack(record)
    records.close()


def pack(tree: str, threads: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        prefix = f"{folder}/train"
        make_list = [prefix, tree, "--list", "--recursive"]
        for words in (make_list, [prefix, tree, "--pass-through", f"--num-thread={threads}"]):
            sys.argv = [str(IM2REC), *words]
            with contextlib.redirect_stdout(io.StringIO()):
                runpy.run_path(str(IM2REC), run_name="__main__")


def main() -> None:
    prefix, keys_file, tree = sys.argv[1:]
    keys = [int(word) for word in Path(keys_file).read_text().split()]
    records = recordio.MXIndexedRecordIO(f"{prefix}.idx", f"{prefix}.rec", "r")
    jobs = {
        "random": lambda: read_random(records, keys),
        "sequential": lambda: read_sequential(prefix),
        "pack": lambda: pack(tree, 1),
        "pack2": lambda: pack(tree, 2),
    }
    # im2rec's workers print too: only these answers may reach whoever asks.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    for line in sys.stdin:
        began = time.perf_counter()
        jobs[line.strip()]()
        print(time.perf_counter() - began, file=answers, flush=True)


if __name__ == "__main__":
    main()
