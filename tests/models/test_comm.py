"""Which device a process takes, on hosts that are not this one."""

import pytest
import torch

from models.comm import pick_device


def test_more_processes_than_gpus_are_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(ValueError, match=r"^cuda:2: this host has 2 GPU\(s\); start fewer"):
        pick_device("auto")


def test_no_gpu_is_refused_and_no_device_either():
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="has no CUDA; use cpu"):
            pick_device("cuda:1")
    with pytest.raises(ValueError, match="expected auto, cpu, cuda or cuda:N"):
        pick_device("gpu")
