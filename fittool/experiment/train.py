"""Training an experiment into a run directory."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

from fittool.data.preprocessing import preprocessed
from fittool.data.user_batches import UserBatches
from fittool.data.user_code import load_function
from fittool.data.worker_output import WorkerOutput
from fittool.engines.numpy_engine import NumpyEngine
from fittool.errors import DataError, DivergedError, ExperimentError, Interrupted, UserCodeError
from fittool.experiment.blame import blaming
from fittool.experiment.initial_weights import start_from
from fittool.experiment.loading import loading_shown
from fittool.experiment.prepare import Prepared, prepare
from fittool.experiment.stages import stages_of
from fittool.nn.layers import Normalization
from fittool.nn.objectives import directions
from fittool.report.live_page import check_extra, live_page, machine_default
from fittool.runs.directory import RunDirectory
from fittool.runs.environment import describe_environment
from fittool.spec.experiment_file import LoadedExperiment
from fittool.training.adapt import adapt, adapting
from fittool.training.callbacks import started
from fittool.training.callbacks.base import Callback, Surroundings
from fittool.training.callbacks.progbar_logger import ProgbarLoggerAtWork
from fittool.training.history import History
from fittool.training.outcome import Outcome
from fittool.training.progress import Progress, Verbose, make_progress
from fittool.training.run_recorder import RunRecorder
from fittool.training.signals import StopSignals
from fittool.training.stages import ExchangeableEngine
from fittool.training.trainer import Trainer

_LEVELS: dict[str, Verbose] = {"auto": "auto", "0": 0, "1": 1, "2": 2}


@dataclass(frozen=True)
class TrainOptions:
    """What a command line adds to an experiment.

    Attributes:
        run_directory: Exactly this directory, instead of a new one below `output.dir`.
        smoke: One epoch of two training batches and one validation batch.
        verbose: Instead of the experiment's: `auto`, `0`, `1` or `2`.
        quiet: Show nothing.
        command: The command line, for the record.
    """

    run_directory: Path | None = None
    smoke: bool = False
    verbose: str | None = None
    quiet: bool = False
    command: tuple[str, ...] = field(default_factory=lambda: tuple(sys.argv))


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        directory: Where it is; gone again after a smoke run without a directory of its own.
        outcome: How it ended.
        history: The rows of its epochs.
        kept: Whether the directory is there.
    """

    directory: Path
    outcome: Outcome
    history: History
    kept: bool = True

    @property
    def values(self) -> Mapping[str, float]:
        """Loss and metrics of the best epoch, the one that `best.safetensors` holds."""
        return {} if self.outcome.best is None else self.outcome.best.row


def train_experiment(loaded: LoadedExperiment, options: TrainOptions | None = None) -> Run:
    """Train.

    Args:
        loaded: The experiment.
        options: What a command line adds.

    Raises:
        FittoolError: The one that says what went wrong. If training had begun, the run was recorded so.
    """
    options = TrainOptions() if options is None else options
    if view_metrics(loaded) is True:
        check_extra()
    verbose = verbosity(loaded, options)
    with ExitStack() as stack:
        output = stack.enter_context(WorkerOutput())
        given = _given_directory(options, stack)
        prepared = prepare(loaded, loading_shown(verbose))
        engine = ExchangeableEngine(prepared.engine())
        stack.callback(engine.close)
        _adapt(prepared, engine.engine)
        told = start_from(loaded, engine)
        signals = stack.enter_context(StopSignals())
        directory = _new_directory(loaded, options, stack) if given is None else given
        progress = make_progress(verbose)
        for warning in prepared.warnings:
            progress.say(f"warning: {warning}")
        trainer = _trainer(prepared, engine, directory, progress, signals, options)
        _write_beginning(prepared, directory, engine.engine.threads, options)
        output.goes_to(directory.log)
        for line in told:
            trainer.say(line)
        stack.enter_context(_dropped_unless_begun(directory, trainer))
        outcome = trainer.run()
        kept = not options.smoke or options.run_directory is not None
        if not kept:
            directory.discard()
    return Run(directory.path, outcome, trainer.history, kept)


def _adapt(prepared: Prepared, engine: NumpyEngine) -> None:
    """Let the layers that adapt see the training data; a generator may not have an end."""
    if isinstance(prepared.train, UserBatches):
        for node in adapting(prepared.graph):
            mend = "Give it mean and variance." if isinstance(node.layer, Normalization) else "Give data that can be counted."
            text = f"A {node.layer.public_name()} layer cannot adapt to a generator. {mend}"
            raise ExperimentError(prepared.loaded.problem(text, "model", "layers", node.index))
    else:
        adapt(prepared.graph, preprocessed(prepared.train, prepared.preprocess), engine)


