"""Trainings that are tried and not kept, or that follow another process: what their callbacks may do."""

from __future__ import annotations

import os
from dataclasses import replace

from fittool.callbacks.base import Callback, CallbackSetting
from fittool.config.experiment_file import LoadedExperiment
from fittool.runs.files.atomic import make_folder
from fittool.runs.paths import RunPaths, leaves


class Replaying:
    """The rules of a replay: callbacks that steer run, as the numbers depend on them; no other does.

    Code of the user's own may steer, so it runs; fittool cannot know what else it does.
    """

    def admitted(self, callback: CallbackSetting | Callback) -> CallbackSetting | Callback | None:
        """The callback if it steers."""
        return callback if not isinstance(callback, CallbackSetting) or callback.steers else None


class Following:
    """The rules of a process that does not lead: what only writes, shows or sends is left to the leader."""

    def admitted(self, callback: CallbackSetting | Callback) -> CallbackSetting | Callback | None:
        """The callback if the numbers depend on it."""
        return None if isinstance(callback, CallbackSetting) and callback.writes_only else callback


class Smoke:
    """The rules of a smoke run: callbacks write below the run's directory alone, and send nothing.

    Args:
        paths: The run's.

    Attributes:
        told: What is different from a training, for the user.
    """

    def __init__(self, paths: RunPaths) -> None:
        self._paths = paths
        self._moved = 0
        self.told: list[str] = []

    def admitted(self, callback: CallbackSetting | Callback) -> CallbackSetting | Callback | None:
        """The callback with the files that it would write elsewhere in a folder of the run; None if it sends."""
        if not isinstance(callback, CallbackSetting):
            return callback
        name = callback.public_name()
        if callback.addresses() or callback.publishes:
            self.told.append(f"smoke: {name} is left out, as a trial sends nothing.")
            return None
        moved = {argument: self._place_for(path) for argument, path in callback.files().items() if leaves(self._paths.root, path)}
        for argument in moved:
            self.told.append(f"smoke: {name} writes into the trial's own directory, not to its {argument}.")
        return replace(callback, **moved) if moved else callback

    def _place_for(self, path: str) -> str:
        folder = self._paths.root / f"outside-{self._moved}"
        self._moved += 1
        make_folder(folder)
        return str(folder / (os.path.basename(os.path.normpath(path)) or "file"))


def without_disk_cache(loaded: LoadedExperiment) -> LoadedExperiment:
    """The experiment, for a training that leaves nothing in the folder of caches either."""
    experiment = loaded.experiment
    if experiment.data.cache != "disk":
        return loaded
    return replace(loaded, experiment=replace(experiment, data=replace(experiment.data, cache="none")))


def rules_of(paths: RunPaths, *, smoke: bool, replay: bool, follows: bool = False) -> Smoke | Replaying | Following | None:
    """The rules for the callbacks of a training.

    Args:
        paths: The run's.
        smoke: Whether it is a smoke run.
        replay: Whether it is a replay.
        follows: Whether another process of the same training leads.
    """
    return Replaying() if replay else Following() if follows else Smoke(paths) if smoke else None
