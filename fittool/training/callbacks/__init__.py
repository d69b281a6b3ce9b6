"""What can happen beside the training: Keras's callbacks, each in its own file.

A setting describes a callback; `start` makes the object that is called at Keras's hooks. Custom ones subclass `Callback`.
"""

from __future__ import annotations

from fittool.settings import Family
from fittool.training.callbacks.backup_and_restore import BackupAndRestore
from fittool.training.callbacks.base import Callback, CallbackSetting, Surroundings, started
from fittool.training.callbacks.csv_logger import CSVLogger
from fittool.training.callbacks.early_stopping import EarlyStopping
from fittool.training.callbacks.lambda_callback import LambdaCallback
from fittool.training.callbacks.learning_rate_scheduler import LearningRateScheduler
from fittool.training.callbacks.model_checkpoint import ModelCheckpoint
from fittool.training.callbacks.progbar_logger import ProgbarLogger
from fittool.training.callbacks.python_callback import PythonCallback
from fittool.training.callbacks.reduce_lr_on_plateau import ReduceLROnPlateau
from fittool.training.callbacks.remote_monitor import RemoteMonitor
from fittool.training.callbacks.tensorboard import TensorBoard
from fittool.training.callbacks.terminate_on_nan import TerminateOnNaN

__all__ = [
    "CALLBACKS",
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackSetting",
    "EarlyStopping",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ProgbarLogger",
    "PythonCallback",
    "ReduceLROnPlateau",
    "RemoteMonitor",
    "Surroundings",
    "TensorBoard",
    "TerminateOnNaN",
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
            PythonCallback,
        )
    },
    accepts=lambda value: isinstance(value, Callback),
)
