"""An experiment with everything that was left to defaults or to the data written out."""

from __future__ import annotations

from collections.abc import Sequence

from fittool.config.experiment_file import LoadedExperiment
from fittool.experiment.building.data import open_data, targets_of
from fittool.experiment.building.network import layers_of
from fittool.nn.layers import Layer


def expanded_yaml(loaded: LoadedExperiment, *, origins: bool = False) -> str:
    """The resolved experiment as a file that fittool takes as it is, a preset expanded to its layers.

    Args:
        loaded: The experiment.
        origins: Say behind each value which file, line or option set it.
    """
    return loaded.resolved_yaml(_expanded(loaded), origins=origins)


def _expanded(loaded: LoadedExperiment) -> Sequence[Layer] | None:
    """A preset's layers; they depend on the data, as the last one has an output for each class."""
    if loaded.experiment.model.layers is not None:
        return None
    data = open_data(loaded)
    return layers_of(loaded, data.train, next(iter(targets_of(data.train)), None), data.class_names)
