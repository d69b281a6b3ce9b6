"""Puts an experiment's trainer together: engine, stages, callbacks, recorder, display."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, cast

from fittool.callbacks.base import Callback, CallbackContext
from fittool.callbacks.progbar_logger import ProgbarLoggerCallback
from fittool.config.experiment_file import LoadedExperiment
from fittool.data.user_code.functions import load_function
from fittool.engines.numpy_engine import NumpyEngine
from fittool.errors import FittoolError, UsageError
from fittool.experiment.building.callbacks import build_callbacks_of
from fittool.experiment.building.prepare import Prepared
from fittool.experiment.building.stages import stages_of
from fittool.experiment.options import TrainOptions
from fittool.nn.objectives import directions
from fittool.report.live_page import live_page, machine_default
from fittool.runs.directory import RunDirectory
from fittool.training.display.progress import Progress, Verbose
from fittool.training.history import Row
from fittool.training.recording.callback_weights import CallbackWeights
from fittool.training.recording.run_recorder import RunRecorder
from fittool.training.stages import ExchangeableEngine
from fittool.training.trainer import Trainer

_LEVELS: dict[str, Verbose] = {"auto": "auto", "0": 0, "1": 1, "2": 2}


def verbosity(loaded: LoadedExperiment, options: TrainOptions) -> Verbose:
    """How much is shown: `--quiet`, then `--verbose`, then the file, then FITTOOL_VERBOSE.

    Raises:
        UsageError: FITTOOL_VERBOSE is none of the levels.
    """
    default = os.environ.get("FITTOOL_VERBOSE") or "auto"
    if default not in _LEVELS:
        raise UsageError(f"FITTOOL_VERBOSE must be auto, 0, 1 or 2, got {default}.")
    if options.quiet:
        return 0
    if options.verbose is not None:
        return _LEVELS[options.verbose]
    written = loaded.experiment.first.verbose
    if written != "auto":
        return cast("Literal[0, 1, 2]", written)
    return _LEVELS[default]


def trainer_of(
    prepared: Prepared,
    engine: ExchangeableEngine[NumpyEngine],
    directory: RunDirectory,
    progress: Progress,
    interruption: Callable[[], FittoolError | None],
    options: TrainOptions,
    *,
    rows: Sequence[Row] = (),
    kept: CallbackWeights | None = None,
) -> Trainer:
    """The trainer of an experiment in its run directory.

    Args:
        prepared: Data and network.
        engine: Does the steps.
        directory: The run.
        progress: Shows it.
        interruption: Asked after each step; the error that it gives ends the training.
        options: What a command line adds.
        rows: The rows of the epochs that are finished, when a run goes on.
        kept: The weights that its callbacks kept, when it goes on.

    Raises:
        ExperimentError: A callback, a loop or a pattern of layers does not fit.
    """
    experiment = prepared.loaded.experiment
    surroundings = CallbackContext(directory.paths.root, _function)
    stages = stages_of(prepared, surroundings, engine, smoke=options.smoke)
    epochs = sum(stage.plan.epochs for stage in stages)
    recorder = RunRecorder(
        directory,
        epochs,
        every_seconds=experiment.output.checkpoint.seconds,
        every_steps=experiment.output.checkpoint.steps,
        model=prepared.identity,
        class_names=prepared.class_names,
        architecture=prepared.architecture,
        rows=rows,
        kept=kept,
    )
    return Trainer(
        engine,
        stages[0].train,
        stages[0].validation,
        _callbacks(prepared, surroundings, directory, epochs, options),
        stages[0].plan,
        directions=directions(prepared.objectives),
        recorder=recorder,
        progress=progress,
        stop_on_divergence=True,
        interruption=interruption,
        header=_header(prepared, engine.engine),
        stages=stages,
    )


def _callbacks(
    prepared: Prepared, surroundings: CallbackContext, directory: RunDirectory, epochs: int, options: TrainOptions
) -> list[Callback]:
    """The experiment's callbacks, and the live page, which comes last."""
    experiment = prepared.loaded.experiment
    callbacks = build_callbacks_of(prepared.loaded, experiment.callbacks, ("callbacks",), surroundings)
    if options.quiet:
        callbacks = [callback for callback in callbacks if not isinstance(callback, ProgbarLoggerCallback)]
    page = live_page(view_metrics(prepared.loaded), directory.paths.report, cast("str", experiment.name), epochs)
    return callbacks if page is None else [*callbacks, page]


def view_metrics(loaded: LoadedExperiment) -> bool | Literal["auto"]:
    """Whether there is a live page: the file, then FITTOOL_VIEW_METRICS."""
    written = loaded.experiment.first.view_metrics
    return machine_default() if written == "auto" else written


def _function(reference: str) -> Callable[..., Any]:
    return load_function(reference, Path())


def _header(prepared: Prepared, engine: NumpyEngine) -> str:
    """`digits   numpy, 2 threads   seed 7   1,437 to train, 360 to validate   22,346 parameters`."""
    experiment = prepared.loaded.experiment
    threads = f"{engine.threads} thread{'s' * (engine.threads > 1)}"
    parts = [
        cast("str", experiment.name),
        f"{experiment.engine.public_name()}, {threads}",
        f"seed {experiment.seed}",
        _amounts(prepared),
        f"{prepared.graph.parameter_count:,} parameters",
    ]
    return "   ".join(part for part in parts if part)


def _amounts(prepared: Prepared) -> str:
    amounts = []
    for data, purpose in ((prepared.train, "train"), (prepared.validation, "validate")):
        size = getattr(data, "samples", None) if not hasattr(data, "__len__") else len(cast("Any", data))
        if size is not None:
            amounts.append(f"{size:,} to {purpose}")
    return ", ".join(amounts)
