"""The commands that a user will want next: to go on with a run that was stopped, or to use one that is done."""

from __future__ import annotations

import shlex
from pathlib import Path

from fittool.callbacks.control import Reason
from fittool.config.experiment_file import LoadedExperiment
from fittool.errors import FittoolError, visible
from fittool.experiment.building.consent import experiment_to_read, experiment_to_train, refuse_remote_data
from fittool.report.live_page import extra_is_there
from fittool.runs.directory import RunDirectory
from fittool.training.outcome import Outcome
from fittool.training.trainer import Trainer


def command_to_go_on(run: RunDirectory, loaded: LoadedExperiment) -> str:
    """Such as `fittool resume runs/digits/…`, with the experiment's file where the user has to name it."""
    return f"fittool resume {_quote(run.path)}{consent_option(run, loaded, trains=True)}"


def next_commands(run: RunDirectory, loaded: LoadedExperiment, reason: Reason, *, validates: bool, kept: bool) -> str:
    """The commands that a user may want after a training has ended, one a line; "" where none makes sense.

    Args:
        run: The run.
        loaded: Its experiment.
        reason: How the training ended.
        validates: Whether there are validation data; without them there is nothing to evaluate on.
        kept: Whether the run stays.
    """
    if not kept:
        return ""
    if reason in ("interrupted", "failed"):
        return "" if run.checkpoints.is_empty else command_to_go_on(run, loaded)
    if reason == "diverged":
        measures = f"fittool lr-find {_quote(Path(loaded.root.place.source.name))}"
        return measures if run.checkpoints.is_empty else f"{measures}\n{_command_to_use(run, loaded, validates=validates)}"
    if loaded.experiment.first.overfit_batches is not None:
        return f"fittool train {_quote(Path(loaded.root.place.source.name))}"
    report = (
        f"\nfittool report {_quote(run.path)}{consent_option(run, loaded, trains=False)}"
        if validates and extra_is_there()
        else ""
    )
    return _command_to_use(run, loaded, validates=validates) + report


def tell_next(trainer: Trainer, outcome: Outcome) -> None:
    """Say at the end of a training which command comes next, each on a line of its own, so that it can be copied."""
    for number, command in enumerate(outcome.next_command.splitlines()):
        trainer.say(f"{'     ' if number else 'Next:'} {command}")


def _command_to_use(run: RunDirectory, loaded: LoadedExperiment, *, validates: bool) -> str:
    command = f"fittool evaluate {_quote(run.path)}" if validates else f"fittool predict {_quote(run.path)} PATH"
    return command + consent_option(run, loaded, trains=False)


def consent_option(run: RunDirectory, loaded: LoadedExperiment, *, trains: bool) -> str:
    """` --experiment FILE`, where the run's own experiment is refused without it; else "".

    Args:
        run: The run.
        loaded: Its experiment.
        trains: Whether the command that it is for trains, and does not only measure or predict.
    """
    try:
        if trains:
            experiment_to_train(run, None)
        else:
            refuse_remote_data(experiment_to_read(run, None), run.path)
    except FittoolError:
        return f" --experiment {_quote(Path(loaded.root.place.source.name))}"
    return ""


def _quote(path: Path) -> str:
    return visible(shlex.quote(str(path)))
