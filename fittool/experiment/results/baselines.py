"""What needs no network: the commonest class or the mean, and a linear model of the same inputs.

A network that is no better than these has learnt nothing that is worth it. Rules that keep the cost small are counts, not
clocks, so that a run with the same seed tells the same:

- Nothing is told after a training of fewer than `LEAST_STEPS` steps; `evaluate` does it then.
- At most `MOST_SAMPLES` samples, drawn at random, train the line. Of data that are decoded anew each time, at most a twentieth
  of what the training decoded is, those that are measured included; else there is no line.
- Images are averaged to at most `MOST_FEATURES` numbers first, which is linear too. Where a step of all classes would still
  cost too much, there is no line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fittool import rng
from fittool.data.dataset import Dataset
from fittool.engines.settings import EngineSetting
from fittool.experiment.results.figures import class_numbers
from fittool.experiment.results.linear_model import Features, fit_classes, fit_numbers

Kind = Literal["classes", "labels", "numbers"]
Numbers = NDArray[np.float64]
LEAST_STEPS = 200
MOST_SAMPLES = 10_000
_SHARE_OF_DECODING = 20
_LEAST_SAMPLES = 20
_PIECE = 256
_NAMES: dict[Kind, tuple[str, str]] = {
    "classes": ("accuracy", "the commonest class"),
    "labels": ("accuracy", "the commoner answer"),
    "numbers": ("R²", "the mean"),
}


@dataclass(frozen=True)
class Task:
    """What is learnt, as far as baselines must know it.

    Attributes:
        kind: Classes, labels that hold or not, or numbers.
        train, measured: The samples to learn from, and those that are measured.
        classes: How many classes there are.
        engine: What fits the line.
        seed: The run's.
        tokens: The number of tokens, where the only input is a sequence of their numbers; else None.
        decoded: How many samples the training has decoded; None where that costs nothing.
    """

    kind: Kind
    train: Dataset
    measured: Dataset
    classes: int
    engine: EngineSetting
    seed: int
    tokens: int | None = None
    decoded: int | None = None


@dataclass(frozen=True)
class Baselines:
    """What the baselines reach.

    Attributes:
        kind: As of the task.
        constant: The figure of the commonest class or the mean: accuracy, or R².
        line: That of a linear model; None where none was fitted.
        samples: How many samples were measured.
        trained_on: How many samples the line was fitted to.
        variance: Of the one number to predict, among those measured; None for classes, labels and several numbers.
    """

    kind: Kind
    constant: float
    line: float | None
    samples: int
    trained_on: int = 0
    variance: float | None = None

    @property
    def metric(self) -> str:
        """What is compared: `accuracy`, or `R²`."""
        return _NAMES[self.kind][0]

    def sentence(self, network: float | None) -> str:
        """Such as `accuracy 0.9560; a line 0.9810, the commonest class 0.6320`."""
        line = [] if self.line is None else [f"a line {self.line:.4f}"]
        others = ", ".join([*line, f"{_NAMES[self.kind][1]} {self.constant:.4f}"])
        if network is None:
            return f"{self.metric} without a network: {others}"
        return f"{self.metric} {network:.4f}; {others}"

    def verdict(self, network: float | None) -> str:
        """The sentence that says that the network was not worth it; "" where it was."""
        if network is None:
            return ""
        if network <= self.constant:
            return f"The network is no better than {_NAMES[self.kind][1]}: it has learnt nothing that helps on these data."
        if self.line is not None and network < self.line:
            return f"The network is worse than a line: {self.metric} {network:.4f} against {self.line:.4f}."
        return ""

    def plain(self, network: float | None) -> dict[str, Any]:
        """All of it as plain data."""
        return {
            "metric": self.metric,
            "network": network,
            "line": self.line,
            "constant": self.constant,
            "samples": self.samples,
            "trained_on": self.trained_on,
            "sentence": self.sentence(network),
            "verdict": self.verdict(network),
        }

    def stored(self) -> dict[str, Any]:
        """What a run keeps."""
        return dict(vars(self))

    @classmethod
    def restored(cls, stored: Mapping[str, Any]) -> Baselines | None:
        """What a run kept; None where it is nothing that fittool wrote."""
        try:
            found = cls(**stored)
        except TypeError:
            return None
        is_whole = all(isinstance(one, int | float) for one in (found.constant, found.samples))
        return found if found.kind in _NAMES and is_whole else None


def baselines(task: Task) -> Baselines | None:
    """Measure the baselines; None where there is nothing to count.

    Where a line would cost too much, only labels are looked at that are known without loading a sample.
    """
    chosen = _samples_of(task)
    if chosen is None:
        return _constant_alone(task)
    features = Features(task.tokens)
    x, y = _loaded(task.train, chosen, features)
    measured, truth = _loaded(task.measured, np.arange(len(task.measured)), features)
    if task.kind == "labels" and not np.isin(y, (0, 1)).all():
        return None  # shares, as of an autoencoder, of which none is right or wrong
    constant = _constant(task, y, truth)
    line = _line(task, features, (x, y), (measured, truth))
    variance = float(truth.var()) if task.kind == "numbers" and truth.shape[1] == 1 else None
    return Baselines(task.kind, constant, line, len(truth), len(chosen) if line is not None else 0, variance)


def _samples_of(task: Task) -> NDArray[np.int64] | None:
    """Which samples the line is fitted to; None where even the least number costs too much."""
    count = min(len(task.train), MOST_SAMPLES)
    if task.decoded is not None:
        count = min(count, task.decoded // _SHARE_OF_DECODING - len(task.measured))
    if count < min(_LEAST_SAMPLES, len(task.train)):
        return None
    if count == len(task.train):
        return np.arange(count)
    return np.sort(rng.permuted(task.seed, "baseline", positions=np.arange(count), size=len(task.train)))


def _loaded(data: Dataset, indices: NDArray[np.int64], features: Features) -> tuple[NDArray[np.float32], Numbers]:
    """Features (N, D) and targets (N, …) of some samples."""
    pieces = [data.load(indices[start : start + _PIECE]) for start in range(0, len(indices), _PIECE)]
    found = np.concatenate([features.of(inputs) for inputs, _, _ in pieces])
    return found, np.concatenate([targets[0].reshape(len(targets[0]), -1) for _, targets, _ in pieces]).astype(np.float64)


def _constant_alone(task: Task) -> Baselines | None:
    labels = [data.labels() for data in (task.train, task.measured)]
    if task.kind != "classes" or labels[0] is None or labels[1] is None or not len(labels[1]):
        return None
    return Baselines("classes", _constant(task, labels[0][:, None], labels[1][:, None]), None, len(labels[1]))


def _constant(task: Task, y: NDArray[Any], truth: NDArray[Any]) -> float:
    """The figure of the commonest class of the targets y (N, …), or of their mean, on the truth (M, …)."""
    if task.kind == "classes":
        commonest = np.bincount(np.clip(class_numbers(y), 0, None), minlength=task.classes).argmax()
        return float((class_numbers(truth) == commonest).mean())
    if task.kind == "labels":
        return float(((truth > 0) == ((y > 0).mean(axis=0) > 1 / 2)).mean())
    return explained(truth, np.broadcast_to(y.mean(axis=0), truth.shape))


def _line(
    task: Task, features: Features, train: tuple[NDArray[np.float32], Numbers], measured: tuple[NDArray[np.float32], Numbers]
) -> float | None:
    """The figure of a linear model; None where it would take too long."""
    (x, y), (others, truth) = train, measured
    if task.kind == "numbers":
        predicted = fit_numbers(x, y, others)
        return None if predicted is None else explained(truth, predicted)
    targets = class_numbers(y) if task.kind == "classes" else (y > 0)
    scores = fit_classes(x, targets, others, task.classes, task.engine, task.seed)
    if scores is None:
        return None
    if task.kind == "classes":
        return float((scores.argmax(axis=1) == class_numbers(truth)).mean())
    return float(((scores > 1 / 2) == (truth > 0)).mean())


def explained(truth: NDArray[Any], predicted: NDArray[Any]) -> float:
    """R²: the share of the variance of numbers (N, T) that predictions explain, the mean over T; 0 for one that does not vary."""
    truth = np.asarray(truth, np.float64)
    spread = ((truth - truth.mean(axis=0)) ** 2).sum(axis=0)
    squares = ((truth - predicted) ** 2).sum(axis=0)
    return float(np.where(spread > 0, 1 - squares / np.where(spread > 0, spread, 1.0), 0.0).mean())