@contextmanager
def _dropped_unless_begun(directory: RunDirectory, trainer: Trainer) -> Iterator[None]:
    """Removes the directory of a run whose mistake was found before its first step; says where a stopped one is."""
    start = trainer.position.step
    try:
        yield
    except Interrupted as stop:
        raise Interrupted(stop.signal_number, f"{stop} The state is saved in {directory.path}.") from stop
    except DivergedError as error:
        raise DivergedError(f"{error} The run is in {directory.path}.") from error
    except (ExperimentError, DataError, UserCodeError):
        if trainer.position.step == start:
            directory.discard()
        raise


def _given_directory(options: TrainOptions, stack: ExitStack) -> RunDirectory | None:
    """The directory that the user names, taken before any data are read, and given back as it was if they are wrong."""
    if options.run_directory is None:
        return None
    directory = stack.enter_context(RunDirectory.at(options.run_directory))
    _drop_unless_written(directory, stack)
    return directory


def _new_directory(loaded: LoadedExperiment, options: TrainOptions, stack: ExitStack) -> RunDirectory:
    """A directory of its own, made only once nothing is wrong any more."""
    experiment = loaded.experiment
    if options.smoke:
        directory = RunDirectory.temporary()
    else:
        directory = RunDirectory.create(Path(experiment.output.dir), cast("str", experiment.name))
    stack.enter_context(directory)
    _drop_unless_written(directory, stack)
    return directory


def _drop_unless_written(directory: RunDirectory, stack: ExitStack) -> None:
    """Remove the directory again if an error comes before anything of the run is in it."""

    def drop(kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is not None and not directory.paths.environment.exists() and directory.path.exists():
            directory.discard()

    stack.push(drop)


def verbosity(loaded: LoadedExperiment, options: TrainOptions) -> Verbose:
    """How much is shown: `--quiet`, then `--verbose`, then the file, then FITTOOL_VERBOSE."""
    if options.quiet:
        return 0
    if options.verbose is not None:
        return _LEVELS[options.verbose]
    written = loaded.experiment.first.verbose
    if written != "auto":
        return cast("Literal[0, 1, 2]", written)
    return _LEVELS.get(os.environ.get("FITTOOL_VERBOSE", "auto"), "auto")


def _trainer(
    prepared: Prepared,
    engine: ExchangeableEngine[NumpyEngine],
    directory: RunDirectory,
    progress: Progress,
    signals: StopSignals,
    options: TrainOptions,
) -> Trainer:
    experiment = prepared.loaded.experiment
    surroundings = Surroundings(directory.path, _function)
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
        interruption=signals.interruption,
        header=_header(prepared, engine.engine),
        stages=stages,
    )


def _callbacks(
    prepared: Prepared, surroundings: Surroundings, directory: RunDirectory, epochs: int, options: TrainOptions
) -> list[Callback]:
    """The experiment's callbacks, and the live page, which comes last."""
    experiment = prepared.loaded.experiment
    with blaming(prepared.loaded, "callbacks"):
        callbacks = started(experiment.callbacks, surroundings)
    if options.quiet:
        callbacks = [callback for callback in callbacks if not isinstance(callback, ProgbarLoggerAtWork)]
    page = live_page(view_metrics(prepared.loaded), directory.paths.report, cast("str", experiment.name), epochs)
    return callbacks if page is None else [*callbacks, page]


def view_metrics(loaded: LoadedExperiment) -> bool | Literal["auto"]:
    """Whether there is a live page: the file, then FITTOOL_VIEW_METRICS."""
    written = loaded.experiment.first.view_metrics
    return machine_default() if written == "auto" else written


def _function(reference: str) -> Callable[..., Any]:
    return load_function(reference, Path())


def _write_beginning(prepared: Prepared, directory: RunDirectory, threads: int, options: TrainOptions) -> None:
    """What must be on disk before the first batch."""
    experiment = prepared.loaded.experiment
    directory.write_experiment(prepared.loaded.resolved_yaml(prepared.written))
    if prepared.class_names is not None:
        directory.write_classes(prepared.class_names)
    if prepared.skipped:
        directory.write_skipped(prepared.skipped)
    directory.write_environment(
        describe_environment(
            engine=experiment.engine.public_name(),
            threads=threads,
            seed=experiment.seed,
            data=prepared.fingerprints,
            command=options.command,
        )
    )


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
