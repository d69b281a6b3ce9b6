"""What the tests of runs share: small checkpoints, children running Python, and disks that fail on demand."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from fittool.runs.directory import RunDirectory

ROOT = Path(__file__).parents[2]


@pytest.fixture
def tensors() -> dict[str, np.ndarray]:
    return {
        "weights/dense/kernel": np.arange(6, dtype=np.float32).reshape(2, 3),
        "weights/dense/bias": np.zeros(3, np.float32),
        "optimizer/iterations": np.array(7, np.int64),
    }


@pytest.fixture
def run(tmp_path: Path) -> Iterator[RunDirectory]:
    with RunDirectory.create(tmp_path, "digits") as run:
        run.write_experiment("name: digits\n")
        run.write_environment({"seed": 7})
        yield run


@pytest.fixture
def child() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start Python with code that may import fittool; whatever still lives at the end of the test is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(code: str, *arguments: object) -> subprocess.Popen[str]:
        environment = os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
        command = [sys.executable, "-c", code, *map(str, arguments)]
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environment))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def failing_fsync(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[int]]:
    """Make the given calls of fsync (counted from 1; none: all) fail; the list grows with each that did."""

    def install(number: int = errno.EIO, calls: tuple[int, ...] = ()) -> list[int]:
        fired: list[int] = []
        real, count = os.fsync, iter(range(1, 1000))

        def fsync(descriptor: int) -> None:
            call = next(count)
            if not calls or call in calls:
                fired.append(call)
                raise OSError(number, os.strerror(number))
            real(descriptor)

        monkeypatch.setattr(os, "fsync", fsync)
        return fired

    return install
