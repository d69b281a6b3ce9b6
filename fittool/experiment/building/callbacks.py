"""An experiment's callbacks at work; what is wrong with one is told at its place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fittool.callbacks import CallbackSetting, started
from fittool.callbacks.base import Callback, CallbackContext
from fittool.config.experiment_file import LoadedExperiment
from fittool.config.yaml.file_references import input_files
from fittool.errors import ExperimentError, KeyPath, shown, visible
from fittool.experiment.building.error_location import error_location
from fittool.runs.paths import RunPaths, leaves, run_around


def build_callbacks_of(
    loaded: LoadedExperiment, callbacks: Sequence[CallbackSetting], path: KeyPath, surroundings: CallbackContext
) -> list[Callback]:
    """The callbacks of a list, in its order.

    Args:
        loaded: The experiment.
        callbacks: The settings.
        path: Where their list stands.
        surroundings: What they work with.

    Raises:
        FittoolError: One cannot be made; with its place.
    """
    at_work: list[Callback] = []
    for index, callback in enumerate(callbacks):
        with error_location(loaded, *path, index):
            at_work += started([callback], surroundings)
            if surroundings.trial is None:  # a trial has moved the files that would lie elsewhere
                _check_files(loaded, callback, RunPaths(surroundings.directory))
    return at_work


def _check_files(loaded: LoadedExperiment, callback: CallbackSetting, run: RunPaths) -> None:
    """Refuse a file that is an input of the experiment, or another run's.

    Raises:
        ExperimentError: It would be replaced.
    """
    for argument, file in callback.files().items():
        path = run.root / file
        name = f"{callback.public_name()}.{argument} {visible(file)}"
        if any(_is_same(path, Path(one)) for one in input_files(loaded.root, loaded.resolved)):
            raise ExperimentError(f"{name} is read by this experiment, and would be replaced. Choose another name.")
        if leaves(run.root, file) and (other := run_around(path)) is not None:
            raise ExperimentError(f"{name} lies in another run directory, {shown(other)}. Choose another place.")


def _is_same(path: Path, other: Path) -> bool:
    return path.is_file() and other.is_file() and path.samefile(other)
