"""A callback of the user's own in an experiment file: `- python: {class: "module:Class", arguments: {…}}`."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from fittool.callbacks.base import HOOKS, Callback, CallbackContext, CallbackSetting
from fittool.callbacks.functions import guarded
from fittool.data.user_code.functions import blamed, check_arguments, file_of
from fittool.errors import ExperimentError
from fittool.settings import NAMES_CODE, Field, Text, setting


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
        made = surroundings.function(self.class_)
        name = self.class_.rpartition("/")[2]
        if not (isinstance(made, type) and issubclass(made, Callback)):
            raise ExperimentError(f"{name} is no callback. Let it be a class that inherits from fittool.callbacks.Callback.")
        check_arguments(made, self.arguments, name)
        with blamed(f"{name} cannot be made", file_of(made.__init__)):
            callback = made(**self.arguments)
        for hook in HOOKS:
            if callback.overrides(hook):
                setattr(callback, hook, guarded(getattr(callback, hook), f"The callback {name}, {hook},"))
        return callback
