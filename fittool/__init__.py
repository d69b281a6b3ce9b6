"""fittool trains neural networks, from a YAML experiment file or in Python.

    import fittool as ft

    run = ft.train("configs/digits_fit.yaml")
    print(run.directory, run.history)

    model = ft.Sequential([ft.Input(shape=(64,)), ft.layers.Dense(10, "softmax")])
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, epochs=3)

The names are Keras's, also as modules: `from fittool.layers import Dense`. Everything here is imported when it is first asked
for, so that `import fittool` costs nothing.
"""

from __future__ import annotations

from fittool.version import __version__

# Not that of typing, whose import takes long: until `fittool/__main__.py` has dealt with Ctrl-C, that would show a traceback.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from fittool import (
        activations,
        callbacks,
        initializers,
        layers,
        losses,
        metrics,
        models,
        optimizers,
        preprocessing,
        regularizers,
        schedules,
        utils,
    )
    from fittool.config.experiment_file import LoadedExperiment, load_experiment
    from fittool.data.typed_tables.loaded_table import load_table
    from fittool.errors import SettingWarning
    from fittool.experiment.train import Run, TrainOptions
    from fittool.experiment.train import train_experiment as train
    from fittool.image_data_generator import ImageDataGenerator
    from fittool.layers import Input
    from fittool.model import Model, Sequential, load_model

__all__ = [
    "ImageDataGenerator",
    "Input",
    "LoadedExperiment",
    "Model",
    "Run",
    "Sequential",
    "SettingWarning",
    "TrainOptions",
    "__version__",
    "activations",
    "callbacks",
    "initializers",
    "layers",
    "load_experiment",
    "load_model",
    "load_table",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "preprocessing",
    "regularizers",
    "schedules",
    "train",
    "utils",
]

_HOMES = {
    "ImageDataGenerator": ("fittool.image_data_generator", "ImageDataGenerator"),
    "Input": ("fittool.layers", "Input"),
    "LoadedExperiment": ("fittool.config.experiment_file", "LoadedExperiment"),
    "Model": ("fittool.model", "Model"),
    "Run": ("fittool.experiment.train", "Run"),
    "SettingWarning": ("fittool.errors", "SettingWarning"),
    "Sequential": ("fittool.model", "Sequential"),
    "TrainOptions": ("fittool.experiment.train", "TrainOptions"),
    "load_experiment": ("fittool.config.experiment_file", "load_experiment"),
    "load_model": ("fittool.model", "load_model"),
    "load_table": ("fittool.data.typed_tables.loaded_table", "load_table"),
    "train": ("fittool.experiment.train", "train_experiment"),
}
"""The module and the name there of each public name that is no module itself."""


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for (PEP 562)."""
    from importlib import import_module

    value: object
    if name in _HOMES:
        module, attribute = _HOMES[name]
        value = getattr(import_module(module), attribute)
    elif name in __all__:
        value = import_module(f"fittool.{name}")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names, imported or not."""
    return __all__
