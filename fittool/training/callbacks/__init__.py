"""What can happen beside the training: Keras's callbacks, each in its own file.

A setting describes a callback; `start` makes the object that is called at Keras's hooks. Custom ones subclass `Callback`.
"""

from __future__ import annotations

from fittool.settings import Family
from fittool.training.callbacks.base import Callback, CallbackSetting, Surroundings, started
from fittool.training.callbacks.csv_logger import CSVLogger
from fittool.training.callbacks.early_stopping import EarlyStopping
from fittool.training.callbacks.learning_rate_scheduler import LearningRateScheduler
from fittool.training.callbacks.model_checkpoint import ModelCheckpoint
from fittool.training.callbacks.reduce_lr_on_plateau import ReduceLROnPlateau
from fittool.training.callbacks.terminate_on_nan import TerminateOnNaN

__all__ = [
    "CALLBACKS",
    "CSVLogger",
    "Callback",
    "CallbackSetting",
    "EarlyStopping",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ReduceLROnPlateau",
    "Surroundings",
    "TerminateOnNaN",
    "started",
]

CALLBACKS: Family[CallbackSetting] = Family(
    "callback",
    {
        cls.__name__: cls
        for cls in (EarlyStopping, ModelCheckpoint, ReduceLROnPlateau, LearningRateScheduler, CSVLogger, TerminateOnNaN)
    },
    accepts=lambda value: isinstance(value, Callback),
)
