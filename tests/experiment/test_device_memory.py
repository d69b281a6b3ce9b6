"""Memory of the device: told by `check` before a training, and by a training that has too little."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fittool.runs.directory import RunDirectory

Write = Callable[..., Path]
ROOT = Path(__file__).parents[2]
EXPERIMENT = """\
name: large
seed: 3
engine: {torch: {device: cpu, threads: 1}}
data: {train: {synthetic: {samples: 1200, shape: [32, 32, 3], classes: 3}}}
model:
  layers:
    - Rescaling: {scale: 1/255}
    - Conv2D: {filters: 64, kernel_size: 3, padding: same}
    - GlobalAveragePooling2D
    - Dense: {units: 3, activation: softmax}
compile: {optimizer: adam, loss: sparse_categorical_crossentropy}
train:
- {mode: fit, epochs: 1, batch_size: 50}
- {mode: fit, epochs: 1, batch_size: 1200}
callbacks: [LambdaCallback: {on_epoch_end: "limit:limit"}]
"""
LIMIT = """\
import resource


def limit(epoch, logs):
    pages = int(open("/proc/self/statm").read().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + (100 << 20),) * 2)
"""
"""From the end of the first epoch on, 100 MiB are left; the second stage's first step wants 300."""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs to know how much memory a process has")
def test_a_step_without_memory_ends_with_what_to_set_and_a_whole_checkpoint(write: Write) -> None:
    pytest.importorskip("torch")
    path = write(text=EXPERIMENT)
    (path.parent / "limit.py").write_text(LIMIT)
    done = subprocess.run(
        [sys.executable, "-m", "fittool", "train", path.name, "--run-dir", "run"],
        cwd=path.parent, capture_output=True, text=True, timeout=300,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "FITTOOL_VIEW_METRICS": "false"},
    )  # fmt: skip
    assert done.returncode == 6, done.stderr
    told = "A training step of 1,200 samples does not fit in the memory of cpu, of which the limit of this process"
    assert f"{told} (ulimit -v) leaves" in done.stderr
    assert "Set a smaller train.batch_size" in done.stderr
    last = RunDirectory.open(path.parent / "run").checkpoints.load("last.safetensors")
    assert last.facts.epoch == 1


def test_check_tells_what_a_training_takes(write: Write, fittool: Any) -> None:
    pytest.importorskip("torch")
    path = write(text=EXPERIMENT.replace('callbacks: [LambdaCallback: {on_epoch_end: "limit:limit"}]', ""))
    done = fittool("check", path)
    assert done.code == 0, done.err
    (line,) = [line for line in done.out.splitlines() if "in the memory of cpu" in line]
    assert line.strip().startswith("needs about ") and "activations" in line and "gradients" in line
    assert "warning" not in done.err
    done = fittool("check", path, "--set", "engine.torch.precision=bf16", "--set", "train.1.batch_size=50")
    assert "MiB" in done.out


def test_check_warns_of_a_batch_that_cannot_fit(write: Write, fittool: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    from fittool.engines.torch_engine.memory import estimate

    monkeypatch.setattr(estimate, "free_memory", lambda device: 100 << 20)
    path = write(text=EXPERIMENT.replace('callbacks: [LambdaCallback: {on_epoch_end: "limit:limit"}]', ""))
    done = fittool("check", path)
    assert done.code == 0
    assert "A batch of 1,200 samples seems too large: it needs about " in done.err
    assert "Set a smaller train.batch_size, engine.torch.precision: bf16, engine.torch.recompute: ['*']" in done.err
