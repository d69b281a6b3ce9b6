"""A small experiment on numbers that can be learnt in milliseconds, and what the tests change in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fittool.config.experiment_file import load_experiment
from fittool.experiment.train import Run, TrainOptions, train_experiment

TEXT = """\
seed: 3
data: {{train: {{npz: {{path: numbers.npz}}}}}}
model:
  layers: [{{Dense: {{units: 4, activation: tanh, name: first}}}}, {{Dense: {{units: 2, activation: softmax, name: last}}}}]
compile: {{optimizer: {optimizer}, loss: sparse_categorical_crossentropy, metrics: [accuracy]}}
train: {train}
{more}
"""


def written(folder: Path, train: str, more: str = "", optimizer: str = "{SGD: {learning_rate: 0.1, momentum: 0.9}}") -> Path:
    """The experiment as a file, with its data beside it."""
    numbers = np.random.default_rng(0).normal(size=(24, 3)).astype(np.float32)
    np.savez(folder / "numbers.npz", x=numbers, y=(numbers.sum(axis=1) > 0).astype(np.int64))
    path = folder / "experiment.yaml"
    path.write_text(TEXT.format(train=train, more=more, optimizer=optimizer))
    return path


def trained(path: Path, run: str = "run", **options: object) -> Run:
    """Train it in the folder `run` beside it."""
    return train_experiment(load_experiment(path), TrainOptions(path.parent / run, quiet=True, **options))


def weights(run: Run, name: str = "last") -> dict[str, np.ndarray]:
    """The arrays of a checkpoint."""
    from fittool.runs.checkpoint import load_checkpoint

    return dict(load_checkpoint(run.directory / "checkpoints" / f"{name}.safetensors").tensors)
