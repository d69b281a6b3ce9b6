"""Memory that steps free and take again stays with the process, and goes back when the engine is closed."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytest.importorskip("torch")

SCRIPT = """
import resource, sys
import numpy as np
from fittool.data.batch import Batch
from fittool.engines.settings import Torch
from fittool.engines.torch_engine import TorchEngine
from fittool.nn import layers as nn
from fittool.nn.graph import Graph
from fittool.nn.losses import MeanSquaredError
from fittool.nn.optimizers import SGD

layers = [nn.Conv2D(8, 3, padding="same"), nn.BatchNormalization(), nn.ReLU(), nn.GlobalAveragePooling2D(), nn.Dense(1)]
engine = TorchEngine(
    Graph.build(layers, {"x": (64, 64, 3)}), Torch("cpu", threads=1), loss=MeanSquaredError(), optimizer=SGD(0.0),
    target_shape=(1,),
)
batch = Batch((np.zeros((64, 64, 64, 3), np.uint8),), (np.zeros((64, 1), np.float32),))

def held():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()

for _ in range(5):
    engine.train_step(batch)
before, high = resource.getrusage(resource.RUSAGE_SELF).ru_minflt, held()
for _ in range(5):
    engine.train_step(batch)
faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
engine.close()
print(faults * resource.getpagesize(), high - held())
"""
VALUES = 64 * 64 * 64 * 8 * 4
"""Bytes of what one layer gives; a step takes several of these."""


def faults_and_given_back(**environment: str) -> tuple[int, int]:
    """Bytes that five steps had to fetch from the system, and bytes that closing the engine gave back."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT], capture_output=True, text=True, check=True, env={**kept, **environment}
    )
    faults, given_back = map(int, done.stdout.split())
    return faults, given_back


@pytest.mark.skipif(sys.platform != "linux" or "glibc" not in os.confstr("CS_GNU_LIBC_VERSION"), reason="glibc alone does so")
def test_steps_fetch_no_memory_anew_and_closing_gives_it_back() -> None:
    faults, given_back = faults_and_given_back()
    assert faults < 3 * VALUES  # a layer or two may find another place than before
    assert given_back > 2 * VALUES
    own, _ = faults_and_given_back(MALLOC_TRIM_THRESHOLD_="131072")  # who sets a limit keeps it
    assert own > 10 * VALUES
