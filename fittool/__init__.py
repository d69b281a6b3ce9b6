"""fittool trains neural networks, from a YAML experiment file or in Python.

    import fittool as ft

    run = ft.train(ft.load_experiment("configs/digits_fit.yaml"))
    print(run.directory, run.history)

    model = ft.Model([ft.layers.Dense(10, "softmax")], input_shape=(64,))
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, epochs=3)

Everything here is imported when it is first asked for, so that `import fittool` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from fittool.version import __version__

if TYPE_CHECKING:
    from fittool import callbacks
    from fittool.config.experiment_file import LoadedExperiment, load_experiment
    from fittool.experiment.train import Run, TrainOptions
    from fittool.experiment.train import train_experiment as train
    from fittool.image_data_generator import ImageDataGenerator
    from fittool.model import Model, load_model
    from fittool.nn import initializers, layers, losses, metrics, optimizers, regularizers, schedules

__all__ = [
    "ImageDataGenerator",
    "LoadedExperiment",
    "Model",
    "Run",
    "TrainOptions",
    "__version__",
    "callbacks",
    "initializers",
    "layers",
    "load_experiment",
    "load_model",
    "losses",
    "metrics",
    "optimizers",
    "regularizers",
    "schedules",
    "train",
]

_HOMES = {
    "ImageDataGenerator": ("fittool.image_data_generator", "ImageDataGenerator"),
    "LoadedExperiment": ("fittool.config.experiment_file", "LoadedExperiment"),
    "Model": ("fittool.model", "Model"),
    "Run": ("fittool.experiment.train", "Run"),
    "TrainOptions": ("fittool.experiment.train", "TrainOptions"),
    "load_experiment": ("fittool.config.experiment_file", "load_experiment"),
    "load_model": ("fittool.model", "load_model"),
    "train": ("fittool.experiment.train", "train_experiment"),
}
"""The module and the name there of each public name."""

_MODULES = {
    "callbacks": "fittool.callbacks",
    "initializers": "fittool.nn.initializers",
    "layers": "fittool.nn.layers",
    "losses": "fittool.nn.losses",
    "metrics": "fittool.nn.metrics",
    "optimizers": "fittool.nn.optimizers",
    "regularizers": "fittool.nn.regularizers",
    "schedules": "fittool.nn.schedules",
}
"""The public modules and where they really are."""


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for (PEP 562)."""
    value: object
    if name in _MODULES:
        value = importlib.import_module(_MODULES[name])
    elif name in _HOMES:
        module, attribute = _HOMES[name]
        value = getattr(importlib.import_module(module), attribute)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names, imported or not."""
    return __all__
