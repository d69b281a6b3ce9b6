"""Keras's callbacks, which act beside the training, each in its own file.

A setting describes a callback; `start` makes the object that is called at Keras's hooks. Custom ones subclass `Callback`.
Beside them live the base (`base`), the training as they see it (`control`, `snapshot`), the group that calls them (`group`)
and the watch on one value (`monitor`). `training`, `report`, `config`, `model` and `experiment` may enter. Callbacks know
runs, engines and data, but not the trainer, the experiment or its file. The module of a callback is imported when somebody asks
for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fittool.callbacks.base import Callback, CallbackContext, CallbackSetting, started
from fittool.settings import Family, OnDemand, homes_in, import_from_home

if TYPE_CHECKING:
    from fittool.callbacks.backup_and_restore import BackupAndRestore
    from fittool.callbacks.csv_logger import CSVLogger
    from fittool.callbacks.early_stopping import EarlyStopping
    from fittool.callbacks.learning_rate_scheduler import LearningRateScheduler
    from fittool.callbacks.model_checkpoint import ModelCheckpoint
    from fittool.callbacks.progbar_logger import ProgbarLogger
    from fittool.callbacks.reduce_lr_on_plateau import ReduceLROnPlateau
    from fittool.callbacks.remote_monitor import RemoteMonitor
    from fittool.callbacks.tensorboard import TensorBoard
    from fittool.callbacks.terminate_on_nan import TerminateOnNaN
    from fittool.callbacks.trackers.mlflow import MLflow
    from fittool.callbacks.trackers.wandb import WandB
    from fittool.callbacks.user_code import LambdaCallback, PythonCallback

__all__ = [
    "CALLBACKS",
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackContext",
    "CallbackSetting",
    "EarlyStopping",
    "LambdaCallback",
    "LearningRateScheduler",
    "MLflow",
    "ModelCheckpoint",
    "ProgbarLogger",
    "PythonCallback",
    "ReduceLROnPlateau",
    "RemoteMonitor",
    "TensorBoard",
    "TerminateOnNaN",
    "WandB",
    "started",
]

_HOMES = homes_in(
    __name__,
    {
        "EarlyStopping": "early_stopping",
        "ModelCheckpoint": "model_checkpoint",
        "ReduceLROnPlateau": "reduce_lr_on_plateau",
        "LearningRateScheduler": "learning_rate_scheduler",
        "CSVLogger": "csv_logger",
        "TerminateOnNaN": "terminate_on_nan",
        "BackupAndRestore": "backup_and_restore",
        "LambdaCallback": "user_code",
        "RemoteMonitor": "remote_monitor",
        "ProgbarLogger": "progbar_logger",
        "TensorBoard": "tensorboard",
        "MLflow": "trackers.mlflow",
        "WandB": "trackers.wandb",
        "PythonCallback": "user_code",
    },
)
"""The module of each callback, in the order of the reference page."""
_NAMED = {"python" if name == "PythonCallback" else name: home for name, home in _HOMES.items()}
"""The same by the words in files."""

CALLBACKS: Family[CallbackSetting] = Family("callback", OnDemand(_NAMED), accepts=lambda value: isinstance(value, Callback))


def __getattr__(name: str) -> object:
    """Import a callback when it is first asked for (PEP 562)."""
    return import_from_home(__name__, _HOMES, name)


def __dir__() -> list[str]:
    """The public names, imported or not."""
    return sorted({*globals(), *__all__})
