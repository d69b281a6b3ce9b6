"""fittool trains neural networks from a YAML experiment file.

    import fittool as ft

    run = ft.train(ft.load_experiment("configs/digits_fit.yaml"))
    print(run.directory, run.history)

Everything here is imported when it is first asked for, so that `import fittool` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from fittool.version import __version__

if TYPE_CHECKING:
    from fittool.experiment.train import Run, TrainOptions
    from fittool.experiment.train import train_experiment as train
    from fittool.spec.experiment_file import LoadedExperiment, load_experiment

__all__ = ["LoadedExperiment", "Run", "TrainOptions", "__version__", "load_experiment", "train"]

_HOMES = {
    "LoadedExperiment": ("fittool.spec.experiment_file", "LoadedExperiment"),
    "Run": ("fittool.experiment.train", "Run"),
    "TrainOptions": ("fittool.experiment.train", "TrainOptions"),
    "load_experiment": ("fittool.spec.experiment_file", "load_experiment"),
    "train": ("fittool.experiment.train", "train_experiment"),
}
"""The module and the name there of each public name."""


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _HOMES[name]
    globals()[name] = value = getattr(importlib.import_module(module), attribute)
    return value


def __dir__() -> list[str]:
    """The public names, imported or not."""
    return __all__
