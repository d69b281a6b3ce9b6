"""Callbacks of the user's own: functions, given as such in Python and by `module:function` in a file, and classes in a file."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, ClassVar

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from fittool.callbacks.base import HOOKS, Callback, CallbackContext, CallbackSetting
from fittool.errors import ExperimentError
from fittool.settings import NAMES_CODE, Field, Text, fields_of, setting

FUNCTION_SCHEMA = {"type": "string", "pattern": "^[^:]+:[^:]+$"}
"""The JSON Schema of a function in a file."""


class _Function:
    """Annotation metadata: `module:function`, or from Python anything that can be called."""

    @staticmethod
    def parse(value: object) -> object:
        """Functions and their names as they are.

        Raises:
            PydanticCustomError: It is neither.
        """
        if value is None or callable(value) or (isinstance(value, str) and ":" in value):
            return value
        raise PydanticCustomError("function_form", "must be a function, in a file written as module:function")

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate through `parse`."""
        return core_schema.no_info_plain_validator_function(self.parse)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The name of a function, or nothing."""
        return {"anyOf": [FUNCTION_SCHEMA, {"type": "null"}]}


Function = Annotated[Any, _Function(), NAMES_CODE]
"""A function, its `module:function`, or None."""


def found(function: Any, surroundings: CallbackContext, task: str) -> Callable[..., Any]:
    """The function to call; what one that a file names raises is told as an error of the user's code.

    Args:
        function: The function, or its `module:function`.
        surroundings: Where named functions are looked for.
        task: What it is called for, for messages.

    Raises:
        ExperimentError: The named function cannot be found.
    """
    return guarded(surroundings.function(function), f"{task} {function}") if isinstance(function, str) else function


def guarded(function: Callable[..., Any], what: str) -> Callable[..., Any]:
    """A function whose failure becomes a `UserCodeError` with file and line.

    Args:
        function: The user's.
        what: What failed, for the message.
    """
    from fittool.data.user_code.functions import blame, file_of

    @wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        with blame(f"{what} failed", file_of(function)):
            return function(*arguments, **named)

    return call


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


@setting
class PythonCallback(CallbackSetting):
    """A class of the user's, in a file beside the experiment, which is loaded by its path."""

    steers: ClassVar[bool] = True
    adds_to_logs: ClassVar[bool] = True

    class_: Annotated[Text, NAMES_CODE] = Field(
        alias="class",
        description="module:Class; the module is a file beside the experiment, the class a fittool.callbacks.Callback.",
    )
    arguments: dict[str, Any] = Field(default_factory=dict, description="Arguments of the class.")

    @classmethod
    def public_name(cls) -> str:
        """The word in files."""
        return "python"

    def start(self, surroundings: CallbackContext) -> Callback:
        """The object; what its hooks raise is told as an error of the user's code.

        Raises:
            ExperimentError: The class is not there, is no callback, or does not take the arguments.
            UserCodeError: Its file cannot be run, or making the object failed.
        """
        from fittool.data.user_code.functions import blame, check_arguments, file_of

        made = surroundings.function(self.class_)
        name = self.class_.rpartition("/")[2]
        if not (isinstance(made, type) and issubclass(made, Callback)):
            raise ExperimentError(f"{name} is no callback. Let it be a class that inherits from fittool.callbacks.Callback.")
        check_arguments(made, self.arguments, name)
        with blame(f"{name} cannot be made", file_of(made.__init__)):
            callback = made(**self.arguments)
        for hook in HOOKS:
            if callback.overrides(hook):
                setattr(callback, hook, guarded(getattr(callback, hook), f"The callback {name}, {hook},"))
        return callback
