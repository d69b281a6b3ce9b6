"""An experiment's callbacks at work; what is wrong with one is told at its place."""

from __future__ import annotations

from collections.abc import Sequence

from fittool.experiment.blame import blaming
from fittool.spec.experiment_file import LoadedExperiment
from fittool.spec.places import KeyPath
from fittool.training.callbacks import CallbackSetting, started
from fittool.training.callbacks.base import Callback, Surroundings


def callbacks_at_work(
    loaded: LoadedExperiment, callbacks: Sequence[CallbackSetting], path: KeyPath, surroundings: Surroundings
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
        with blaming(loaded, *path, index):
            at_work += started([callback], surroundings)
    return at_work
