"""Two network namespaces as two hosts: torchrun over both, one cut off and back."""

import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import torch.distributed as torch_dist  # noqa: TID251

from models import comm
from tests.conftest import ROOT, command, done
from tests.train.test_train import PATIENCE, losses, settings, when_lines


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


@contextmanager
def two_hosts():
    """Names of two namespaces with one cable: its ends are `cable`, at 10.77.0.1 and 10.77.0.2."""
    if os.geteuid() != 0 or not shutil.which("ip"):
        pytest.skip("network namespaces need root and the command ip (iproute2)")
    names = [f"host{os.getpid()}{end}" for end in "ab"]
    try:
        try:
            for name in names:
                ip("netns", "add", name)
            ip("link", "add", "cable", "netns", names[0], "type", "veth", "peer", "cable",
               "netns", names[1])  # fmt: skip
        except subprocess.CalledProcessError as error:
            pytest.skip(f"no network namespaces here: {error.stderr.strip()}")
        for number, name in enumerate(names, start=1):
            ip("-n", name, "addr", "add", f"10.77.0.{number}/24", "dev", "cable")
            ip("-n", name, "link", "set", "cable", "up")
            ip("-n", name, "link", "set", "lo", "up")
        yield names
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True)


@contextmanager
def torchrun_on(names, *words):
    """`torchrun -m words...` on each host, one process a host."""
    runs = []
    for number, name in enumerate(names, start=1):
        launch = ["ip", "netns", "exec", name, sys.executable, "-m", "torch.distributed.run"]
        launch += ["--nnodes=2", "--nproc-per-node=1", "--max-restarts=9", "--rdzv-id=two"]
        launch += ["--rdzv-backend=c10d", "--rdzv-endpoint=10.77.0.1:29400"]
        launch += [f"--rdzv-conf=is_host={2 - number}"]  # it looks for it by the host's name
        launch += [f"--local-addr=10.77.0.{number}", "-m", *map(str, words)]
        environment = os.environ | {"GLOO_SOCKET_IFNAME": "cable"}
        runs.append(
            subprocess.Popen(launch, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
        )
    try:
        yield runs
    finally:
        for run in runs:
            run.kill()


def names_of(store, world, first):
    """What ranks started together go by, those of `first` a moment before the others."""
    with ThreadPoolExecutor(world) as pool:
        told = {r: pool.submit(comm._name_of_attempt, store, r, world) for r in first}
        time.sleep(0.2)
        for r in set(range(world)) - set(first):
            told[r] = pool.submit(comm._name_of_attempt, store, r, world)
        return [told[r].result(timeout=20) for r in range(world)]


def test_ranks_started_again_do_not_go_by_the_name_of_those_that_died():
    store, seen = torch_dist.HashStore(), set()
    for first in ([0], [1, 2], [0, 2], [2]):  # after the first time an old name is there
        (name,) = set(names_of(store, 3, first))
        assert name not in seen
        seen.add(name)


@pytest.mark.slow
def test_a_host_that_is_cut_off_and_back_goes_on_from_the_checkpoint(people, tmp_path):
    whole, out = tmp_path / "whole", tmp_path / "two"
    longer = {"epochs": 16.0, "checkpoint_epochs": 4.0, "timeout_minutes": 0.05}
    with two_hosts() as names:
        file = settings(people, out, **longer)
        with torchrun_on(names, "train", "--config", file, "--resume") as runs:
            when_lines(out, 15)
            ip("-n", names[1], "link", "set", "cable", "down")
            time.sleep(6)  # longer than a rank waits
            reached = (out / "log.jsonl").read_text().count("\n")
            ip("-n", names[1], "link", "set", "cable", "up")
            told = [run.communicate(timeout=PATIENCE)[1] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], told
    assert 15 <= reached < 48  # it did not end before
    assert any("Timed out" in text or "timed out" in text.lower() for text in told)
    done(command("train", "--config", settings(people, whole, **longer), ranks=2))
    assert losses(out) == losses(whole)
