"""Choosing where probabilities become answers: thresholds by a criterion, a temperature by the logarithmic loss."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.errors import ExperimentError, UsageError
from fittool.experiment.answers.decisions import Decisions, calibrated, decisions_of
from fittool.experiment.answers.decoding import Answers, are_yes_or_no, decode
from fittool.experiment.evaluate import Measured, measure
from fittool.experiment.results.figures import calibration_of, class_numbers, figures_of
from fittool.experiment.trained_run import TrainedRun
from fittool.results.calibration import Reliability, best_temperature, log_loss
from fittool.results.thresholds import FORMS, Criterion
from fittool.training.display.progress import Progress

_PAIR = 2


def choose_thresholds(
    run: TrainedRun,
    criterion: str,
    *,
    accept_changes: bool = False,
    warn: Callable[[str], object] = str,
    progress: Progress | None = None,
) -> Decisions:
    """Find the thresholds that are best on the validation data of a run.

    Args:
        run: The run with the checkpoint to use.
        criterion: What they are best by, as `Criterion.parse` takes it.
        accept_changes, warn, progress: As of `measure`.

    Raises:
        UsageError: There is no such criterion.
        ExperimentError: The run predicts neither one of two classes nor labels, or gives no probabilities.
    """
    wanted = Criterion.parse(criterion)
    if wanted is None:
        raise UsageError(f'--for "{criterion}" is none of {FORMS}.')
    measured = measure(run, accept_changes=accept_changes, warn=warn, progress=progress)
    answers = _answers(run, measured)
    kept = decisions_of(run) or Decisions(run.checkpoint.facts.epoch)
    ((name, output),) = answers.outputs.items()
    output = calibrated(answers, output, kept.temperature)
    names, truth = _yes_or_no(answers, measured)
    first = 0 if answers.kind == "labels" else 1
    found = {label: wanted.best(truth[:, at], output[:, at + first]) for at, label in enumerate(names)}
    chosen = dataclasses.replace(kept, criterion=wanted.name, thresholds=found, data="validation")
    plain = dataclasses.replace(answers, outputs={name: output})
    figures = {
        what: _short(figures_of(dataclasses.replace(plain, thresholds=limits), measured.samples.targets))
        for what, limits in (("before", None), ("after", chosen.applied(answers).thresholds))
    }
    return dataclasses.replace(chosen, figures={**kept.figures, "threshold": figures})


def choose_temperature(run: TrainedRun, measured: Measured, data: str) -> Decisions:
    """Find the temperature with the least logarithmic loss on what was measured; thresholds move with it.

    Raises:
        ExperimentError: The run gives no probabilities of classes or labels.
    """
    answers = decode_measured(run, measured)
    if not answers.are_probabilities or answers.kind == "numbers" or answers.names is None:
        raise ExperimentError("--calibrate needs a network whose outputs are probabilities of classes or labels.")
    (output,) = answers.outputs.values()
    pairs, truth = _as_pairs(answers, output, measured)
    temperature = best_temperature(truth, pairs)
    kept = decisions_of(run) or Decisions(run.checkpoint.facts.epoch)
    figures = {
        what: reliability_of(answers, calibrated(answers, output, degree), measured)
        for what, degree in (("before", 1.0), ("after", temperature))
    }
    moved = kept.with_temperature(temperature)
    return dataclasses.replace(moved, data=data, figures={**kept.figures, "temperature": figures})


def reliability_of(answers: Answers, output: NDArray[np.float32], measured: Measured) -> dict[str, Any]:
    """Logarithmic loss, calibration error and bins of probabilities (N, K); of labels of all of them together."""
    if answers.kind == "classes":
        return calibration_of(class_numbers(measured.samples.targets[0]), output)
    pairs, truth = _as_pairs(answers, output, measured)
    found = Reliability.of(truth == 1, pairs[:, 1])
    return {"of": "all labels", "log_loss": log_loss(truth, pairs), "error": found.error}


def decode_measured(run: TrainedRun, measured: Measured) -> Answers:
    """The answers of a run for what was measured, as its network gives them.

    Raises:
        ExperimentError: No samples were kept.
    """
    if not len(measured.samples):
        raise ExperimentError("The outputs of this network are too large for thresholds and calibration.")
    outputs = dict(zip(run.graph.outputs, measured.samples.outputs, strict=True))
    return decode(run, outputs, yes_or_no=are_yes_or_no(measured.samples.targets))


def _answers(run: TrainedRun, measured: Measured) -> Answers:
    answers = decode_measured(run, measured)
    is_pair = answers.kind == "classes" and answers.names is not None and len(answers.names) == _PAIR
    if not is_pair and answers.kind != "labels":
        told = f"one of {len(answers.names or ())} classes" if answers.kind == "classes" else "numbers"
        raise ExperimentError(f"A threshold is for one of two classes, or for labels that hold or not; this run predicts {told}.")
    if not answers.are_probabilities:
        raise ExperimentError("A threshold needs probabilities, but the outputs of this network are scores.")
    return answers


def _yes_or_no(answers: Answers, measured: Measured) -> tuple[tuple[str, ...], NDArray[np.bool_]]:
    """The labels, or the second of two classes, and (N, K) which samples they are true of."""
    targets: NDArray[Any] = measured.samples.targets[0]
    names = answers.names or ()
    if answers.kind == "labels":
        return names, targets.reshape(len(targets), -1) > 0
    return names[1:], (class_numbers(targets) == 1)[:, None]


def _as_pairs(answers: Answers, output: NDArray[np.float32], measured: Measured) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Probabilities (M, K) and class numbers (M,): of classes as they are, of each label whether it holds or not."""
    targets: NDArray[Any] = measured.samples.targets[0]
    if answers.kind == "classes":
        return output, class_numbers(targets)
    holds = (targets.reshape(len(targets), -1) > 0).reshape(-1).astype(np.int64)
    return np.stack([1 - output, output], axis=-1).reshape(-1, 2), holds


def _short(figures: dict[str, Any]) -> dict[str, Any]:
    """What is told of a threshold: accuracies, and precision, recall and F1 of each label or of the second class."""
    rows = figures["per_class"] if figures["kind"] == "labels" else figures["per_class"][1:]
    accuracies: dict[str, Any] = {name: figures[name] for name in ("accuracy", "balanced_accuracy") if name in figures}
    return {**accuracies, "per_class": [{name: row[name] for name in ("name", "precision", "recall", "f1")} for row in rows]}
