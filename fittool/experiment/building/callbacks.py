"""An experiment's callbacks at work; what is wrong with one is told at its place."""

from __future__ import annotations

from collections.abc import Sequence

from fittool.callbacks import CallbackSetting, started
from fittool.callbacks.base import Callback, CallbackContext
from fittool.config.experiment_file import LoadedExperiment
from fittool.errors import KeyPath
from fittool.experiment.building.error_location import error_location


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
    return at_work
