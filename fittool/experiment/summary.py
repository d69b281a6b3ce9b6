"""The table of a network's layers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fittool.config.experiment_file import load_experiment
from fittool.errors import UsageError
from fittool.experiment.building.prepare import fit_together
from fittool.experiment.trained_run import trained_network
from fittool.nn.graph import table


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
