"""Going on with a run that is in a directory: what it was, whether it may, where it stands, and then its training."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fittool.callbacks.snapshot import Snapshot, snapshot_of
from fittool.config.experiment import Experiment
from fittool.config.experiment_file import LoadedExperiment, engine_override, load_experiment_of_run
from fittool.config.sections import Train
from fittool.data.user_code.generator_data import GeneratorData
from fittool.data.workers.worker_output import WorkerOutput
from fittool.engines.registry import with_kernels_of
from fittool.engines.state import check_whole_state
from fittool.errors import CheckpointError, ExperimentError, shown
from fittool.experiment.aids.profile import TrainingProfile
from fittool.experiment.building.consent import experiment_to_train
from fittool.experiment.building.loading_progress import loading_shown
from fittool.experiment.building.prepare import Preparation, Prepared
from fittool.experiment.following import tell_followers, tell_what_is_known
from fittool.experiment.options import Run, TrainOptions, verbosity
from fittool.experiment.pretrained.fine_tuning import with_stages
from fittool.experiment.reporting.finishing import run_to_the_end
from fittool.experiment.resuming.accepted_changes import schedule_made_for, with_accepted_changes, with_new_values
from fittool.experiment.resuming.changes import Change, changes_between, refuse_changes, refuse_other_data
from fittool.experiment.resuming.resume_state import Standing, best_of, say_where_it_continues
from fittool.experiment.run_metadata import (
    changes_of_environment,
    engine_of,
    environment_of,
    kernels_of,
    known_data,
    other_digits,
    text_of_experiment,
    write_continuation,
    write_experiment,
)
from fittool.experiment.session import Session
from fittool.experiment.tables.kept_columns import encoder_to_go_on_with
from fittool.experiment.trained_run import check_weights, targets_of
from fittool.nn.output_targets import OutputTargets
from fittool.runs.checkpoint import Checkpoint
from fittool.runs.directory import RunDirectory
from fittool.runs.files.text_table import missing_in
from fittool.runs.format import FORMAT, OLDER_RELEASE, cause_of_other_numbers
from fittool.runs.kept_weights import KeptWeights
from fittool.runs.requests import Requests
from fittool.training.display.progress import Progress
from fittool.training.history import History
from fittool.training.outcome import Outcome
from fittool.training.signals import StopSignals
from fittool.training.trainer import Trainer


def run_to_continue(
    path: Path, epochs: int | None, experiment: Path | None, stack: ExitStack, *, engine: str | None = None, leads: bool = True
) -> tuple[RunDirectory, LoadedExperiment]:
    """Open a run, locked, and read its experiment.

    Args:
        path: The run directory.
        epochs: The number of the new last epoch; None: as it is.
        experiment: The experiment file that the user names instead of the run's own, as consent to the code in it.
        stack: Closes the directory.
        engine: The name of the engine to go on with; None: the run's.
        leads: Whether this process writes the run; else it is only read.

    Raises:
        CheckpointError: It is no run, or has no checkpoint, or names code without the user's consent.
        RunInUseError: It is still at work.
    """
    directory = stack.enter_context(RunDirectory.open(path, lock=leads))
    if directory.checkpoints.is_empty:
        text = "has no checkpoint to go on from. Start it again with fittool train CONFIG --run-dir DIR --resume."
        raise CheckpointError(text, place=str(path))
    loaded = experiment_to_train(directory, experiment, engine_override(engine))
    if epochs is not None:
        # Read once more, as what is to be set depends on the stages that the file has.
        loaded = experiment_to_train(
            directory, experiment, [*engine_override(engine), _override(loaded.experiment, epochs, directory)]
        )
    return directory, loaded


def _override(experiment: Experiment, epochs: int, directory: RunDirectory) -> str:
    """The `--set` that makes `epochs` the last epoch; of stages the last one becomes longer."""
    if not isinstance(experiment.train, list):
        return f"train.epochs={epochs}"
    last = len(experiment.stages) - 1
    stage = directory.checkpoints.load_newest()[0].facts.training.get("stage", {})
    number, first = stage.get("number", 0), stage.get("first_epoch", experiment.first.initial_epoch)
    return f"train.{last}.epochs={max(epochs - first - sum(map(_length, experiment.stages[number:last])), 1)}"


@dataclass(frozen=True)
class _Asked:
    """The experiment that a run is asked to go on with.

    Attributes:
        now, before: The experiment, and the one that the run has.
        epochs: The number of the last epoch that the user named, or None.
        accepted: Whether changes are.
        since: When the run's experiment became what it is, for messages.
    """

    now: LoadedExperiment
    before: LoadedExperiment
    epochs: int | None
    accepted: bool
    since: str

    @property
    def is_longer(self) -> bool:
        """True where there are more epochs than the run was to have."""
        return _plan(self.now.experiment) > _plan(self.before.experiment)

    def goes_beyond(self, standing: Standing) -> bool:
        """True where training is to go on although it was finished."""
        named = self.epochs is not None and standing.status is not None and self.epochs > standing.status.epoch
        return standing.is_finished and (named or self.is_longer)

    def changes(self, prepared: Prepared | None) -> list[Change]:
        """The differences that may change the numbers, more epochs and those that the user named apart.

        Args:
            prepared: Knows the layers that a preset expands to; None for a run that is finished: networks from presets are
                not compared then, nor is the number of epochs.
        """
        now, before = self.now.resolved, self.before.resolved
        if prepared is not None:
            now = with_stages(self.now, prepared.graph).resolved_with(prepared.written)
        elif self.now.experiment.model.preset is not None:
            now, before = ({**one, "model": None} for one in (now, before))
        changes = (replace(change, since=self.since) for change in changes_between(before, now))
        return [change for change in changes if not self._is_allowed(change, finished=prepared is None)]

    def _is_allowed(self, change: Change, *, finished: bool) -> bool:
        """True for another number of epochs that lies ahead, that the user named, or that a finished run has behind it."""
        train = self.now.experiment.train
        last = ("train", len(train) - 1, "epochs") if isinstance(train, list) else ("train", "epochs")
        return change.path == last and (change.is_more_epochs or self.epochs is not None or finished)

    def check(self, prepared: Prepared, environment: Mapping[str, Any], now: Mapping[str, Any]) -> None:
        """Refuse another experiment, then other data, unless they are accepted."""
        if not self.accepted:
            refuse_changes(self.now, self.changes(prepared))
            refuse_other_data(self.now, known_data(environment), now)

    def check_schedule(self, trainer: Trainer) -> str | None:
        """Ask where more epochs would lie behind the end of a learning-rate schedule; what to warn of where nobody can be asked.

        Raises:
            ExperimentError: The user named the epochs, and did not accept it.
        """
        if not self.is_longer:
            return None
        before = _plan(self.before.experiment)
        text = schedule_made_for(self.before.experiment, before, trainer)
        if text is None:
            return None
        whole = f"one run of {_plan(self.now.experiment)} epochs"
        text = f"{text}: the epochs after it get its last rate, which is hardly what {whole} would be given."
        if self.epochs is None or self.accepted:
            return f"warning: {text}"
        raise ExperimentError(f"{text} Add --accept-changes to go on so, or start a new run with a longer schedule.")


def go_on(
    loaded: LoadedExperiment,
    directory: RunDirectory,
    options: TrainOptions,
    stack: ExitStack,
    signals: StopSignals,
    output: WorkerOutput,
    *,
    epochs: int | None = None,
) -> Run:
    """Go on with the run in a directory, which has a checkpoint.

    Args:
        loaded: The experiment.
        directory: The run, locked.
        options: What a command line adds.
        stack: Closes what is opened.
        signals: What may end it early.
        output: What workers print.
        epochs: The number of the last epoch that the user asks for; None: the experiment's.

    Raises:
        ExperimentError, DataError: They are other ones than the run's, and that was not accepted.
        CheckpointError: No checkpoint is whole, or it does not fit.
    """
    verbose = verbosity(loaded, options)
    progress = options.display(verbose, directory)
    Requests(directory.paths.root).clear()  # what was asked of a process that was killed is not asked of this one
    standing = Standing.of(directory, progress)
    environment = directory.read_environment()
    asked = _asked_of(loaded, directory, environment, epochs, accepted=options.accept_changes)
    if standing.is_finished and not asked.goes_beyond(standing):
        return _nothing_to_train(asked, standing, progress, options)
    known = _learnt_before(asked, directory, environment)
    tell_what_is_known(options.group, known)
    session = Session.of(loaded, loading_shown(verbose), known, options.group)
    stack.callback(session.close)
    prepared = session.prepared
    now = environment_of(prepared, session.engine.threads, options)
    asked.check(prepared, environment, now)
    checkpoint = _fitting_checkpoint(standing, session)
    other_numbers = _other_numbers(checkpoint, asked, prepared, directory.path)
    # The checks above come first, as this cuts rows off the run's files.
    rows, kept = standing.go_back_to(checkpoint)
    requests = Requests(directory.paths.root, signals.save_asked)
    profile = TrainingProfile() if options.profile else None
    trainer = session.trainer(
        directory, progress, signals.interruption, options, rows=rows, kept=kept, requests=requests, profile=profile
    )
    snapshot, changed = _changed_snapshot(asked, session, checkpoint, kept)
    trainer.load_snapshot(snapshot, rows)
    check_whole_state(snapshot.tensors, session.engine.describe(), shown(checkpoint.path))
    changed += other_numbers
    digits = other_digits(changes_of_environment(environment, now))
    told = [*(f"warning: {warning}" for warning in prepared.warnings), *map(_say_lost, kept.lost), *changed]
    told += [f"warning: {text}" for text in missing_in(directory.paths.root, checkpoint.facts.callbacks)]
    told += [line for line in (asked.check_schedule(trainer), digits) if line]
    signals.training_begins()
    output.goes_to(directory.log)
    _begin_again(trainer, beyond=asked.goes_beyond(standing), changed=bool(changed))
    for line in [*told, *_remark_on_generators(prepared, trainer)]:
        trainer.say(line)
    say_where_it_continues(trainer, standing, exact=not other_numbers and digits is None)
    write_continuation(directory, environment, now, trainer.position, text_of_experiment(prepared))
    write_experiment(prepared, directory)
    tell_followers(options.group, directory)
    outcome = run_to_the_end(prepared, trainer, directory, options, signals.interruption, tells=verbose != 0, profile=profile)
    return Run(directory.path, outcome, trainer.history)


def _asked_of(
    loaded: LoadedExperiment, directory: RunDirectory, environment: Mapping[str, Any], epochs: int | None, *, accepted: bool
) -> _Asked:
    if not accepted:
        directory.check_experiment()
    before = load_experiment_of_run(directory.paths.experiment, with_silent_callbacks=False)
    since = "when the run last went on" if environment.get("resumed") else "when the run began"
    return _Asked(loaded, before, epochs, accepted, since)


def _nothing_to_train(asked: _Asked, standing: Standing, progress: Progress, options: TrainOptions) -> Run:
    """The run as it ended, said once more."""
    if not asked.accepted:
        refuse_changes(asked.now, asked.changes(None))
    progress.say(_nothing_to_do(standing))
    done = _finish(standing)
    tell_followers(options.group, standing.directory, done)
    return done


def _begin_again(trainer: Trainer, *, beyond: bool, changed: bool) -> None:
    if beyond:
        trainer.go_on_after_stop()
    if beyond or changed:
        trainer.save("last")  # else the next one, after a kill, would not know of it


def _learnt_before(asked: _Asked, directory: RunDirectory, environment: Mapping[str, Any]) -> Preparation:
    """What the run has learnt of its data and computes with.

    Other settings of columns that are accepted make other features; all else goes on with those that the run has.
    """
    anew = asked.accepted and any(map(_is_of_columns, asked.changes(None)))
    encoder = None if anew else encoder_to_go_on_with(directory)
    given = asked.now.experiment.engine
    # A run that comes from another engine has no path of NumPy's yet, and takes the best.
    engine = with_kernels_of(given, kernels_of(environment)) if engine_of(environment) == "numpy" else given
    return Preparation(encoder, learnt_targets(directory, asked.now), None if engine is given else engine)


def _fitting_checkpoint(standing: Standing, session: Session) -> Checkpoint:
    """The newest checkpoint, which is one of this network."""
    checkpoint = standing.newest()
    checkpoint.check_fits(model=session.prepared.identity, class_names=session.prepared.class_names)
    check_weights(checkpoint, session.engine.describe())
    checkpoint.check_finite()
    return checkpoint


def _changed_snapshot(asked: _Asked, session: Session, checkpoint: Checkpoint, kept: KeptWeights) -> tuple[Snapshot, list[str]]:
    """The state that a checkpoint holds, with what was accepted to be changed; and what is to be said of that."""
    standing_at = snapshot_of(checkpoint, kept.weights)
    if checkpoint.format < FORMAT:
        standing_at = with_new_values(standing_at, session.engine.metrics_state())
    optimizer = session.prepared.loaded.experiment.compile.optimizer
    return with_accepted_changes(standing_at, asked.changes(session.prepared), session.engine.state(), optimizer)


def _is_of_columns(change: Change) -> bool:
    return change.path[:2] in (("data", "columns"), ("data", "column_defaults")) or change.path[-1:] == ("features",)


def learnt_targets(directory: RunDirectory, loaded: LoadedExperiment) -> Mapping[str, OutputTargets] | None:
    """The scales and classes that a run has learnt, by the outputs' names; None where its experiment has no use for them.

    They are never learnt anew: other data, accepted as a change, would else change what the weights mean.

    Raises:
        CheckpointError: No checkpoint is whole.
    """
    if loaded.experiment.data.target is None and len(loaded.experiment.model.outputs or ()) < 2:
        return None
    return targets_of(directory.checkpoints.load_newest()[0], loaded)


def _say_lost(callback: str) -> str:
    text = f"the weights that {callback} kept are in no file of the run any more"
    return f"warning: {text}: it begins anew with those of the next best epoch."


def _other_numbers(checkpoint: Checkpoint, asked: _Asked, prepared: Prepared, path: Path) -> list[str]:
    """The sentence for steps that are computed otherwise than the release that saved the checkpoint would have.

    Raises:
        CheckpointError: They do, and that was not accepted.
    """
    has_steps_left = checkpoint.facts.epoch < _plan(asked.now.experiment)
    network = {"is_random": prepared.graph.is_random, "is_from_logits": prepared.is_from_logits}
    cause = cause_of_other_numbers(checkpoint.format, **network, has_late_layers=prepared.loaded.experiment.has_late_layers)
    if cause is None or not has_steps_left:
        return []
    if asked.accepted:
        return [f"The run continues, but not bit-identical: {cause}."]
    mend = f"Finish the run with 0.1.0 ({OLDER_RELEASE}), begin anew, or add --accept-changes to go on with other numbers."
    text = f"was trained by fittool 0.1.0, so it cannot go on exactly: {cause}. {mend}"
    raise CheckpointError(text, place=shown(path))


def _remark_on_generators(prepared: Prepared, trainer: Trainer) -> list[str]:
    """A line to say about batches that only the user's code can make again."""
    if not isinstance(prepared.train, GeneratorData) or not trainer.position.step:
        return []
    text = "is called again, and batches that were used are passed by. The run is exact if every call gives the same."
    return [f"{prepared.train.name} {text}"]


def _nothing_to_do(standing: Standing) -> str:
    assert standing.status is not None
    status = standing.status
    when = status.updated.replace("T", " ").replace("Z", " UTC")
    hint = f"fittool resume {standing.directory.path} --epochs N trains on."
    return f"Finished on {when}; nothing to do. {status.reason} {hint}"


def _finish(standing: Standing) -> Run:
    """The run as it was."""
    assert standing.status is not None
    status, directory = standing.status, standing.directory
    history = History()
    history.replace(directory.metrics.rows())
    best = best_of(directory.checkpoints.load_newest()[0])
    outcome = Outcome("completed", status.reason, status.epoch, status.step, best)
    return Run(directory.path, outcome, history, done=False)


def _plan(experiment: Experiment) -> int:
    """The number of the last epoch, if no stage ends early."""
    return experiment.first.initial_epoch + sum(map(_length, experiment.stages))


def _length(stage: Train) -> int:
    return (stage.epochs or 0) - stage.initial_epoch
