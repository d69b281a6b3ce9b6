"""Training an experiment into a run directory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from os import PathLike
from pathlib import Path
from typing import cast

from fittool.config.experiment_file import LoadedExperiment, load_experiment
from fittool.data.user_code.generator_data import GeneratorData
from fittool.data.workers.worker_output import WorkerOutput
from fittool.errors import DataError, DivergedError, ExperimentError, Interrupted, TimeLimitReached, UsageError, UserCodeError
from fittool.experiment.aids.profile import TrainingProfile
from fittool.experiment.building.class_counts import class_counts
from fittool.experiment.building.data import disk_caches
from fittool.experiment.building.loading_progress import loading_shown
from fittool.experiment.building.prepare import Prepared, inputs_in_words, told_of_table
from fittool.experiment.building.trial import without_disk_cache
from fittool.experiment.following import follow, tell_followers, tell_what_is_known
from fittool.experiment.options import Run, TrainOptions, verbosity, view_metrics, wants_report
from fittool.experiment.reporting.finishing import run_to_the_end
from fittool.experiment.resuming.next_command import command_to_go_on
from fittool.experiment.run_metadata import environment_of, write_beginning
from fittool.experiment.session import Session
from fittool.report.live_page import check_extra
from fittool.runs import latest
from fittool.runs.directory import RunDirectory
from fittool.runs.requests import Requests
from fittool.training.signals import StopSignals
from fittool.training.trainer import Trainer

__all__ = ["Run", "TrainOptions", "resume_run", "train_experiment", "view_metrics"]


def train_experiment(experiment: LoadedExperiment | str | PathLike[str], options: TrainOptions | None = None) -> Run:
    """Train.

    Args:
        experiment: The experiment, or the path of its file.
        options: What a command line adds.

    Raises:
        FittoolError: The one that says what went wrong. If training had begun, the run was recorded so.
    """
    loaded = experiment if isinstance(experiment, LoadedExperiment) else load_experiment(Path(experiment))
    options = TrainOptions() if options is None else options
    if view_metrics(loaded) is True:
        check_extra()
    if wants_report(loaded) is True and not options.smoke:
        check_extra("output.report")
    loaded = without_disk_cache(loaded) if options.smoke else loaded
    with ExitStack() as stack:
        output = stack.enter_context(WorkerOutput())
        signals = stack.enter_context(StopSignals(options.timeout, starting=True))
        if options.group.rank:
            return follow(loaded, options, stack, signals)
        given = _directory_of(options, stack)
        if given is not None and not given.checkpoints.is_empty:
            with saying_where(given, loaded):
                from fittool.experiment.resuming.resume import go_on

                return go_on(loaded, given, options, stack, signals, output)
        return _train_anew(loaded, given, options, stack, signals, output)


def resume_run(
    path: Path,
    options: TrainOptions,
    *,
    epochs: int | None = None,
    experiment: Path | None = None,
    engine: str | None = None,
    check: Callable[[LoadedExperiment], object] = id,
) -> Run:
    """Go on with an interrupted run, or with a finished one for more epochs.

    Args:
        path: The run directory.
        options: What a command line adds; `run_directory` and `resume` do not matter.
        epochs: The number of the new last epoch; by default the run's own.
        experiment: The experiment file that the user names, as consent to the code in it; else the run's own is read.
        engine: The name of the engine to go on with; None: the run's.
        check: Called with the experiment before anything is done; may raise.

    Raises:
        CheckpointError: It is no run, has no whole checkpoint, or names code without the user's consent.
        FittoolError: The one that says what went wrong.
    """
    with ExitStack() as stack:
        output = stack.enter_context(WorkerOutput())
        signals = stack.enter_context(StopSignals(options.timeout, starting=True))
        from fittool.experiment.resuming.resume import go_on, run_to_continue

        directory, loaded = run_to_continue(path, epochs, experiment, stack, engine=engine, leads=options.group.rank == 0)
        check(loaded)
        if options.group.rank:
            return follow(loaded, options, stack, signals)
        with saying_where(directory, loaded):
            return go_on(loaded, directory, options, stack, signals, output, epochs=epochs)


def _train_anew(
    loaded: LoadedExperiment,
    given: RunDirectory | None,
    options: TrainOptions,
    stack: ExitStack,
    signals: StopSignals,
    output: WorkerOutput,
) -> Run:
    verbose = verbosity(loaded, options)
    tell_what_is_known(options.group)
    session = Session.of(loaded, loading_shown(verbose), group=options.group)
    stack.callback(session.close)
    prepared = session.prepared
    told = [*_remark_on_data(prepared), *session.begin(), *_remark_on_generators(prepared)]
    directory = _new_directory(loaded, options, stack) if given is None else given
    progress = options.display(verbose, directory)
    for warning in prepared.warnings:
        progress.say(f"warning: {warning}")
    tell_followers(options.group, directory)
    requests = Requests(directory.paths.root, signals.save_asked)
    requests.clear()  # what was asked of a process that was killed before its first checkpoint is not asked of this one
    profile = TrainingProfile() if options.profile else None
    trainer = session.trainer(directory, progress, signals.interruption, options, requests=requests, profile=profile)
    fresh = not directory.paths.environment.exists()  # else it was killed before its first checkpoint, and may hold more by now
    signals.training_begins()
    write_beginning(prepared, directory, environment_of(prepared, session.engine.threads, options))
    output.goes_to(directory.log)
    for line in told:
        trainer.say(line)
    dropping = _drop_unless_begun(directory, trainer) if fresh else nullcontext()
    kept = not options.smoke or options.run_directory is not None
    with saying_where(directory, loaded) if kept else _remove_afterwards(directory), dropping:
        outcome = run_to_the_end(prepared, trainer, directory, options, signals.interruption, tells=verbose != 0, profile=profile)
    return Run(directory.path, outcome, trainer.history, kept)


def _remark_on_data(prepared: Prepared) -> list[str]:
    """The inputs that are learnt from, the samples of each class to train on, and where they are kept."""
    counts = class_counts(prepared.train, prepared.class_names)
    kept = disk_caches(prepared.loaded, prepared.train, prepared.validation)
    return [*told_of_table(prepared), *([f"classes: {counts}"] if counts else []), *inputs_in_words(prepared), *kept]


def _remark_on_generators(prepared: Prepared) -> list[str]:
    """Lines about data that only the user's code can make again."""
    sources = {data.name: None for data in (prepared.train, prepared.validation) if isinstance(data, GeneratorData)}
    return [
        f"{name} is Python code: a resumed run calls it again, and is exact if every call gives the same batches."
        for name in sources
    ]


