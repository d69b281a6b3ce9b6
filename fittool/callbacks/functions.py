"""Functions that a callback calls: given as such in Python, by `module:function` in an experiment file."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from fittool.callbacks.base import CallbackContext
from fittool.data.user_code.functions import blamed, file_of
from fittool.settings import NAMES_CODE

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

    @wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        with blamed(f"{what} failed", file_of(function)):
            return function(*arguments, **named)

    return call
