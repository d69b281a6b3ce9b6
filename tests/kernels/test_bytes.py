"""The same bytes with every instruction set that this processor has, and with any number of threads."""

from __future__ import annotations

import hashlib
import itertools
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fittool as ft
from fittool.data.batch import Batch
from fittool.engines.numpy_engine import NumpyEngine
from fittool.kernels.compiling import sets_of
from fittool.kernels.library import find_library
from fittool.nn.losses import SparseCategoricalCrossentropy
from fittool.nn.optimizers import Adam
from fittool.runs.directory import RunDirectory

OTHER_PYTHON = os.environ.get("FITTOOL_OTHER_PYTHON", "")
"""A Python with another release of NumPy, and whatever else fittool and pytest need."""
SETS = [one.name for one in sets_of(platform.machine()) if find_library(one.name)[0] is not None]
CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))
several = pytest.mark.skipif(len(SETS) < 2, reason="only one instruction set to compute with")


def dispatched() -> str:
    """The instructions that NumPy chooses while it runs, for NPY_DISABLE_CPU_FEATURES, which takes those of this processor."""
    try:
        from numpy._core import _multiarray_umath as features
    except ImportError:  # before NumPy 2
        from numpy.core import _multiarray_umath as features  # type: ignore[no-redef]
    return " ".join(name for name in features.__cpu_dispatch__ if features.__cpu_features__.get(name))


_NETWORK: list[Any] = [
    {"Rescaling": {"scale": 1 / 255}},
    {"Conv2D": {"filters": 10, "kernel_size": 3, "padding": "same", "activation": "relu"}},
    {"Conv2D": {"filters": 20, "kernel_size": 3, "strides": 2, "padding": "same", "use_bias": False}},
    "BatchNormalization",
    {"ReLU": {"name": "first"}},
    {"DepthwiseConv2D": {"kernel_size": 3, "padding": "same"}},
    {"BatchNormalization": {"name": "second"}},
    {"Add": {"inputs": ["first", "second"]}},
    "ReLU",
    "MaxPooling2D",
    {"Dropout": {"rate": 0.25}},
    "Flatten",
    {"Dense": {"units": 70, "activation": "relu"}},
    {"Dense": {"units": 10, "activation": "softmax"}},
]


def weights_after_steps(threads: int) -> str:
    """The digest of the weights of a network of every kernel, after some steps on random images."""
    graph = ft.Model(_NETWORK, input_shape=(19, 17, 3), seed=3).graph
    options: dict[str, Any] = {"loss": SparseCategoricalCrossentropy(), "optimizer": Adam(learning_rate=0.01)}
    engine = NumpyEngine(graph, seed=3, threads=threads, kernels="native", **options)
    rng = np.random.default_rng(0)
    for count in (40, 40, 7, 40):
        images = rng.integers(0, 256, (count, 19, 17, 3), dtype=np.uint8)
        engine.train_step(Batch((images,), (rng.integers(0, 10, count),)))
    engine.close()
    return hashlib.sha256(engine._store.trainable.tobytes() + engine._store.fixed.tobytes()).hexdigest()


@pytest.mark.skipif(not SETS, reason="no kernels")
def test_any_instruction_set_and_number_of_threads_gives_the_same_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    found = set()
    for name, threads in itertools.product(SETS, (1, 2, 3, 5)):
        monkeypatch.setenv("FITTOOL_INSTRUCTION_SET", name)
        found.add(weights_after_steps(threads))
    assert len(found) == 1


def trained(
    path: Path, run: Path, instructions: str, threads: int, python: str = sys.executable, **further: str
) -> dict[str, bytes]:
    """The weights of two epochs of an experiment, in a process of its own."""
    environment = {**os.environ, "FITTOOL_INSTRUCTION_SET": instructions, "OMP_NUM_THREADS": str(threads), **further}
    environment |= {"FITTOOL_KERNELS": "native", "FITTOOL_VIEW_METRICS": "false", "PYTHONPATH": str(CONFIGS[0].parents[1])}
    command = [python, "-m", "fittool", "train", str(path), "--run-dir", str(run), "--quiet"]
    epochs = "train.0.epochs=2" if path.stem in _IN_STAGES else "train.epochs=2"
    subprocess.run([*command, "--set", epochs], check=True, env=environment, capture_output=True, cwd=run.parent)
    tensors = RunDirectory.open(run).checkpoints.load("last.safetensors").tensors
    return {name: array.tobytes() for name, array in tensors.items()}


_IN_STAGES: set[str] = set()
"""Experiments whose training is a list."""


@pytest.mark.long
@pytest.mark.timeout(1800)
@several
@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_experiment_gives_the_same_weights(path: Path, tmp_path: Path) -> None:
    runs = [trained(path, tmp_path / f"{name}{threads}", name, threads) for name in SETS for threads in (1, 2, 3, 5)]
    others = {"plain": {"NPY_DISABLE_CPU_FEATURES": dispatched(), "OPENBLAS_CORETYPE": "Haswell"}}
    others |= {"other": {"python": OTHER_PYTHON}} if OTHER_PYTHON else {}
    runs += [trained(path, tmp_path / name, SETS[0], 1, **variables) for name, variables in others.items()]
    assert all(one == runs[0] for one in runs[1:])