@contextmanager
def saying_where(directory: RunDirectory, loaded: LoadedExperiment) -> Iterator[None]:
    """Add to the error of a run that stopped where its state is, and how to go on."""
    try:
        yield
    except (Interrupted, TimeLimitReached) as stop:
        text = f"{stop} The state is saved in {directory.path}."
        said = Interrupted(stop.signal_number, text) if isinstance(stop, Interrupted) else TimeLimitReached(text)
        said.next_command = command_to_go_on(directory, loaded)
        raise said from stop
    except DivergedError as error:
        said_so = DivergedError(f"{error} The run is in {directory.path}, the state then in diverged.safetensors there.")
        said_so.next_command = error.next_command
        raise said_so from error


@contextmanager
def _remove_afterwards(directory: RunDirectory) -> Iterator[None]:
    """Removes the directory of a trial, whether it went well or not."""
    try:
        yield
    finally:
        if directory.path.exists():
            directory.discard()


@contextmanager
def _drop_unless_begun(directory: RunDirectory, trainer: Trainer) -> Iterator[None]:
    """Removes the directory of a new run whose mistake was found before its first step."""
    start = trainer.position.step
    try:
        yield
    except (ExperimentError, DataError, UserCodeError):
        if trainer.position.step == start:
            directory.discard()
            latest.leave(directory.paths.root)
        raise


def _directory_of(options: TrainOptions, stack: ExitStack) -> RunDirectory | None:
    """The directory that the user names, taken before any data are read, and given back as it was if they are wrong."""
    if options.resume and options.smoke:
        raise UsageError("--smoke keeps nothing, so there is nothing to --resume.")
    if options.run_directory is None:
        if options.resume:
            raise UsageError("--resume needs --run-dir, which names the run to go on with.")
        return None
    directory = stack.enter_context(RunDirectory.at(options.run_directory, resume=options.resume))
    Requests(directory.paths.root).clear()  # what was asked of a process that was killed is not asked of this one
    if directory.checkpoints.is_empty:
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
