"""What `evaluate` keeps of a run: `evaluation.json`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.data.sources import CsvSource
from fittool.experiment.answers.decisions import decide, decisions_of
from fittool.experiment.answers.decoding import decode
from fittool.experiment.evaluate import Measured
from fittool.experiment.results.figures import calibration_of, class_numbers, figures_of
from fittool.experiment.results.samples import MeasuredSamples
from fittool.experiment.trained_run import TrainedRun
from fittool.results.bootstrap import LEVEL, METHOD, RESAMPLES, Interval
from fittool.runs.files.atomic import atomic_write
from fittool.runs.files.json_text import to_json
from fittool.runs.paths import RunPaths

FORMAT = 1


def evaluation_of(run: TrainedRun, data: str, measured: Measured) -> dict[str, Any]:
    """The content of evaluation.json, but for the baselines.

    Args:
        run: What was measured.
        data: What it was measured on: `validation`, `train`, or the name of other data.
        measured: Loss and metrics, and what they were made of.
    """
    facts, samples = run.checkpoint.facts, measured.samples
    described = {
        "format": FORMAT,
        "run": run.directory.id,
        "data": data,
        "checkpoint": run.checkpoint.path.name.removesuffix(".safetensors"),
        "epoch": facts.epoch,
        "metrics": {name: _with_interval(value, measured.intervals.get(name)) for name, value in measured.values.items()},
        "interval": {"level": LEVEL, "method": METHOD, "resamples": RESAMPLES, "samples": len(samples)},
    }
    if not len(samples):
        return described
    answers = decide(run, _by_name(run, samples), samples.targets)
    chosen = decisions_of(run)
    read: dict[str, Any] = {}
    if chosen is not None:
        read = {"thresholds": dict(chosen.thresholds), "temperature": chosen.temperature}
        if chosen.temperature != 1 and answers.kind == "classes":
            truth = class_numbers(samples.targets[0])
            read["calibration_before"] = calibration_of(truth, next(iter(decode(run, _by_name(run, samples)).outputs.values())))
    figures = figures_of(answers, samples.targets)
    if answers.names is None and len(figures.get("targets", ())) == 1 and (label := _only_label(run)) is not None:
        figures["targets"] = [{**figures["targets"][0], "name": label}]
    return described | read | figures


def _only_label(run: TrainedRun) -> str | None:
    """The column of the table that is predicted, where it is one."""
    source = run.loaded.experiment.data.train
    labels = source.label if isinstance(source, CsvSource) else None
    return labels[0] if labels is not None and len(labels) == 1 else None


def _by_name(run: TrainedRun, samples: MeasuredSamples) -> dict[str, NDArray[np.float32]]:
    return dict(zip(run.graph.outputs, samples.outputs, strict=True))


def _with_interval(value: float, interval: Interval | None) -> dict[str, float | None]:
    return {
        "value": value,
        "low": None if interval is None else interval.low,
        "high": None if interval is None else interval.high,
    }


def keep_evaluation(run: TrainedRun, evaluation: Mapping[str, Any]) -> str | None:
    """Write evaluation.json; returns a warning or None.

    Raises:
        StorageError: It cannot be written.
    """
    return keep_evaluation_in(run.directory.paths.root, evaluation)


def keep_evaluation_in(folder: Path, evaluation: Mapping[str, Any]) -> str | None:
    """Write evaluation.json of a run or of several that belong together; warning and error as of `keep_evaluation`."""
    return atomic_write(RunPaths(folder).evaluation, [to_json(evaluation, indent=2), b"\n"])
