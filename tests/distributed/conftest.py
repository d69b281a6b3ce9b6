"""Processes of PyTorch's. Where it is not installed, tests that need it are skipped."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from faults.jobs import Job

if find_spec("torch") is not None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what it says while it is imported is not ours
        import torch
    torch.set_num_threads(1)


@pytest.fixture
def job(tmp_path: Path) -> Callable[..., Job]:
    """Writes the small experiment, changed or not; needs PyTorch."""
    pytest.importorskip("torch")
    return lambda *changes, **options: Job.made(tmp_path, *changes, **options)
