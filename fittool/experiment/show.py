"""An experiment with everything that was left to defaults or to the data written out, and the table of its layers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fittool.config.experiment_file import LoadedExperiment, load_experiment
from fittool.errors import UsageError
from fittool.experiment.building.data import open_data
from fittool.experiment.building.network import layers_of
from fittool.experiment.building.prepare import fit_together
from fittool.experiment.tables.shown_columns import with_columns_written
from fittool.experiment.trained_run import trained_network
from fittool.model.target_forms import target_forms
from fittool.nn.graph import table


def expand_yaml(loaded: LoadedExperiment, *, origins: bool = False, defaults: bool = True) -> str:
    """The resolved experiment as a file that fittool takes as it is, a preset expanded to its layers, each column with its kind.

    Args:
        loaded: The experiment.
        origins: Say behind each value which file, line or option set it.
        defaults: Also what is at its default.
    """
    if loaded.experiment.fine_tune is not None:
        loaded = fit_together(loaded).loaded
    experiment = loaded.experiment
    if experiment.model.layers is not None and not experiment.data.train.has_columns:
        return loaded.resolved_yaml(origins=origins, defaults=defaults)
    data = open_data(loaded)
    targets = next(iter(target_forms(data.train)), None)
    layers = layers_of(loaded, data.train, targets, data.class_names, data.encoder)
    written = None if experiment.model.layers is not None else layers
    return with_columns_written(loaded, data.encoder).resolved_yaml(written, origins=origins, defaults=defaults)


def summary_table(path: Path, overrides: Sequence[str] = ()) -> str:
    """The layers of an experiment's network, or of a run's.

    Raises:
        UsageError: Overrides for a run, whose network is what it is.
    """
    if not path.is_dir():
        return table(fit_together(load_experiment(path, overrides)).graph)
    if overrides:
        raise UsageError("--set changes experiments; a run's network cannot be changed.")
    return table(trained_network(path))
