"""LambdaCallback: functions at single hooks, without a class."""

from __future__ import annotations

from typing import Any, ClassVar

from fittool.callbacks.base import Callback, CallbackContext, CallbackSetting
from fittool.callbacks.functions import Function, found
from fittool.settings import Field, fields_of, setting


@setting
class LambdaCallback(CallbackSetting):
    """Calls functions at Keras's hooks; in a file each is named as module:function."""

    steers: ClassVar[bool] = True
    adds_to_logs: ClassVar[bool] = True

    on_epoch_begin: Function = Field(default=None, description="Called with epoch (from 0) and logs before an epoch.")
    on_epoch_end: Function = Field(default=None, description="Called with epoch (from 0) and logs after an epoch.")
    on_train_begin: Function = Field(default=None, description="Called with logs before the first epoch.")
    on_train_end: Function = Field(default=None, description="Called with logs after the last epoch.")
    on_train_batch_begin: Function = Field(default=None, description="Called with batch (from 0) and logs before a step.")
    on_train_batch_end: Function = Field(default=None, description="Called with batch (from 0) and logs after a step.")
    on_batch_begin: Function = Field(default=None, kw_only=True, description="Keras's older name of on_train_batch_begin.")
    on_batch_end: Function = Field(default=None, kw_only=True, description="Keras's older name of on_train_batch_end.")
    on_test_begin: Function = Field(default=None, kw_only=True, description="Called with logs before a validation.")
    on_test_end: Function = Field(default=None, kw_only=True, description="Called with logs after a validation.")
    on_test_batch_begin: Function = Field(
        default=None, kw_only=True, description="Called with batch (from 0) and logs before a batch of a validation."
    )
    on_test_batch_end: Function = Field(
        default=None, kw_only=True, description="Called with batch (from 0) and logs after a batch of a validation."
    )
    on_predict_begin: Function = Field(default=None, kw_only=True, description="Called with logs before a prediction.")
    on_predict_end: Function = Field(default=None, kw_only=True, description="Called with logs after a prediction.")
    on_predict_batch_begin: Function = Field(
        default=None, kw_only=True, description="Called with batch (from 0) and logs before a batch of a prediction."
    )
    on_predict_batch_end: Function = Field(
        default=None, kw_only=True, description="Called with batch (from 0) and logs after a batch of a prediction."
    )

    def start(self, surroundings: CallbackContext) -> LambdaCallbackCallback:
        """The callback at work.

        Raises:
            ExperimentError: A named function cannot be found.
        """
        callback = LambdaCallbackCallback()
        for hook, function in self.functions.items():
            setattr(callback, hook, found(function, surroundings, f"The {hook}"))
        return callback

    @property
    def functions(self) -> dict[str, Any]:
        """The functions that are given, by hook."""
        return {hook: function for hook in fields_of(type(self)) if (function := getattr(self, hook)) is not None}


class LambdaCallbackCallback(Callback):
    """Has the functions as its hooks."""
