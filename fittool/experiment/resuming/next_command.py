"""The command that a user will want next: to go on with a run that was stopped, or to use one that is done."""

from __future__ import annotations

import shlex
from pathlib import Path

from fittool.config.experiment_file import LoadedExperiment
from fittool.errors import FittoolError, visible
from fittool.experiment.building.consent import experiment_to_read, experiment_to_train, refuse_remote_data
from fittool.runs.directory import RunDirectory


def command_to_go_on(run: RunDirectory, loaded: LoadedExperiment) -> str:
    """Such as `fittool resume runs/digits/…`, with the experiment's file where the user has to name it."""
    return f"fittool resume {_quote(run.path)}{_consent(run, loaded, trains=True)}"


def command_to_use(run: RunDirectory, loaded: LoadedExperiment, *, validates: bool) -> str:
    """Such as `fittool evaluate runs/digits/…`; without validation data there is nothing to evaluate on.

    Args:
        run: The run.
        loaded: Its experiment.
        validates: Whether there are validation data.
    """
    command = f"fittool evaluate {_quote(run.path)}" if validates else f"fittool predict {_quote(run.path)} PATH"
    return command + _consent(run, loaded, trains=False)


def _consent(run: RunDirectory, loaded: LoadedExperiment, *, trains: bool) -> str:
    """The option, where the run's own experiment is refused without it."""
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
