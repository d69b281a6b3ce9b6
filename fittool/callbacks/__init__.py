"""Keras's callbacks, which act beside the training, each in its own file.

A setting describes a callback; `start` makes the object that is called at Keras's hooks. Custom ones subclass `Callback`.
Beside them live the base (`base`), the training as they see it (`control`, `snapshot`), the group that calls them (`group`)
and the watch on one value (`monitor`). `training`, `report`, `config`, `model` and `experiment` may enter. Callbacks know
runs, engines and data, but not the trainer, the experiment or its file.
"""

from __future__ import annotations

from fittool.callbacks.backup_and_restore import BackupAndRestore
from fittool.callbacks.base import Callback, CallbackContext, CallbackSetting, started
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
from fittool.settings import Family

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

CALLBACKS: Family[CallbackSetting] = Family(
    "callback",
    {
        cls.public_name(): cls
        for cls in (
            EarlyStopping,
            ModelCheckpoint,
            ReduceLROnPlateau,
            LearningRateScheduler,
            CSVLogger,
            TerminateOnNaN,
            BackupAndRestore,
            LambdaCallback,
            RemoteMonitor,
            ProgbarLogger,
            TensorBoard,
            MLflow,
            WandB,
            PythonCallback,
        )
    },
    accepts=lambda value: isinstance(value, Callback),
)
